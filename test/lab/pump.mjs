// /dev/kmsg -> a log file as rsyslog's imklog writes it, the kernel's own lines with one prefix alone.
// Usage: node pump.mjs PREFIX FILE; says `ready` once the backlog is behind it, ends with its stdin.
// /proc/kmsg would have imklog's one reader at a time; /dev/kmsg has as many as there are labs.

import { appendFileSync, closeSync, constants, openSync, readSync, writeFileSync } from 'node:fs';

const POLL_MS = 10;
const RECORD_BYTES = 8192;
const US_PER_SECOND = 1_000_000;

const [, , prefix = '', file = ''] = process.argv;
const kmsg = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
const buffer = Buffer.alloc(RECORD_BYTES);

writeFileSync(file, '', { flag: 'a' });
while (nextRecord() !== null);
process.stdout.write('ready\n');
const poll = setInterval(drain, POLL_MS);
process.stdin.resume().on('close', () => {
  clearInterval(poll);
  drain();
  closeSync(kmsg);
});

function drain() {
  for (let record = nextRecord(); record !== null; record = nextRecord()) {
    const line = asSyslog(record);
    if (line !== null) appendFileSync(file, line);
  }
}

/** One read is one record: `priority,sequence,microseconds,flags;text`. Null when there is none yet. */
function nextRecord() {
  for (;;) {
    try {
      return buffer.toString('latin1', 0, readSync(kmsg, buffer));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : null;
      if (code === 'EAGAIN') return null;
      // EPIPE: the ring has overtaken the reader, which goes on with the oldest record left.
      if (code !== 'EPIPE') throw error;
    }
  }
}

/** @param {string} record */
function asSyslog(record) {
  const semicolon = record.indexOf(';');
  const [priority = '', , stamp = ''] = record.slice(0, semicolon).split(',');
  const text = record.slice(semicolon + 1).split('\n', 1)[0] ?? '';
  const isKernel = Number(priority) >> 3 === 0;
  if (!isKernel || !text.startsWith(prefix)) return null;
  const uptime = (Number(stamp) / US_PER_SECOND).toFixed(6).padStart(12);
  return `${now()} vm kernel: [${uptime}] ${text}\n`;
}

/** RFC 3339 with microseconds, as rsyslog's default file format has it: when the line was read. */
function now() {
  const ms = performance.timeOrigin + performance.now();
  const us = String(Math.floor(ms * 1000) % 1000).padStart(3, '0');
  return new Date(ms).toISOString().replace('Z', `${us}+00:00`);
}
