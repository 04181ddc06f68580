/** Files of one-time sequences: text, disk, and the doors that live on them. */

import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { markUsed, OneTimeSequences, readOneTime } from '../../src/config/one-time.ts';
import { OneTimeDoors } from '../../src/config/one-time-doors.ts';
import { markInFile, readOneTimeFile } from '../../src/config/one-time-file.ts';
import type { Config } from '../../src/config/schema.ts';
import { formatStep } from '../../src/config/sequence.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

const TEXT = '# mine\n 1,2\n3 , 4:udp\r\n\n 5,6 # friday\n7,8';

const spelled = (text: string) =>
  readOneTime(text).left.map(({ sequence }) => sequence.map(formatStep).join(','));

function fileWith(text: string): string {
  const path = join(scratchFolder(), 'once.seq');
  writeFileSync(path, text);
  return path;
}
function configOf(path: string, more = ''): Config {
  const { config } = loadConfig(`[once]\none_time_sequences = ${path}\n${more}`);
  return config ?? expect.fail();
}

describe('the text of one-time sequences', () => {
  it('is a sequence a line; blank lines, comments and used ones do not count', () => {
    expect(spelled(TEXT)).toEqual(['1,2', '3,4:udp', '5,6', '7,8']);
    expect(spelled('#1,2\n # 3,4\n\n')).toEqual([]);
  });

  it('a bad line is skipped and named', () => {
    const { left, bad } = readOneTime('1:sctp,2\nhello\n70000\n3,4\n');
    expect(left).toHaveLength(1);
    expect(bad).toEqual([
      { line: 1, text: 'not a protocol (sctp), write tcp or udp' },
      { line: 2, text: 'not a sequence (hello), write ports from 1 to 65535' },
      { line: 3, text: 'not a port (70000), write a number from 1 to 65535' },
    ]);
  });

  it('a mark stands ahead of a line and never takes the place of a digit', () => {
    const marked = readOneTime(TEXT).left.reduce((text, used) => markUsed(text, [used]), TEXT);
    expect(marked).toBe('# mine\n# 1,2\n#3 , 4:udp\r\n\n# 5,6 # friday\n#7,8');
  });

  it('whatever the file: marking all that is left keeps every byte and leaves nothing', () => {
    const line = fc.oneof(fc.string(), fc.array(fc.integer({ min: 1, max: 65_535 })).map(String));
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom('\n', '\r\n'), (lines, end) => {
        const text = lines.join(end);
        const { left } = readOneTime(text);
        const marked = markUsed(text, left);
        expect(readOneTime(marked).left).toEqual([]);
        expect(marked.length).toBe(text.length + left.length);
        expect(readOneTime(marked).bad).toEqual(readOneTime(text).bad);
      }),
    );
  });
});

describe('the sequences of a one-time door', () => {
  const listOf = (text: string): OneTimeSequences => {
    const list = new OneTimeSequences();
    list.refill(readOneTime(text).left);
    return list;
  };
  const use = (list: OneTimeSequences) => {
    const [sequence] = list.live;
    if (sequence === undefined) expect.fail();
    list.use(sequence);
  };
  const live = (list: OneTimeSequences) => list.live.map((sequence) => sequence.map(formatStep).join(','));

  it('are live one at a time, in order, until none is left', () => {
    const list = listOf('1,2\n3,4\n');
    const seen = [live(list)];
    use(list);
    seen.push(live(list));
    use(list);
    seen.push(live(list));
    expect(seen).toEqual([['1,2'], ['3,4'], []]);
  });

  it('read again, the live one stays the same, so that attempts at it go on', () => {
    const list = listOf('1,2\n3,4\n');
    const before = list.live;
    list.refill(readOneTime('1,2\n3,4\n5,6\n').left);
    expect(list.live).toBe(before);
    use(list);
    use(list);
    expect(live(list)).toEqual(['5,6']);
  });

  it('read again before its use is marked in the file, a used one does not come back', () => {
    const list = listOf('1,2\n3,4\n');
    use(list);
    list.refill(readOneTime('1,2\n3,4\n').left);
    expect(live(list)).toEqual(['3,4']);
    list.marked(list.unmarked);
    list.refill(readOneTime('#1,2\n1,2\n').left);
    expect(live(list), 'written a second time on purpose').toEqual(['1,2']);
  });
});

describe('a file of one-time sequences', () => {
  it('is replaced in one step: mode and links stay, and nothing else is left in the folder', async () => {
    const path = fileWith('1,2\n3,4\n');
    chmodSync(path, 0o640);
    const link = join(dirname(path), 'link');
    symlinkSync(path, link);
    const inode = statSync(path).ino;
    const { left } = await readOneTimeFile(link);
    await markInFile(link, left.slice(0, 1));
    expect(readFileSync(path, 'utf8')).toBe('#1,2\n3,4\n');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(statSync(path).ino, 'a new file was renamed into its place').not.toBe(inode);
    expect(readdirSync(dirname(path)).sort()).toEqual(['link', 'once.seq']);
  });

  it('that cannot be read or marked says which, why, and what would be right', async () => {
    await expect(readOneTimeFile('/nonexistent/once.seq')).rejects.toThrow(
      /^\/nonexistent\/once\.seq: cannot be read \(ENOENT.*\), one_time_sequences: needs a file in a folder/,
    );
    await expect(markInFile('/nonexistent/once.seq', [])).rejects.toThrow(/cannot be marked in it/);
  });
});

describe('one-time doors', () => {
  it('tell of lines they skip, and of a file that is used up', async () => {
    const path = fileWith('hello\n#1,2\n');
    expect(await new OneTimeDoors().fill(configOf(path))).toEqual([
      {
        door: 'once',
        text: `${path}:1: skipped: not a sequence (hello), write ports from 1 to 65535`,
        isUsedUp: false,
      },
      {
        door: 'once',
        text: `no sequence is left in ${path}, the door stays shut, write more and reload`,
        isUsedUp: true,
      },
    ]);
  });

  it('settle what was used: it is marked before they say so, and the last one is told', async () => {
    const path = fileWith('1,2\n3,4\n');
    const config = configOf(path);
    const doors = new OneTimeDoors();
    await doors.fill(config);
    const door = config.doors.get('once') ?? expect.fail();
    const list = doors.listOf(door) ?? expect.fail();
    list.use(list.live[0] ?? []);
    expect(await doors.settle(door)).toBeNull();
    expect(readFileSync(path, 'utf8')).toBe('#1,2\n3,4\n');
    list.use(list.live[0] ?? []);
    expect(await doors.settle(door)).toMatch(/no sequence is left/);
    expect(readFileSync(path, 'utf8')).toBe('#1,2\n#3,4\n');
  });

  it('are current while the file says what is known of it, their own marks and new comments included', async () => {
    const path = fileWith('1,2\n3,4\n');
    const config = configOf(path);
    const doors = new OneTimeDoors();
    await doors.fill(config);
    const door = config.doors.get('once') ?? expect.fail();
    const list = doors.listOf(door) ?? expect.fail();
    list.use(list.live[0] ?? []);
    expect(await doors.isCurrent(config), 'used and not marked yet').toBe(true);
    await doors.settle(door);
    expect(await doors.isCurrent(config), 'marked').toBe(true);
    writeFileSync(path, '# mine\n#1,2\n3,4\n');
    expect(await doors.isCurrent(config)).toBe(true);
    writeFileSync(path, '# mine\n#1,2\n3,4\n5,6\n');
    expect(await doors.isCurrent(config)).toBe(false);
  });

  it('what could not be marked is marked with the next', async () => {
    const path = fileWith('1,2\n3,4\n');
    const config = configOf(path);
    let isFull = true;
    const doors = new OneTimeDoors((...args) =>
      isFull ? Promise.reject(new Error('disk full')) : markInFile(...args),
    );
    await doors.fill(config);
    const door = config.doors.get('once') ?? expect.fail();
    const list = doors.listOf(door) ?? expect.fail();
    list.use(list.live[0] ?? []);
    await expect(doors.settle(door)).rejects.toThrow('disk full');
    isFull = false;
    list.use(list.live[0] ?? []);
    await doors.settle(door);
    expect(readFileSync(path, 'utf8')).toBe('#1,2\n#3,4\n');
  });
});
