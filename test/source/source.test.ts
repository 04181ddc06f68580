import { appendFileSync, chmodSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { openLines } from '../../src/source/source.ts';
import { Following, logPath } from './following.ts';

function open(from: 'file' | 'stdin', path: string): Following {
  const stopping = new AbortController();
  const stdin = Readable.from([Buffer.from('from stdin\n')]);
  return new Following(openLines({ from, path }, { stdin, signal: stopping.signal }), () => stopping.abort());
}

it('a daemon follows a file from its end', async () => {
  const path = logPath();
  writeFileSync(path, 'old\n');
  const log = open('file', path);
  await log.settled();
  appendFileSync(path, 'new\n');
  await log.settled();
  expect(log.text).toBe('new\n');
});

it('a daemon reads stdin to its end', async () => {
  const log = open('stdin', logPath());
  await log.ended;
  expect(log.text).toBe('from stdin\n');
});

it.each(['file', 'auto'] as const)(
  'who else could write to the log is told with it, from: %s',
  async (from) => {
    const path = logPath();
    writeFileSync(path, 'Nov 21 00:00:00 vm kernel: x\n');
    chmodSync(path, 0o666);
    const stopping = new AbortController();
    const machine = { journalctl: null, files: [path], ring: () => 'missing' as const };
    const parts = { stdin: Readable.from([]), signal: stopping.signal, machine };
    const log = new Following(openLines({ from, path }, parts), () => stopping.abort());
    await log.settled();
    expect(log.events.filter((event) => event.kind === 'notice' && event.isDoubt === true)).toEqual([
      {
        kind: 'notice',
        text: `${path} can be written by any local user: chmod go-w ${path}`,
        lost: false,
        isDoubt: true,
      },
    ]);
  },
);

it('a daemon learns from the lines of a file that they came by way of /proc/kmsg, and tells it once', async () => {
  const path = logPath();
  writeFileSync(path, '');
  const log = open('file', path);
  await log.settled();
  appendFileSync(path, '2026-11-21T00:00:00Z vm kernel: by imkmsg\n');
  await log.settled();
  const doubts = () => log.events.filter((event) => event.kind === 'notice' && event.isDoubt === true);
  expect(doubts()).toEqual([]);
  for (const at of ['1.000000', '2.000000']) {
    appendFileSync(path, `Nov 21 00:00:00 vm kernel: [    ${at}] x\n`);
    await log.settled();
  }
  expect(doubts()).toEqual([expect.objectContaining({ text: expect.stringContaining('/proc/kmsg') })]);
});
