/** The forms of a line. */

import { closeSync, fstatSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { withLevel } from '../../../src/telemetry/log.ts';
import { asJson, prioritised, timed } from '../../../src/telemetry/sink/form.ts';
import { isJournal } from '../../../src/telemetry/sink/journal-stream.ts';

const json = asJson(() => new Date(Date.UTC(2026, 10, 21, 12)));

it('JSON has time, level and text, and what else is known', () => {
  expect(JSON.parse(json('warn', 'it is "late"', { event: 'late', door: 'ssh', stage: 2 }))).toEqual({
    time: '2026-11-21T12:00:00.000Z',
    level: 'warn',
    message: 'it is "late"',
    event: 'late',
    door: 'ssh',
    stage: 2,
  });
});

it('a line of the console begins with the local time', () => {
  const form = timed(() => new Date(2026, 10, 21, 9, 5, 3));
  expect([form('info', 'ready'), form('warn', 'late')]).toEqual([
    '2026-11-21 09:05:03 ready',
    '2026-11-21 09:05:03 warning: late',
  ]);
});

it('nothing in JSON acts on a terminal, and all of it is read back', () => {
  const door = 'a\u001b\u009b31m\u2028\u007f';
  const line = json('info', 'x', { door });
  expect(line).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(line)).toMatchObject({ door });
});

it('the journal is told how grave it is', () => {
  const form = prioritised(withLevel);
  expect([form('info', 'a'), form('warn', 'b'), form('error', 'c')]).toEqual([
    '<6>a',
    '<4>warning: b',
    '<3>error: c',
  ]);
});

it('a stream is the journal where device and inode are the same, and it is open', () => {
  const file = openSync('/dev/null', 'w');
  const { dev, ino } = fstatSync(file);
  expect(isJournal(file, `${dev}:${ino}`)).toBe(true);
  expect(isJournal(file, `${dev}:${ino + 1}`)).toBe(false);
  expect(isJournal(file, undefined)).toBe(false);
  closeSync(file);
  expect(isJournal(file, `${dev}:${ino}`)).toBe(false);
});
