import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { followStream } from '../../src/source/stdin.ts';
import { Following } from './following.ts';

function follow(stream: PassThrough, pollMs = 5): Following {
  const stopping = new AbortController();
  return new Following(followStream(stream, { signal: stopping.signal, pollMs }), () => stopping.abort());
}

it('lines of a live stream come as they are written, and end with it', async () => {
  const stream = new PassThrough();
  const log = follow(stream);
  stream.write('one\ntw');
  await log.until(() => log.text === 'one\n');
  stream.end('o\n');
  await log.ended;
  expect(log.text).toBe('one\ntwo\n');
  expect(log.notices).toEqual([]);
});

it('a live stream without lines lets time pass', async () => {
  const log = follow(new PassThrough());
  await log.settled();
  await log.settled();
  expect(log.events.every(({ kind }) => kind === 'drained')).toBe(true);
});

it('a live stream is looked at when it has something, without a poll', async () => {
  const stream = new PassThrough();
  const log = follow(stream, 10 * 60_000);
  await log.until(() => log.events.length === 1);
  stream.write('one\n');
  await log.until(() => log.text === 'one\n');
  expect(log.events.map(({ kind }) => kind).slice(0, 2)).toEqual(['drained', 'lines']);
});

it('half a line at the end of a live stream is left out and told of', async () => {
  const stream = new PassThrough();
  const log = follow(stream);
  stream.end('one\nSRC=10.0.0.1 DPT=70');
  await log.ended;
  expect(log.text).toBe('one\n');
  expect(log.notices).toEqual(['stdin: left out a last line without an end']);
});

it('a live stream that fails is told of, and ends', async () => {
  const stream = new PassThrough();
  const log = follow(stream);
  stream.write('one\n');
  await log.until(() => log.text === 'one\n');
  stream.destroy(new Error('EIO: i/o error, read'));
  await log.ended;
  expect(log.events.at(-1)).toEqual({
    kind: 'notice',
    text: 'stdin cannot be read: EIO: i/o error, read',
    lost: true,
  });
});

it('an over-long line in a live stream is told of', async () => {
  const stream = new PassThrough();
  const log = follow(stream);
  stream.end(`${'a'.repeat(100_000)}\ntwo\n`);
  await log.ended;
  expect(log.text).toBe('\ntwo\n');
  expect(log.notices).toEqual(['stdin: left out a line of more than 64 KiB']);
});

it('a live stream is read on only when its consumer asks for more', async () => {
  const stream = new PassThrough({ highWaterMark: 10 });
  const source = followStream(stream, { signal: new AbortController().signal });
  expect((await source.next()).value?.kind).toBe('drained');
  stream.write('one\n');
  expect((await source.next()).value?.kind).toBe('lines');
  while (stream.write('another\n'));
  await sleep(20);
  expect(stream.readableLength).toBeGreaterThan(0);
  await source.return();
  expect(stream.destroyed).toBe(true);
});

it('following a live stream ends when aborted', async () => {
  const stream = new PassThrough();
  const log = follow(stream, 10 * 60_000);
  await log.until(() => log.events.length > 0);
  await log.stop();
  expect(stream.destroyed).toBe(true);
});
