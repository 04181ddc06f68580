import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Watch } from '../../src/cli/watch.ts';
import { removeFolder } from '../lab/remove-folder.ts';
import { until } from '../lab.ts';

const QUIET_MS = 50;

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
    await watch.close();
    removeFolder(folder);
  });

  /** Waits for the look that comes first, which makes sure of what was changed meanwhile. */
  async function begin(...paths: readonly string[]): Promise<void> {
    await watch.set(paths);
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
