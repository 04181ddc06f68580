import { appendFileSync, chmodSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { Listener } from '../../src/cli/listener.ts';
import { schema } from '../../src/config/schema.ts';
import { until } from '../lab.ts';
import { logPath } from '../source/following.ts';

const BODY =
  'KNOCK IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=40000 DPT=7000 WINDOW=64240 RES=0x00 SYN URGP=0 ';

function listenTo(path: string): { readonly listener: Listener; readonly signal: AbortSignal } {
  const { logs } = schema.parse({
    log: { path, prefix: 'KNOCK ' },
    doors: { a: { sequence: [7000] } },
  });
  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  const how = { stdin: Readable.from([]), signal: ending.signal, isWanted: () => true };
  return { listener: Listener.toLog(logs[0], how), signal: ending.signal };
}

it('a log that others could write is heard all the same', async () => {
  const path = logPath();
  writeFileSync(path, '');
  chmodSync(path, 0o666);
  const { listener, signal } = listenTo(path);
  await listener.atEnd(signal);
  expect(listener.trouble).toBeNull();
  const stamp = new Date().toISOString().replace('Z', '+00:00');
  appendFileSync(path, `${stamp} vm kernel: ${BODY}\n`);
  await until(() => listener.heard.length === 1, 'the packet');
});

it('a log that cannot be read is in trouble at once, and says why', async () => {
  const folder = dirname(logPath());
  const { listener, signal } = listenTo(folder);
  await listener.atEnd(signal);
  expect(listener.trouble).toContain(folder);
});
