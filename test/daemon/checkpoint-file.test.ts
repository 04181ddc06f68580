/** The place in a log, kept for the next daemon: whatever befalls its file, the daemon goes on. */

import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { CheckpointFile } from '../../src/daemon/checkpoint-file.ts';
import type { Checkpoint } from '../../src/source/checkpoint.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

const RESUME: Checkpoint = {
  from: { kind: 'file', dev: 1, ino: 2, position: 3, print: '0a0b' },
  upTo: { kind: 'journal', cursor: 's=1;i=2', boot: 'b', monotonicUs: 5 },
};

let folder: string;
let told: string[];
beforeEach(() => {
  folder = scratchFolder();
  told = [];
});

function configOf(log: string, state = join(folder, 'state')): Config {
  const { config } = loadConfig(
    `log: ${log}\nstate: ${state}\ndoors: { a: { sequence: [5, 1, 3], close: b }, b: { sequence: [9], open: { port: 22 } } }`,
  );
  return config ?? expect.fail();
}
const file = (log = '{ path: /a.log }', in_?: string) => {
  const { state, logs } = configOf(log, in_);
  return new CheckpointFile(state, logs[0], { warn: (text) => told.push(text) });
};

it('is read as it was written, in a folder that is made for it and that nobody else may enter', () => {
  expect(file().read()).toBeNull();
  file().write(RESUME);
  expect(file().read()).toEqual(RESUME);
  expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o700);
  expect(readdirSync(join(folder, 'state'))).toHaveLength(1);
});

it('of one log is not that of another', () => {
  file().write(RESUME);
  expect([file('{ path: /b.log }').read(), file('{ from: kmsg }').read()]).toEqual([null, null]);
});

it.each(['', '{', '{}', '{"from":1,"upTo":2}', JSON.stringify({ ...RESUME, upTo: { kind: 'file' } })])(
  'that is torn (%j) is none',
  (text) => {
    file().write(RESUME);
    const [name = ''] = readdirSync(join(folder, 'state'));
    writeFileSync(join(folder, 'state', name), text);
    expect(file().read()).toBeNull();
  },
);

it('that cannot be written is told once', () => {
  const unwritable = file('{ path: /a.log }', '/dev/null/state');
  unwritable.write(RESUME);
  unwritable.write(RESUME);
  expect(told).toEqual([
    expect.stringMatching(
      /^cannot save the log position in .*ENOTDIR.*: a daemon that starts now may act again on knocks/,
    ),
  ]);
});
