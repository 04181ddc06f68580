import fs, {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Watch } from '../../src/daemon/config-watcher.ts';
import { removeFolder } from '../lab/remove-folder.ts';
import { until } from '../lab.ts';

const QUIET_MS = 50;
/** What can look at a file, and what opens one. */
const LOOKS = [
  'stat',
  'lstat',
  'statSync',
  'lstatSync',
  'readdir',
  'readdirSync',
  'readlink',
  'readlinkSync',
];
const OPENS = ['open', 'openSync', 'readFile', 'readFileSync', 'opendir', 'access', 'accessSync', 'realpath'];

/** Counts such calls from anywhere, those of libraries and those that return promises, too. */
function countFileCalls() {
  const made: string[] = [];
  let isApart = false;
  const undo: (() => void)[] = [];
  for (const owner of [fs, fs.promises]) {
    for (const name of [...LOOKS, ...OPENS]) {
      const original: unknown = Reflect.get(owner, name);
      if (typeof original !== 'function') continue;
      const counted = (...given: unknown[]): unknown => {
        if (!isApart) made.push(name);
        return Reflect.apply(original, owner, given);
      };
      Reflect.set(owner, name, Object.assign(counted, original));
      undo.push(() => Reflect.set(owner, name, original));
    }
  }
  syncBuiltinESMExports();
  return {
    made: (): readonly string[] => made,
    /** Calls of the test itself. */
    apart: (work: () => void): void => {
      isApart = true;
      work();
      isApart = false;
    },
    restore: (): void => {
      for (const each of undo) each();
      syncBuiltinESMExports();
    },
  };
}

describe('a watched file', () => {
  let folder: string;
  let file: string;
  let watch: Watch;
  let seen: (string | null)[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
    file = join(folder, 'knock.yaml');
    writeFileSync(file, 'one');
    seen = [];
    watch = new Watch(
      () => {
        try {
          seen.push(readFileSync(file, 'utf8'));
        } catch {
          seen.push(null);
        }
      },
      (text) => expect.fail(text),
      QUIET_MS,
    );
  });
  afterEach(async () => {
    watch.close();
    removeFolder(folder);
  });

  /** Waits for the look that comes first, which makes sure of what was changed meanwhile. */
  async function begin(...paths: readonly string[]): Promise<void> {
    watch.set(paths);
    await until(() => seen.length > 0, 'the first look');
    seen = [];
  }
  const sees = (text: string) => until(() => seen.at(-1) === text, `${text} is seen, of ${seen}`);

  it('that is written in place, in pieces, is seen once it is quiet', async () => {
    await begin(file);
    for (const text of ['', 't', 'tw', 'two']) writeFileSync(file, text);
    await sees('two');
    expect(seen).toEqual(['two']);
  });

  it('that an editor puts in the place of another is seen, again and again', async () => {
    await begin(file);
    for (const text of ['two', 'three', 'four']) {
      writeFileSync(`${file}~`, text);
      renameSync(`${file}~`, file);
      await sees(text);
    }
  });

  it('that is gone for a while is seen when it is back, and after that', async () => {
    await begin(file);
    rmSync(file);
    await sleep(300);
    writeFileSync(file, 'two');
    await sees('two');
    writeFileSync(file, 'three');
    await sees('three');
  });

  it.each([true, false])(
    'behind a symlink that is turned round, as in a ConfigMap, is seen (the old one removed: %s)',
    async (isRemoved) => {
      const turn = (number: number, text: string): void => {
        mkdirSync(join(folder, `..${number}`));
        writeFileSync(join(folder, `..${number}`, 'k.yaml'), text);
        // Some tools keep the time of the file.
        utimesSync(join(folder, `..${number}`, 'k.yaml'), 1_700_000_000, 1_700_000_000);
        symlinkSync(`..${number}`, join(folder, '..data_tmp'));
        renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
        if (isRemoved) rmSync(join(folder, `..${number - 1}`), { recursive: true, force: true });
      };
      turn(1, 'one');
      symlinkSync('..data/k.yaml', join(folder, 'k.yaml'));
      file = join(folder, 'k.yaml');
      await begin(file);
      for (const [number, text] of [
        [2, 'two'],
        [3, 'three'],
      ] as const) {
        turn(number, text);
        await sees(text);
      }
    },
  );

  it('that comes only later is seen, and others of its folder are not', async () => {
    const other = join(folder, 'once.seq');
    await begin(file, other);
    for (const name of ['kern.log', 'knock.yaml.swp']) writeFileSync(join(folder, name), 'x');
    await sleep(300);
    expect(seen).toEqual([]);
    writeFileSync(other, '1,2\n');
    await until(() => seen.length === 1, 'the other file');
  });

  it('in a folder that is taken away, or put in the place of another, is seen when it is back', async () => {
    const above = join(folder, 'above');
    const parts = join(above, 'etc');
    const write = (text: string): void => {
      mkdirSync(parts, { recursive: true });
      writeFileSync(join(parts, 'knock.yaml'), text);
    };
    write('one');
    file = join(parts, 'knock.yaml');
    await begin(file);
    rmSync(above, { recursive: true });
    await until(() => seen.at(-1) === null, 'the loss is seen');
    write('two');
    await sees('two');
    renameSync(parts, `${parts}.old`);
    write('three');
    await sees('three');
    writeFileSync(file, 'four');
    await sees('four');
  });

  it('is seen in a folder that is made only later', async () => {
    file = join(folder, 'not', 'yet', 'knock.yaml');
    await begin(file);
    mkdirSync(join(folder, 'not', 'yet'), { recursive: true });
    await sleep(2 * QUIET_MS);
    writeFileSync(file, 'two');
    await sees('two');
  });

  it('costs no call of the file system when others write beside it, or above', async () => {
    const beside = join(folder, 'busy.log');
    const parts = join(folder, 'etc');
    mkdirSync(parts);
    file = join(parts, 'knock.yaml');
    writeFileSync(file, 'one');
    const logs = [beside, join(parts, 'busy.log')].map((path) => openSync(path, 'a'));
    await begin(file);
    const calls = countFileCalls();
    try {
      for (let line = 0; line < 200; line++) {
        for (const log of logs) calls.apart(() => writeSync(log, 'a line of another program\n'));
        if (line % 20 === 0) await sleep(10);
      }
      await sleep(3 * QUIET_MS);
      expect(calls.made()).toEqual([]);
      calls.apart(() => writeFileSync(file, 'two'));
      await sees('two');
      expect(calls.made()).not.toEqual([]);
    } finally {
      calls.restore();
      for (const log of logs) closeSync(log);
    }
  });

  it('is watched no more once others are', async () => {
    await begin(file);
    const elsewhere = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
    await begin(join(elsewhere, 'knock.yaml'));
    writeFileSync(file, 'two');
    await sleep(300);
    expect(seen).toEqual([]);
    rmSync(elsewhere, { recursive: true });
  });
});
