import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { followFile } from '../../src/source/file.ts';
import { LINE_CAP_BYTES } from '../../src/source/line-splitter.ts';
import { descriptorsOn, follow, logPath } from './following.ts';
import { withoutPrivileges } from './privileges.ts';

const MB = 1_000_000;
/** Far longer than a test: whoever depends on the poll would not end. */
const NO_POLL = { pollMs: 10 * 60_000 };

/** The watches and requests that would keep the process from ending. */
const resources = () => process.getActiveResourcesInfo().filter((name) => /FSEvent|FSReq/.test(name));

describe('a followed file', () => {
  it('is read from its end', async () => {
    const path = logPath();
    writeFileSync(path, 'old\n');
    const log = await follow(path, { from: 'end' });
    await log.settled();
    appendFileSync(path, 'new\nnewer\n');
    await log.settled();
    expect(log.text).toBe('new\nnewer\n');
    expect(log.notices).toEqual([`${path}: reading from its end`]);
  });

  it('is read from its start where that is asked for', async () => {
    const path = logPath();
    writeFileSync(path, 'old\n');
    const log = await follow(path, { from: 'start' });
    appendFileSync(path, 'new\n');
    await log.settled();
    expect(log.text).toBe('old\nnew\n');
  });

  it('that is not there is waited for, and then read from its first byte', async () => {
    const path = logPath();
    const log = await follow(path, { from: 'end', pollMs: 5 });
    for (let look = 0; look < 5; look++) await log.settled();
    writeFileSync(path, 'first\n');
    await log.settled();
    expect(log.text).toBe('first\n');
    expect(log.notices).toEqual([`${path} is not there, waiting for it`, `${path}: reading from its start`]);
  });

  it('may be in a folder that is not there', async () => {
    const path = join(logPath('folder'), 'kern.log');
    const log = await follow(path, { from: 'end' });
    mkdirSync(dirname(path));
    writeFileSync(path, 'first\n');
    await log.settled();
    expect(log.text).toBe('first\n');
  });

  it('is read in the new folder when its folder is replaced', async () => {
    const path = join(logPath('folder'), 'kern.log');
    mkdirSync(dirname(path));
    writeFileSync(path, 'one\n');
    const log = await follow(path);
    renameSync(dirname(path), `${dirname(path)}.old`);
    mkdirSync(dirname(path));
    writeFileSync(path, 'two\n');
    await log.settled();
    appendFileSync(path, 'three\n');
    await log.settled();
    expect(log.text).toBe('one\ntwo\nthree\n');
  });

  it('hands on a line once its end is written', async () => {
    const path = logPath();
    const log = await follow(path);
    for (const part of ['a line ', 'in three', ' parts']) {
      appendFileSync(path, part);
      await log.settled();
      expect(log.text).toBe('');
    }
    appendFileSync(path, '\nnext');
    await log.settled();
    expect(log.text).toBe('a line in three parts\n');
  });

  it('hands on nothing of the line that was being written when reading began', async () => {
    const path = logPath();
    writeFileSync(path, 'whole\nSRC=10.0.0.1 D');
    const log = await follow(path, { from: 'end' });
    await log.settled();
    appendFileSync(path, 'PT=7000\nnext\n');
    await log.settled();
    expect(log.text).toBe('next\n');
  });

  it('is handed on byte for byte', async () => {
    const path = logPath();
    const bytes = Buffer.from(Array.from({ length: MB }, (_, index) => (index * 2_654_435_761) >>> 24));
    bytes.fill(0, 1000, 2000);
    bytes[MB - 1] = 10;
    writeFileSync(path, bytes);
    const log = await follow(path);
    await log.settled();
    expect(log.bytes.equals(bytes)).toBe(true);
  });

  it('is seen to grow by the watch on its folder, without a poll', async () => {
    const path = logPath();
    writeFileSync(path, '');
    const log = await follow(path, NO_POLL);
    await log.until(() => log.events.some(({ kind }) => kind === 'drained'));
    appendFileSync(path, 'one\n');
    await log.until(() => log.text === 'one\n');
    expect(log.text).toBe('one\n');
  });

  it('is seen to grow by the poll, where no watch reaches', async () => {
    const target = logPath('target.log');
    const path = logPath();
    writeFileSync(target, 'one\n');
    symlinkSync(target, path);
    const log = await follow(path);
    appendFileSync(target, 'two\n');
    await log.settled();
    expect(log.text).toBe('one\ntwo\n');
  });
});

describe('an over-long line', () => {
  it('is left out and told of, and one of exactly 64 KiB is not', async () => {
    const path = logPath();
    const longest = 'a'.repeat(LINE_CAP_BYTES);
    writeFileSync(path, `one\n${longest}\n${longest}b\ntwo\n`);
    const log = await follow(path);
    await log.settled();
    expect(log.text).toBe(`one\n${longest}\n\ntwo\n`);
    expect(log.events).toContainEqual({
      kind: 'notice',
      text: `${path}: left out a line of more than 64 KiB`,
      lost: true,
    });
  });

  it('of 100 MB is passed over in bounded memory', async () => {
    const path = logPath();
    writeFileSync(path, '');
    truncateSync(path, 100 * MB);
    appendFileSync(path, '\nnext\n');
    const before = process.memoryUsage.rss();
    const log = await follow(path);
    await log.settled();
    expect(log.text).toBe('\nnext\n');
    expect(process.memoryUsage.rss() - before).toBeLessThan(80 * MB);
    expect(log.notices.filter((text) => text.includes('64 KiB'))).toHaveLength(1);
  });
});

describe('a path that cannot be read', () => {
  it('is told of once and read when it can be, from where it stood at the start', async () => {
    const path = logPath();
    writeFileSync(path, 'old\n', { mode: 0 });
    chmodSync(dirname(path), 0o755);
    await withoutPrivileges(path, async () => {
      const log = await follow(path, { from: 'end', pollMs: 5 });
      await sleep(50);
      expect(log.events).toEqual([
        {
          kind: 'notice',
          text: `${path}: permission denied, run as root or as a member of its group`,
          lost: true,
        },
      ]);
      chmodSync(path, 0o600);
      appendFileSync(path, 'new\n');
      await log.settled();
      expect(log.text).toBe('new\n');
    });
  });

  it('does not keep the rotated file from being read to its end', async () => {
    const path = logPath();
    writeFileSync(path, 'one\n');
    chmodSync(dirname(path), 0o777);
    await withoutPrivileges(path, async () => {
      const log = await follow(path);
      await log.settled();
      renameSync(path, `${path}.1`);
      writeFileSync(path, 'three\n', { mode: 0 });
      appendFileSync(`${path}.1`, 'two\n');
      await log.until(() => log.text === 'one\ntwo\n');
      chmodSync(path, 0o600);
      await log.settled();
      expect(log.text).toBe('one\ntwo\nthree\n');
    });
  });

  it.each([
    ['a folder', (path: string) => mkdirSync(path), 'a folder, name a log file in it'],
    [
      'a pipe',
      (path: string) => spawnSync('mkfifo', [path]),
      'a pipe, which cannot be followed: read it through stdin',
    ],
    ['a device', (path: string) => symlinkSync('/dev/null', path), 'not a file, name a log file'],
  ])('since it is %s is told of once, and read when it is a file', async (_, make, words) => {
    const path = logPath();
    make(path);
    const log = await follow(path, { pollMs: 5 });
    await sleep(50);
    expect(log.events).toEqual([{ kind: 'notice', text: `${path} is ${words}`, lost: true }]);
    rmSync(path, { recursive: true });
    writeFileSync(path, 'one\n');
    await log.settled();
    expect(log.text).toBe('one\n');
  });
});

describe('following', () => {
  it('ends when aborted, and leaves nothing open', async () => {
    const path = logPath();
    writeFileSync(path, 'one\n');
    const before = resources();
    const log = await follow(path, NO_POLL);
    await log.until(() => log.text === 'one\n');
    expect(descriptorsOn(path)).toBe(1);
    expect(resources().length).toBeGreaterThan(before.length);
    await log.stop();
    expect(descriptorsOn(path)).toBe(0);
    expect(resources()).toEqual(before);
  });

  it('ends when its consumer leaves, and leaves nothing open', async () => {
    const path = logPath();
    writeFileSync(path, 'one\n');
    const before = resources();
    for await (const event of followFile(path, { from: 'start', signal: new AbortController().signal })) {
      if (event.kind === 'lines') break;
    }
    expect(descriptorsOn(path)).toBe(0);
    expect(resources()).toEqual(before);
  });

  it('gives nothing when it was aborted before', async () => {
    const path = logPath();
    writeFileSync(path, 'one\n');
    const source = followFile(path, { from: 'start', signal: AbortSignal.abort() });
    expect(await source.next()).toEqual({ done: true, value: undefined });
  });

  it('reads on only when its consumer asks for more', async () => {
    const path = logPath();
    writeFileSync(path, `${'a'.repeat(99)}\n`.repeat(20_000));
    let clockCalls = 0;
    const clock = () => clockCalls++;
    const stopping = new AbortController();
    const source = followFile(path, { from: 'start', signal: stopping.signal, clock });
    for await (const { kind } of source) {
      if (kind !== 'lines') continue;
      const before = clockCalls;
      await sleep(50);
      expect(clockCalls, 'each batch asks for the time').toBe(before);
      stopping.abort();
    }
    expect(clockCalls).toBe(2);
  });

  it('looks at a log that is at rest no more often than it polls', async () => {
    const path = logPath();
    writeFileSync(path, 'one\n');
    let looks = 0;
    const clock = () => looks++;
    const log = await follow(path, { ...NO_POLL, clock });
    await log.until(() => log.events.at(-1)?.kind === 'drained');
    await sleep(50);
    const before = looks;
    await sleep(100);
    expect(looks).toBe(before);
  });
});
