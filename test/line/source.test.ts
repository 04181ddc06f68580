import { appendFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { openLines } from '../../src/line/source.ts';
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
