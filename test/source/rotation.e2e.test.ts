import {
  appendFileSync,
  copyFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { expect, it } from 'vitest';
import { descriptorsOn, type Following, follow, logPath } from './following.ts';

/** A log with one line in it that has been read. */
async function followed(options: { graceMs?: number } = {}): Promise<[path: string, log: Following]> {
  const path = logPath();
  writeFileSync(path, 'one\n');
  const log = await follow(path, options);
  await log.settled();
  return [path, log];
}

it('a log that is renamed and made anew is read on', async () => {
  const [path, log] = await followed();
  appendFileSync(path, 'two\n');
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'three\n');
  await log.settled();
  expect(log.text).toBe('one\ntwo\nthree\n');
  expect(log.notices).toEqual([
    `${path}: reading from its start`,
    `${path} was replaced, going over to the new file`,
  ]);
  expect(descriptorsOn(path)).toBe(1);
});

it('a log that is deleted and made anew is read on', async () => {
  const [path, log] = await followed();
  appendFileSync(path, 'two\n');
  unlinkSync(path);
  await log.settled();
  writeFileSync(path, 'three\n');
  await log.settled();
  expect(log.text).toBe('one\ntwo\nthree\n');
  expect(log.notices).toContain(`${path} is not there, waiting for it`);
});

it('lines written to a log after it was renamed are read, until the new one has some', async () => {
  const [path, log] = await followed();
  renameSync(path, `${path}.1`);
  writeFileSync(path, '');
  await log.settled();
  appendFileSync(`${path}.1`, 'two\n');
  await log.settled();
  expect(log.text).toBe('one\ntwo\n');
  appendFileSync(`${path}.1`, 'three\n');
  appendFileSync(path, 'four\n');
  await log.settled();
  expect(log.text).toBe('one\ntwo\nthree\nfour\n');
});

it('lines written to a log after it was deleted are read', async () => {
  const [path, log] = await followed();
  renameSync(path, `${path}.gone`);
  await log.settled();
  appendFileSync(`${path}.gone`, 'two\n');
  unlinkSync(`${path}.gone`);
  await log.settled();
  expect(log.text).toBe('one\ntwo\n');
});

it('rotations that follow each other before any new file has lines lose none', async () => {
  const [path, log] = await followed();
  for (const number of [1, 2, 3]) {
    renameSync(path, `${path}.${number}`);
    writeFileSync(path, '');
    await log.settled();
  }
  appendFileSync(`${path}.1`, 'two\n');
  await log.settled();
  appendFileSync(`${path}.2`, 'three\n');
  appendFileSync(path, 'four\n');
  await log.settled();
  expect(log.text).toBe('one\ntwo\nthree\nfour\n');
  expect(descriptorsOn(path)).toBe(1);
});

it('a log that is moved away and back is not read twice', async () => {
  const [path, log] = await followed({ graceMs: 100 });
  renameSync(path, `${path}.away`);
  writeFileSync(path, '');
  await log.until(() => descriptorsOn(path) === 2);
  renameSync(`${path}.away`, path);
  await log.until(() => descriptorsOn(path) === 1);
  appendFileSync(path, 'two\n');
  await log.settled();
  expect(log.text).toBe('one\ntwo\n');
});

it('a replaced log that is quiet is let go, though the new one stays empty', async () => {
  const [path, log] = await followed({ graceMs: 100 });
  renameSync(path, `${path}.1`);
  writeFileSync(path, '');
  await log.until(() => descriptorsOn(`${path}.1`) === 1);
  await log.until(() => descriptorsOn(`${path}.1`) === 0);
  appendFileSync(path, 'two\n');
  await log.settled();
  expect(log.text).toBe('one\ntwo\n');
});

it('a log that is emptied is read from its start', async () => {
  const [path, log] = await followed();
  truncateSync(path);
  await log.settled();
  appendFileSync(path, 'two\n');
  await log.settled();
  expect(log.text).toBe('one\ntwo\n');
  expect(log.events).toContainEqual({
    kind: 'notice',
    text: `${path} was truncated, reading it from its start`,
    lost: true,
  });
});

it.each([
  ['past', 'two\nthree\n'],
  ['exactly to', 'two\n'],
])(
  'a log that is copied, emptied and grown %s its old size unseen is read from its start',
  async (_, grown) => {
    const [path, log] = await followed();
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    appendFileSync(path, grown);
    await log.settled();
    appendFileSync(path, 'last\n');
    await log.settled();
    expect(log.text).toBe(`one\n${grown}last\n`);
  },
);

it('a symlink is followed to its new target', async () => {
  const path = logPath();
  writeFileSync(`${path}-1`, 'one\n');
  writeFileSync(`${path}-2`, 'three\n');
  symlinkSync(`${path}-1`, path);
  const log = await follow(path);
  await log.settled();
  appendFileSync(`${path}-1`, 'two\n');
  symlinkSync(`${path}-2`, `${path}.next`);
  renameSync(`${path}.next`, path);
  await log.settled();
  expect(log.text).toBe('one\ntwo\nthree\n');
});

it('half a line at the end of a replaced log is left out and told of', async () => {
  const [path, log] = await followed();
  appendFileSync(path, 'SRC=10.0.0.1 DPT=70');
  await log.settled();
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'two\n');
  await log.settled();
  expect(log.text).toBe('one\ntwo\n');
  expect(log.notices).toContain(`${path}: left out a last line without an end`);
});

it('half a line at the end of a replaced log is whole when its end comes in time', async () => {
  const [path, log] = await followed();
  appendFileSync(path, 'half ');
  renameSync(path, `${path}.1`);
  writeFileSync(path, '');
  await log.settled();
  appendFileSync(`${path}.1`, 'and half\n');
  appendFileSync(path, 'two\n');
  await log.settled();
  expect(log.text).toBe('one\nhalf and half\ntwo\n');
});

it('half a line that was truncated away is not joined to the next', async () => {
  const [path, log] = await followed();
  appendFileSync(path, 'half ');
  await log.settled();
  truncateSync(path);
  appendFileSync(path, 'a line\n');
  await log.settled();
  expect(log.text).toBe('one\na line\n');
});

it('a file that has the inode number of the first one is read from its first byte all the same', async () => {
  const path = logPath();
  writeFileSync(path, 'old\n');
  const { ino } = statSync(path);
  const log = await follow(path, { from: 'end' });
  await log.settled();
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'one\n');
  await log.settled();
  rmSync(`${path}.1`);
  renameSync(path, `${path}.1`);
  // Most file systems hand a freed number out again.
  for (let count = 0; count < 100; count++) {
    writeFileSync(`${path}.${count}.new`, 'two\nthree\n');
    if (statSync(`${path}.${count}.new`).ino !== ino && count < 99) continue;
    renameSync(`${path}.${count}.new`, path);
    break;
  }
  await log.settled();
  expect(log.text).toBe('one\ntwo\nthree\n');
});
