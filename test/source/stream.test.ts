import { appendFileSync, chmodSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { KnocktailError } from '../../src/errors.ts';
import type { LineEvent, LineSource } from '../../src/model.ts';
import { readLog, readStream } from '../../src/source/stream.ts';
import { kept, logPath } from './following.ts';
import { withoutPrivileges } from './privileges.ts';

const NEVER = new AbortController().signal;
const NO_STDIN = Readable.from([]);

async function eventsOf(source: LineSource): Promise<LineEvent[]> {
  const events: LineEvent[] = [];
  for await (const event of source) events.push(kept(event));
  return events;
}

const textOf = (events: readonly LineEvent[]): string =>
  events.map((event) => (event.kind === 'lines' ? event.bytes.toString() : '')).join('');

const read = (path: string, stdin = NO_STDIN) => eventsOf(readLog(path, { stdin, signal: NEVER }));

describe('a recorded log', () => {
  it('is read whole, in batches as large as what was read', async () => {
    const path = logPath();
    const text = `${'a'.repeat(99)}\n`.repeat(40_000);
    writeFileSync(path, text);
    const events = await read(path);
    expect(textOf(events)).toBe(text);
    // Four chunks, of which three end in a line whose rest is in the next.
    expect(events).toHaveLength(7);
  });

  it('may lack its last LF', async () => {
    const path = logPath();
    writeFileSync(path, 'one\ntwo');
    expect(textOf(await read(path))).toBe('one\ntwo\n');
  });

  it('may be empty', async () => {
    const path = logPath();
    writeFileSync(path, '');
    expect(await read(path)).toEqual([]);
  });

  it('is stdin when it is called -', async () => {
    const stdin = Readable.from([Buffer.from('one\ntw'), Buffer.from('o\n')]);
    expect(textOf(await read('-', stdin))).toBe('one\ntwo\n');
  });

  it('is read on after an over-long line, which is told of at the end', async () => {
    const path = logPath();
    writeFileSync(path, 'one\n');
    truncateSync(path, 1_000_000);
    appendFileSync(path, '\ntwo\n');
    const events = await read(path);
    expect(textOf(events)).toBe('one\n\ntwo\n');
    expect(events.at(-1)).toEqual({
      kind: 'notice',
      text: `${path}: left out a line of more than 64 KiB`,
      lost: true,
    });
  });
});

describe('a log that cannot be read', () => {
  it('since it is not there is error 66', async () => {
    const path = logPath();
    const error = await read(path).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(KnocktailError);
    expect(error).toMatchObject({
      exitCode: 66,
      message: `${path}: no such file, name a log file, or - for stdin`,
    });
  });

  it('since it is a folder is error 66', async () => {
    const path = logPath();
    mkdirSync(path);
    await expect(read(path)).rejects.toMatchObject({
      exitCode: 66,
      message: `${path}: is a folder, name a log file in it`,
    });
  });

  it('for lack of permission is error 77', async () => {
    const path = logPath();
    writeFileSync(path, 'one\n', { mode: 0 });
    chmodSync(dirname(path), 0o755);
    await withoutPrivileges(path, async () => {
      await expect(read(path)).rejects.toMatchObject({
        exitCode: 77,
        message: `${path}: permission denied, run as root or as a member of its group`,
      });
    });
  });

  it('for a fault of the program is that fault', async () => {
    const stream = new PassThrough();
    stream.destroy(new TypeError('a fault'));
    await expect(eventsOf(readStream(stream, { name: 'log', signal: NEVER }))).rejects.toThrow(TypeError);
  });
});

it('reading a stream that never ends can be aborted', async () => {
  const stream = new PassThrough();
  stream.write('one\n');
  const stopping = new AbortController();
  const texts: string[] = [];
  for await (const event of readStream(stream, { name: 'stdin', signal: stopping.signal })) {
    texts.push(textOf([event]));
    stopping.abort();
  }
  expect(texts).toEqual(['one\n']);
  expect(stream.destroyed).toBe(true);
});
