/** A log that another has read before: taken up where it was left, through rotations, each line once. */

import { appendFileSync, copyFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import type { LogPosition } from '../../src/model.ts';
import { type Checkpoint, CheckpointSaver, PositionHistory } from '../../src/source/checkpoint.ts';
import { followFile } from '../../src/source/file.ts';
import { Following, follow, logPath } from './following.ts';

const S = 1_000_000;

/** Reads a log up to now, and where the last of its lines and an earlier one end. */
async function leave(path: string, earlier: string, last: string): Promise<Checkpoint> {
  writeFileSync(path, earlier);
  const first = await follow(path);
  await first.settled();
  appendFileSync(path, last);
  await first.settled();
  const places = first.events.flatMap((event) =>
    event.kind === 'lines' && event.place !== null ? [event.place] : [],
  );
  await first.stop();
  const [from, upTo] = [places.at(last === '' ? -1 : -2), places.at(-1)];
  if (from === undefined || upTo === undefined) expect.fail();
  return { from, upTo };
}

/** `again:` and what is read for the second time, then what is new. */
async function takeUp(
  path: string,
  resume: Checkpoint,
): Promise<{ readonly again: string; readonly fresh: string }> {
  const ending = new AbortController();
  const second = new Following(followFile(path, { from: 'end', resume, signal: ending.signal }), () =>
    ending.abort(),
  );
  await second.settled();
  const text = (wanted: boolean) =>
    second.events
      .map((event) => (event.kind === 'lines' && event.again === wanted ? event.bytes.toString() : ''))
      .join('');
  const read = { again: text(true), fresh: text(false) };
  await second.stop();
  return read;
}

it('what was written meanwhile is new, what was read in the last window is read again', async () => {
  const path = logPath();
  const resume = await leave(path, 'one\n', 'two\nthree\n');
  appendFileSync(path, 'four\nfive\n');
  expect(await takeUp(path, resume)).toEqual({ again: 'two\nthree\n', fresh: 'four\nfive\n' });
});

it('half a line that was left is read whole', async () => {
  const path = logPath();
  const resume = await leave(path, 'one\n', 'two\nthr');
  appendFileSync(path, 'ee\n');
  expect(await takeUp(path, resume)).toEqual({ again: 'two\n', fresh: 'three\n' });
});

it('a log that was renamed meanwhile is read to its end, and then the new one', async () => {
  const path = logPath();
  const resume = await leave(path, 'one\n', 'two\n');
  appendFileSync(path, 'three\n');
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'four\n');
  expect(await takeUp(path, resume)).toEqual({ again: 'two\n', fresh: 'three\nfour\n' });
});

it('a log that was copied and truncated meanwhile is read from its start', async () => {
  const path = logPath();
  const resume = await leave(path, 'one\n', 'two\n');
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
  appendFileSync(path, 'a line that is longer than all that was there before\n');
  expect(await takeUp(path, resume)).toEqual({
    again: '',
    fresh: 'a line that is longer than all that was there before\n',
  });
});

it('a log that is gone was replaced by what is at its path, from its first line', async () => {
  const path = logPath();
  const resume = await leave(path, 'one\n', '');
  renameSync(path, join(dirname(path), 'gone'));
  writeFileSync(path, 'two\n');
  expect(await takeUp(path, resume)).toEqual({ again: '', fresh: 'two\n' });
});

it('a place of another kind of log is none: reading begins at the end', async () => {
  const path = logPath();
  writeFileSync(path, 'one\n');
  const place: LogPosition = { kind: 'journal', cursor: 'x', boot: 'b', monotonicUs: 5 };
  expect(await takeUp(path, { from: place, upTo: place })).toEqual({ again: '', fresh: '' });
});

const at = (position: number): LogPosition => ({ kind: 'file', dev: 1, ino: 1, position, print: '' });

it('reading is taken up as far back as an attempt can have begun', () => {
  const places = new PositionHistory();
  for (let second = 0; second <= 20; second++) places.pass(at(second), second * S, 5 * S);
  expect(places.resume).toEqual({ from: at(15), upTo: at(20) });
  places.pass(at(21), 20.1 * S, 5 * S);
  expect(places.resume).toEqual({ from: at(15), upTo: at(21) });
  places.pass(at(99), 900 * S, 5 * S);
  expect(places.resume, 'before a long silence').toEqual({ from: at(20), upTo: at(99) });
});

it('a clock that was set back does not keep reading from being taken up shortly before the end', () => {
  const places = new PositionHistory();
  for (let second = 100; second <= 110; second++) places.pass(at(second), second * S, 5 * S);
  for (let second = 0; second <= 10; second++) places.pass(at(200 + second), second * S, 5 * S);
  expect(places.resume).toEqual({ from: at(205), upTo: at(210) });
});

it('a clock that was set back does not keep a place from being saved', () => {
  let count = 0;
  const checkpoints = new CheckpointSaver({ read: () => null, write: () => count++ });
  for (const second of [1_000, 1, 2]) {
    checkpoints.pass(at(second), second * S, S);
    checkpoints.saveInTime(second * S);
  }
  expect(count).toBe(3);
});

it('a place is saved once a second, or when it is asked for, and not when nothing was read', () => {
  const written: Checkpoint[] = [];
  const checkpoints = new CheckpointSaver({ read: () => null, write: (position) => written.push(position) });
  const upTo = () => written.map(({ upTo }) => (upTo.kind === 'file' ? upTo.position : -1));
  checkpoints.saveInTime(0);
  checkpoints.pass(at(1), 0, S);
  checkpoints.saveInTime(S);
  checkpoints.pass(at(2), 1.1 * S, S);
  checkpoints.saveInTime(1.5 * S);
  expect(upTo()).toEqual([1]);
  checkpoints.save();
  checkpoints.saveInTime(9 * S);
  expect(upTo()).toEqual([1, 2]);
});
