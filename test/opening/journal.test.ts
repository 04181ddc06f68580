/** The stop commands that are owed, on a disk that may fail at any moment. */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Disk, StopDisk } from '../../src/opening/disk.ts';
import { StopJournal } from '../../src/opening/journal.ts';
import { lineOf, readLines } from '../../src/opening/record.ts';
import { removeFolder } from '../lab/remove-folder.ts';
import { stop } from './saved-stop.ts';

let folder: string;
let told: string[];
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'knocktail-test-')), 'state', 'stops');
  told = [];
});
afterEach(() => removeFolder(join(folder, '..', '..')));

const journalOn = (disk: Disk | null = new StopDisk(folder)) =>
  new StopJournal(disk, (text) => void told.push(text));
const idsOnDisk = async () => (await journalOn().read()).map(({ id }) => Number.parseInt(id, 16));
const file = () => join(folder, 'journal');

describe('the journal of stop commands', () => {
  it.each([
    ['folder', () => folder],
    ['file', file],
  ])('runs nothing of a %s that others can write', async (_, path) => {
    await journalOn().keep(stop(1));
    chmodSync(path(), 0o777);
    expect(await journalOn().read()).toEqual([]);
    expect(told).toEqual([
      expect.stringMatching(/cannot be read, and are not run: .* can be written by others/),
    ]);
  });

  it('says to the next daemon what is owed, as it was written, in a folder that nobody else may enter', async () => {
    const journal = journalOn();
    expect(await journal.read()).toEqual([]);
    expect(await journal.keep(stop(1))).toBe(true);
    expect(journal.holds(stop(1).id)).toBe(true);
    await journal.keep(stop(2));
    await journal.keep(stop(2, { dueAt: 7, failures: 3 }));
    await journal.keep(stop(3));
    await journal.drop(stop(1).id);
    expect(await journalOn().read()).toEqual([stop(2, { dueAt: 7, failures: 3 }), stop(3)]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(told).toEqual([]);
  });

  it('syncs changes that come together once', async () => {
    const disk = new CountingDisk(folder);
    const journal = journalOn(disk);
    await journal.keep(stop(0));
    const flood = Array.from({ length: 500 }, (_, index) => journal.keep(stop(index + 1)));
    expect(await Promise.all(flood)).not.toContain(false);
    expect(disk.calls).toEqual(['replace', 'append']);
    expect(await idsOnDisk()).toHaveLength(501);
  });

  it('does not grow with what is over', async () => {
    const journal = journalOn();
    await journal.keep(stop(1));
    for (let number = 2; number < 2_500; number++) {
      void journal.keep(stop(number));
      await journal.drop(stop(number).id);
    }
    expect(readFileSync(file(), 'utf8').split('\n').length).toBeLessThan(1_100);
    expect(await idsOnDisk()).toEqual([1]);
  });

  it('torn at any byte, loses no more than the last line, and goes on', async () => {
    const [first, second, last] = [{ owed: stop(1) }, { owed: stop(2) }, { owed: stop(3) }].map(lineOf);
    const whole = Buffer.from(`${first}${second}${last}`);
    const safe = Buffer.byteLength(`${first}${second}`);
    mkdirSync(folder, { recursive: true });
    for (let length = safe; length <= whole.length; length++) {
      writeFileSync(file(), whole.subarray(0, length));
      const journal = journalOn();
      const found = (await journal.read()).length;
      expect(found).toBe(length >= whole.length - 1 ? 3 : 2);
      await journal.keep(stop(4));
      expect(await idsOnDisk()).toEqual(found === 3 ? [1, 2, 3, 4] : [1, 2, 4]);
    }
    expect(readFileSync(join(folder, 'journal.damaged')).subarray(0, safe)).toEqual(whole.subarray(0, safe));
  });

  it('with any byte of a line turned, loses that line alone', () => {
    const [first, second] = [lineOf({ owed: stop(1) }), lineOf({ owed: stop(2) })];
    const text = Buffer.from(first + second);
    for (let at = 0; at < Buffer.byteLength(first) - 1; at++) {
      const rotten = Buffer.from(text);
      rotten[at] = (text[at] ?? 0) ^ 1;
      const { owed, damaged } = readLines(rotten.toString());
      expect(owed).toEqual([stop(2)]);
      expect(damaged).toBeGreaterThan(0);
    }
  });

  it('with a line that is the checksum of nothing, loses that line alone', () => {
    expect(readLines(`00000000 \n${lineOf({ owed: stop(1) })}`)).toEqual({
      owed: [stop(1)],
      lines: 2,
      damaged: 1,
    });
  });

  it('that is removed while the daemon lives is made again with all that is owed', async () => {
    const journal = journalOn();
    await journal.keep(stop(1));
    rmSync(join(folder, '..'), { recursive: true });
    expect(await journal.keep(stop(2))).toBe(true);
    expect(await idsOnDisk()).toEqual([1, 2]);
  });

  it('that cannot be read is put away, and told of', async () => {
    mkdirSync(file(), { recursive: true });
    const journal = journalOn();
    expect(await journal.read()).toEqual([]);
    expect(told).toEqual([
      expect.stringMatching(/journal\.unreadable-\d+ cannot be read, and are not run: .*EISDIR/),
    ]);
    expect(await journal.keep(stop(1))).toBe(true);
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it('of no disk keeps nothing', async () => {
    const journal = journalOn(null);
    expect([await journal.read(), await journal.keep(stop(1)), journal.holds(stop(1).id)]).toEqual([
      [],
      false,
      false,
    ]);
    expect(journal.claimOf(stop(1).id, 'start')).toBeNull();
  });

  it('moves to another folder with all that is owed, and leaves what others have left there', async () => {
    const other = `${folder}-new`;
    await journalOn(new StopDisk(other)).keep(stop(9));
    const journal = journalOn();
    await journal.keep(stop(1));
    await journal.moveTo(new StopDisk(other));
    await journal.keep(stop(2));
    expect(await idsOnDisk()).toEqual([]);
    const moved = await journalOn(new StopDisk(other)).read();
    expect(moved.map(({ id }) => Number.parseInt(id, 16))).toEqual([1, 9, 2]);
  });

  it('sweeps away the claims of what is over, and no others', async () => {
    const journal = journalOn();
    await journal.keep(stop(1));
    const claims = [journal.claimOf(stop(1).id, 'stop'), journal.claimOf(stop(2).id, 'start')].map(String);
    for (const claim of claims) writeFileSync(claim, '1\n');
    writeFileSync(join(folder, 'notes'), '');
    await journalOn().read();
    expect(readdirSync(folder).sort()).toEqual([`${stop(1).id}.stop`, 'journal', 'notes']);
    await journal.release(stop(1).id, 'stop');
    expect(existsSync(claims[0] ?? '')).toBe(false);
  });
});

describe.each(['ENOSPC', 'EIO', 'EROFS'])('a disk that answers %s', (code) => {
  it('at each write loses nothing that it holds, and is used again once it can be', async () => {
    await journalOn().keep(stop(1));
    const disk = new FailingDisk(folder, code);
    const journal = journalOn(disk);
    await journal.read();
    disk.failing = new Set(['append', 'replace']);
    expect(await journal.keep(stop(2))).toBe(false);
    expect(await journal.keep(stop(3))).toBe(false);
    await journal.drop(stop(3).id);
    expect(journal.holds(stop(1).id), 'it is on disk as before').toBe(true);
    expect(journal.holds(stop(2).id)).toBe(false);
    expect(await idsOnDisk()).toEqual([1]);
    disk.failing.clear();
    expect(await journal.keep(stop(4))).toBe(true);
    expect(await idsOnDisk()).toEqual([1, 2, 4]);
    expect(journal.holds(stop(2).id)).toBe(true);
    const complaints = told.filter((text) => text.includes('cannot be saved'));
    expect(complaints).toEqual([expect.stringContaining(code)]);
  });

  it('in the middle of a line is written anew at once where that can be', async () => {
    const disk = new FailingDisk(folder, code);
    const journal = journalOn(disk);
    await journal.keep(stop(1));
    disk.failing = new Set(['half']);
    expect(await journal.keep(stop(2))).toBe(true);
    expect(await idsOnDisk()).toEqual([1, 2]);
  });

  it('having written half a line, is told from one that has written it all', async () => {
    const disk = new FailingDisk(folder, code);
    const journal = journalOn(disk);
    await journal.keep(stop(1));
    disk.failing = new Set(['half', 'replace']);
    expect(await journal.keep(stop(2))).toBe(false);
    expect(await idsOnDisk()).toEqual([1]);
    disk.failing.clear();
    await journal.drop(stop(1).id);
    expect(await idsOnDisk()).toEqual([2]);
  });

  it('when it is read does not keep the daemon from starting', async () => {
    await journalOn().keep(stop(1));
    const disk = new FailingDisk(folder, code);
    disk.failing = new Set(['read']);
    expect(await journalOn(disk).read()).toEqual([]);
    expect(told).toEqual([expect.stringContaining(code)]);
  });
});

class CountingDisk extends StopDisk {
  readonly calls: string[] = [];

  override async append(text: string): Promise<void> {
    this.calls.push('append');
    await super.append(text);
  }
  override async replace(text: string): Promise<void> {
    this.calls.push('replace');
    await super.replace(text);
  }
}

/** Fails at the calls it is told to fail at; `half` writes part of what it is to append, and then fails. */
class FailingDisk extends StopDisk {
  failing = new Set<'read' | 'append' | 'half' | 'replace'>();
  readonly #code: string;

  constructor(folder: string, code: string) {
    super(folder);
    this.#code = code;
  }

  override async read(): Promise<string | null> {
    this.#fail('read');
    return super.read();
  }
  override async append(text: string): Promise<void> {
    this.#fail('append');
    if (this.failing.has('half')) await super.append(text.slice(0, text.length / 2));
    this.#fail('half');
    await super.append(text);
  }
  override async replace(text: string): Promise<void> {
    this.#fail('replace');
    await super.replace(text);
  }
  #fail(call: 'read' | 'append' | 'half' | 'replace'): void {
    if (this.failing.has(call)) throw new Error(`${this.#code}: at ${call}`);
  }
}
