/** Pending stop commands on a disk that may fail at any time. */

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
import { lineOf, readLines, StopFolder, StopStore } from '../../src/command/stop-store.ts';
import { removeFolder } from '../lab/remove-folder.ts';
import { stop } from './saved-stop.ts';

let folder: string;
let told: string[];
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'knocktail-test-')), 'state', 'stops');
  told = [];
});
afterEach(() => removeFolder(join(folder, '..', '..')));

const storeOn = (disk: StopFolder | null = new StopFolder(folder)) =>
  new StopStore(disk, { warn: (text) => void told.push(text) });
const idsOnDisk = async () => (await storeOn().read()).map(({ id }) => Number.parseInt(id, 16));
const file = () => join(folder, 'journal');

describe('the journal of stop commands', () => {
  it.each([
    ['folder', () => folder],
    ['file', file],
  ])('ignores a %s that others can write', async (_, path) => {
    await storeOn().save(stop(1));
    chmodSync(path(), 0o777);
    expect(await storeOn().read()).toEqual([]);
    expect(told).toEqual([
      expect.stringMatching(
        /cannot read stop commands, not running those in .* can be written by other users/,
      ),
    ]);
  });

  it('gives the next daemon what was saved, in a folder that nobody else may enter', async () => {
    const store = storeOn();
    expect(await store.read()).toEqual([]);
    expect(await store.save(stop(1))).toBe(true);
    expect(store.holds(stop(1).id)).toBe(true);
    await store.save(stop(2));
    await store.save(stop(2, { dueAt: 7, failures: 3 }));
    await store.save(stop(3));
    await store.delete(stop(1).id);
    expect(await storeOn().read()).toEqual([stop(2, { dueAt: 7, failures: 3 }), stop(3)]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(told).toEqual([]);
  });

  it('still reads lines that version 0.1.0 wrote', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      file(),
      `e6a66186 {"owed":{"id":"00000000000000a1","door":"ssh","source":"2001:db8::7","command":"close %IP%","waitUs":10000000,"dueAt":123456,"isStarting":false,"failures":2,"boot":"b","dueAtWall":1795212345000000}}
ab1aa84e {"owed":{"id":"00000000000000a2","door":"ssh","source":"10.0.0.7","command":"close %IP%","waitUs":10000000,"dueAt":123456,"isStarting":true,"failures":0,"boot":null,"dueAtWall":1795212345000000}}
117b67bf {"done":"00000000000000a2"}
`,
    );
    expect(await storeOn().read()).toEqual([stop(0xa1, { door: 'ssh', command: 'close %IP%', failures: 2 })]);
    expect(told).toEqual([]);
  });

  it('syncs changes made at the same time once', async () => {
    const disk = new CountingDisk(folder);
    const store = storeOn(disk);
    await store.save(stop(0));
    const flood = Array.from({ length: 500 }, (_, index) => store.save(stop(index + 1)));
    expect(await Promise.all(flood)).not.toContain(false);
    expect(disk.calls).toEqual(['replace', 'append']);
    expect(await idsOnDisk()).toHaveLength(501);
  });

  it('does not grow with what is done', async () => {
    const store = storeOn();
    await store.save(stop(1));
    for (let number = 2; number < 2_500; number++) {
      void store.save(stop(number));
      await store.delete(stop(number).id);
    }
    expect(readFileSync(file(), 'utf8').split('\n').length).toBeLessThan(1_100);
    expect(await idsOnDisk()).toEqual([1]);
  });

  it('truncated at any byte, loses only the last line, and can be written again', async () => {
    const [first, second, last] = [{ owed: stop(1) }, { owed: stop(2) }, { owed: stop(3) }].map(lineOf);
    const whole = Buffer.from(`${first}${second}${last}`);
    const safe = Buffer.byteLength(`${first}${second}`);
    mkdirSync(folder, { recursive: true });
    for (let length = safe; length <= whole.length; length++) {
      writeFileSync(file(), whole.subarray(0, length));
      const store = storeOn();
      const found = (await store.read()).length;
      expect(found).toBe(length >= whole.length - 1 ? 3 : 2);
      await store.save(stop(4));
      expect(await idsOnDisk()).toEqual(found === 3 ? [1, 2, 3, 4] : [1, 2, 4]);
    }
    expect(readFileSync(join(folder, 'journal.damaged')).subarray(0, safe)).toEqual(whole.subarray(0, safe));
  });

  it('with any byte of a line changed, loses only that line', () => {
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

  it('with a line that is only the checksum of nothing, loses only that line', () => {
    expect(readLines(`00000000 \n${lineOf({ owed: stop(1) })}`)).toEqual({
      owed: [stop(1)],
      lines: 2,
      damaged: 1,
    });
  });

  it('that is removed while the daemon runs is created again with all that is pending', async () => {
    const store = storeOn();
    await store.save(stop(1));
    rmSync(join(folder, '..'), { recursive: true });
    expect(await store.save(stop(2))).toBe(true);
    expect(await idsOnDisk()).toEqual([1, 2]);
  });

  it('that cannot be read is moved aside, with a warning', async () => {
    mkdirSync(file(), { recursive: true });
    const store = storeOn();
    expect(await store.read()).toEqual([]);
    expect(told).toEqual([
      expect.stringMatching(
        /cannot read stop commands, not running those in .*journal\.unreadable-\d+: .*EISDIR/,
      ),
    ]);
    expect(await store.save(stop(1))).toBe(true);
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it('without a folder saves nothing', async () => {
    const store = storeOn(null);
    expect([await store.read(), await store.save(stop(1)), store.holds(stop(1).id)]).toEqual([
      [],
      false,
      false,
    ]);
    expect(store.claimOf(stop(1).id, 'start')).toBeNull();
  });

  it('moves to another folder with all that is pending, and keeps what others have left there', async () => {
    const other = `${folder}-new`;
    await storeOn(new StopFolder(other)).save(stop(9));
    const store = storeOn();
    await store.save(stop(1));
    await store.moveTo(new StopFolder(other));
    await store.save(stop(2));
    expect(await idsOnDisk()).toEqual([]);
    const moved = await storeOn(new StopFolder(other)).read();
    expect(moved.map(({ id }) => Number.parseInt(id, 16))).toEqual([1, 9, 2]);
  });

  it('removes the claims of what is done, and no others', async () => {
    const store = storeOn();
    await store.save(stop(1));
    const claims = [store.claimOf(stop(1).id, 'stop'), store.claimOf(stop(2).id, 'start')].map(String);
    for (const claim of claims) writeFileSync(claim, '1\n');
    writeFileSync(join(folder, 'notes'), '');
    await storeOn().read();
    expect(readdirSync(folder).sort()).toEqual([`${stop(1).id}.stop`, 'journal', 'notes']);
    await store.release(stop(1).id, 'stop');
    expect(existsSync(claims[0] ?? '')).toBe(false);
  });
});

describe.each(['ENOSPC', 'EIO', 'EROFS'])('a disk that answers %s', (code) => {
  it('at each write loses nothing that is on it, and is used again as soon as possible', async () => {
    await storeOn().save(stop(1));
    const disk = new FailingDisk(folder, code);
    const store = storeOn(disk);
    await store.read();
    disk.failing = new Set(['append', 'replace']);
    expect(await store.save(stop(2))).toBe(false);
    expect(await store.save(stop(3))).toBe(false);
    await store.delete(stop(3).id);
    expect(store.holds(stop(1).id), 'it is on disk as before').toBe(true);
    expect(store.holds(stop(2).id)).toBe(false);
    expect(await idsOnDisk()).toEqual([1]);
    disk.failing.clear();
    expect(await store.save(stop(4))).toBe(true);
    expect(await idsOnDisk()).toEqual([1, 2, 4]);
    expect(store.holds(stop(2).id)).toBe(true);
    const complaints = told.filter((text) => text.includes('cannot save stop commands'));
    expect(complaints).toEqual([expect.stringContaining(code)]);
  });

  it('in the middle of a line: the file is rewritten immediately if possible', async () => {
    const disk = new FailingDisk(folder, code);
    const store = storeOn(disk);
    await store.save(stop(1));
    disk.failing = new Set(['half']);
    expect(await store.save(stop(2))).toBe(true);
    expect(await idsOnDisk()).toEqual([1, 2]);
  });

  it('after half a line is not mistaken for one that has written it all', async () => {
    const disk = new FailingDisk(folder, code);
    const store = storeOn(disk);
    await store.save(stop(1));
    disk.failing = new Set(['half', 'replace']);
    expect(await store.save(stop(2))).toBe(false);
    expect(await idsOnDisk()).toEqual([1]);
    disk.failing.clear();
    await store.delete(stop(1).id);
    expect(await idsOnDisk()).toEqual([2]);
  });

  it('at a read does not keep the daemon from starting', async () => {
    await storeOn().save(stop(1));
    const disk = new FailingDisk(folder, code);
    disk.failing = new Set(['read']);
    expect(await storeOn(disk).read()).toEqual([]);
    expect(told).toEqual([expect.stringContaining(code)]);
  });
});

class CountingDisk extends StopFolder {
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
class FailingDisk extends StopFolder {
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
