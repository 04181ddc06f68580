// SEED LINES FILE -> a kernel log as rsyslog writes it: LOG lines of strangers, a quarter of other lines, and 500 knocks
// at known places. Says what was written as JSON. Usage: node bench/generate.mjs SEED LINES FILE

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const KNOCKS = 500;
export const SEQUENCE = [4438, 1813, 8235];
const START_MS = Date.UTC(2026, 10, 21);
const STEP_US = 5_000;
const BATCH_LINES = 2_000;

/** Numbers below `limit` by xorshift32, the same for the same seed. */
export function generator(seed) {
  let state = seed >>> 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** A LOG line of the kernel, as rsyslog's default format has it. */
export function logLine(us, { src, spt, dpt, id, proto = 'TCP' }) {
  const rest = proto === 'TCP' ? 'WINDOW=64240 RES=0x00 SYN URGP=0 ' : 'LEN=9 ';
  return `${head(us)}KNOCK IN=eth0 OUT= MAC=02:42:ac:11:00:02:02:42:ac:11:00:01:08:00 SRC=${src} DST=203.0.113.10 LEN=60 TOS=0x00 PREC=0x00 TTL=54 ID=${id} DF PROTO=${proto} SPT=${spt} DPT=${dpt} ${rest}\n`;
}

function head(us) {
  const stamp = new Date(START_MS + Math.floor(us / 1000)).toISOString().slice(0, 23);
  const uptime = ((us + 100_000_000) / 1e6).toFixed(6).padStart(12);
  return `${stamp}${String(us % 1000).padStart(3, '0')}+00:00 bastion kernel: [${uptime}] `;
}

const OTHERS = [
  (us) =>
    `${head(us).replace('kernel:', 'sshd[812]:')}Failed password for invalid user admin from 198.51.100.7 port 50122 ssh2\n`,
  (us) =>
    `${head(us)}usb 1-1: new high-speed USB device number 4 using xhci_hcd, idVendor=0781, idProduct=5581, bcdDevice= 1.00\n`,
  (us) =>
    `${head(us)}UFW BLOCK IN=eth0 OUT= MAC=02:42:ac:11:00:02:02:42:ac:11:00:01:08:00 SRC=198.51.100.9 DST=203.0.113.10 LEN=40 TOS=0x00 PREC=0x00 TTL=240 ID=54321 PROTO=TCP SPT=45000 DPT=3389 WINDOW=1024 RES=0x00 SYN URGP=0 \n`,
  (us) =>
    `${head(us).replace('kernel:', 'CRON[4711]:')}(root) CMD (cd / && run-parts --report /etc/cron.hourly) and some more words that a log has\n`,
];

async function main(seed, lines, path) {
  const random = generator(seed);
  const out = createWriteStream(path);
  const every = Math.floor(lines / KNOCKS);
  let batch = '';
  let knocks = 0;
  let step = 3;
  for (let index = 0; index < lines; index++) {
    const us = index * STEP_US;
    if (index % every === 0 && knocks < KNOCKS) step = 0;
    if (step < 3 && index % 5 === 0) {
      const source = `192.0.2.${1 + (knocks % 250)}`;
      batch += logLine(us, {
        src: source,
        spt: 40_000 + step,
        dpt: SEQUENCE[step],
        id: index % 65_536,
        proto: step === 1 ? 'UDP' : 'TCP',
      });
      step++;
      if (step === 3) knocks++;
    } else if (random(4) === 0) {
      batch += OTHERS[random(OTHERS.length)](us);
    } else {
      const src = `${1 + random(223)}.${random(256)}.${random(256)}.${1 + random(254)}`;
      batch += logLine(us, { src, spt: 1024 + random(60_000), dpt: 1 + random(65_535), id: random(65_536) });
    }
    if (index % BATCH_LINES === 0) {
      if (!out.write(batch)) await once(out, 'drain');
      batch = '';
    }
  }
  out.end(batch);
  await once(out, 'close');
  process.stdout.write(`${JSON.stringify({ seed, lines, knocks })}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [seed = 1, lines = 1_000_000, path = '/tmp/knocktail-bench.log'] = process.argv.slice(2);
  await main(Number(seed), Number(lines), path);
}
