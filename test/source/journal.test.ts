/** The journal as a source, with programs in the place of journalctl that print recorded and forged entries. */

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { choose, findJournalctl } from '../../src/source/auto.ts';
import { followJournal } from '../../src/source/journal.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';
import { linesOf, until } from '../lab.ts';
import { exportEntry, type Fields, KERNEL_ENTRY } from '../support/journal-export.ts';
import { Following } from './following.ts';

/** For `echo`, which adds the LF of the empty line at the end. */
const entry = (fields: Fields = {}): string =>
  exportEntry({ ...KERNEL_ENTRY, ...fields })
    .toString()
    .slice(0, -1);

let folder: string;
beforeEach(() => {
  folder = scratchFolder();
});

function program(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}
/** How each journalctl that was to follow the journal was called. */
const followers = () => linesOf(`${folder}/argv`).filter((argv) => argv.includes(' -f '));
function follow(journalctl: string): Following {
  const ending = new AbortController();
  return new Following(followJournal({ journalctl, signal: ending.signal }), () => ending.abort());
}

describe('the journal', () => {
  it('is read as it comes', async () => {
    const path = program(
      'journalctl',
      `echo "$@" >> ${folder}/argv; echo '${entry()}'; case "$*" in *' -f '*) sleep 0.2; echo '${entry()}'; exec sleep 60; esac`,
    );
    const journal = follow(path);
    await until(() => journal.text.split('\n').length > 2, 'two lines');
    const kernel =
      '-b -q -o export --output-fields=MESSAGE,_TRANSPORT,SYSLOG_FACILITY,_SOURCE_MONOTONIC_TIMESTAMP,_HOSTNAME _TRANSPORT=kernel SYSLOG_FACILITY=0';
    expect(linesOf(`${folder}/argv`)).toEqual([`${kernel} -n 1`, `${kernel} -f --after-cursor s=1;i=1`]);
    await journal.stop();
  });

  it.each([
    ['from what is its end now', `echo '${entry({ __CURSOR: 'c7' })}'`, '--after-cursor c7'],
    ['whole where it has nothing of the kernel yet', 'exit 0', '-n all'],
    ['from where journalctl gets to, should that not say what is the end', 'exit 1', '-n 0'],
  ])('is read %s', async (_, end, from) => {
    const path = program(
      'journalctl',
      `echo "$@" >> ${folder}/argv; case "$*" in *' -f '*) exec sleep 60;; esac; ${end}`,
    );
    const journal = follow(path);
    await until(() => followers().length > 0, 'a journalctl that follows');
    expect(followers()[0]).toMatch(new RegExp(`${from}$`));
    await journal.stop();
  });

  it('is read on after its last entry when journalctl ends, which is told', async () => {
    const path = program(
      'journalctl',
      `echo "$@" >> ${folder}/argv; echo '${entry()}'; echo gone >&2; exit 3`,
    );
    const journal = follow(path);
    await until(() => followers().length > 1, 'a second journalctl');
    expect(followers()[1]).toMatch(/--after-cursor s=1;i=1$/);
    expect(journal.events).toContainEqual({
      kind: 'notice',
      text: 'journalctl has ended (gone), starting it again',
      lost: true,
    });
    await journal.stop();
  });

  it('is taken up after an entry, and what was read before is read again only in the same boot', async () => {
    const at = (monotonic: number, boot = 'b1') =>
      entry({ __CURSOR: `c${monotonic}`, __MONOTONIC_TIMESTAMP: `${monotonic}`, _BOOT_ID: boot });
    const place = (monotonicUs: number, boot = 'b1') =>
      ({ kind: 'journal', cursor: `c${monotonicUs}`, boot, monotonicUs }) as const;
    const read = async (boot: string) => {
      const path = program(
        'journalctl',
        `echo "$@" > ${folder}/argv; printf '%s\\n' '${at(2)}' '${at(3)}' '${at(4)}'; exec sleep 60`,
      );
      const ending = new AbortController();
      const resume = { from: place(1, boot), upTo: place(3, boot) };
      const journal = new Following(followJournal({ journalctl: path, signal: ending.signal, resume }), () =>
        ending.abort(),
      );
      await until(() => journal.text.split('\n').length > 3, 'three lines');
      await journal.stop();
      return journal.events.flatMap((event) => (event.kind === 'lines' ? [[event.again, event.place]] : []));
    };
    expect(await read('b1')).toEqual([
      [true, place(3)],
      [false, place(4)],
    ]);
    expect(linesOf(`${folder}/argv`)[0]).toMatch(/--after-cursor c1$/);
    expect(await read('b0'), 'after a reboot all of it is new').toEqual([[false, place(4)]]);
  });

  it.each([
    ['somebody kills journalctl before it says anything', 'kill -KILL $$'],
    [
      'journalctl cannot be started for a while',
      'mv "$0" "$0.gone"; (sleep 0.7; mv "$0.gone" "$0") & kill -KILL $$',
    ],
  ])('is read on from where it was left although %s', async (_, does) => {
    const path = program('journalctl', `echo "$@" >> ${folder}/argv; ${does}`);
    const ending = new AbortController();
    const place = { kind: 'journal', cursor: 'c1', boot: 'b1', monotonicUs: 1 } as const;
    const resume = { from: place, upTo: place };
    const source = followJournal({ journalctl: path, signal: ending.signal, resume });
    const journal = new Following(source, () => ending.abort());
    await until(() => followers().length > 1, 'a second journalctl');
    expect(followers()[1]).toMatch(/--after-cursor c1$/);
    await journal.stop();
  });

  it('that had nothing at first is read whole although somebody kills journalctl', async () => {
    const path = program(
      'journalctl',
      `echo "$@" >> ${folder}/argv; case "$*" in *' -f '*) echo '${entry()}' > ${folder}/end; kill -KILL $$;; *) cat ${folder}/end;; esac; exit 0`,
    );
    const journal = follow(path);
    await until(() => followers().length > 1, 'a second journalctl');
    expect(followers().slice(0, 2)).toEqual([
      expect.stringMatching(/-n all$/),
      expect.stringMatching(/-n all$/),
    ]);
    await journal.stop();
  });

  it('gives up a place that journalctl cannot go to', async () => {
    const path = program(
      'journalctl',
      `echo "$@" >> ${folder}/argv; case "$*" in *cursor*) exit 1;; *' -f '*) exec sleep 60;; esac`,
    );
    const ending = new AbortController();
    const gone = { kind: 'journal', cursor: 'gone', boot: 'b1', monotonicUs: 1 } as const;
    const source = followJournal({
      journalctl: path,
      signal: ending.signal,
      resume: { from: gone, upTo: gone },
    });
    const journal = new Following(source, () => ending.abort());
    await until(() => followers().length > 1, 'a second journalctl');
    expect(followers()[1]).toMatch(/-n all$/);
    await journal.stop();
  });

  it('without a journalctl is told, and waited for', async () => {
    const journal = follow(join(folder, 'nothing'));
    await until(
      () => journal.events.some((event) => event.kind === 'notice' && /ENOENT/.test(event.text)),
      'the notice',
    );
    await journal.stop();
  });
});

describe('auto', () => {
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const nothing = '/nonexistent/x';

  it('is the ring wherever that can be read', async () => {
    const journalctl = program('journalctl', `echo '${entry()}'`);
    const files = [file('kern.log', 'Nov 21 vm kernel: x\n')];
    expect(await choose({ journalctl, files, ring: () => 'ring' })).toMatchObject({ from: 'kmsg' });
  });

  it('else the journal where that has messages of the kernel', async () => {
    const journalctl = program('journalctl', `echo '${entry()}'`);
    const files = [file('kern.log', 'Nov 21 vm kernel: x\n')];
    expect(await choose({ journalctl, files, ring: () => 'missing' })).toMatchObject({
      from: 'journal',
      journalctl,
    });
  });

  it('finds journalctl in its usual place, else in a folder of PATH, else nowhere', () => {
    const inPath = program('journalctl', 'exit 0');
    const usual = program('usual', 'exit 0');
    expect(findJournalctl(folder, ['/nonexistent/journalctl', usual])).toBe(usual);
    expect(findJournalctl(`/nonexistent:${folder}`, ['/nonexistent/journalctl'])).toBe(inPath);
    expect(findJournalctl('/nonexistent', [])).toBeNull();
  });

  it('else the first file that has lines of the kernel', async () => {
    const journalctl = program('journalctl', 'exit 0');
    const files = [
      nothing,
      file('a', 'Nov 21 vm sshd[1]: x\n'),
      file('b', `${'x\n'.repeat(9)}Nov 21 vm kernel: x\n`),
      file('c', 'Nov 21 vm kernel: x\n'),
    ];
    expect(await choose({ journalctl, files, ring: () => 'missing' })).toMatchObject({
      from: 'file',
      path: files[2],
    });
  });

  it('else an error that says what to do', async () => {
    for (const state of ['missing', 'denied', 'other'] as const) {
      await expect(choose({ journalctl: null, files: [nothing], ring: () => state })).rejects.toThrow(
        /^there is no log of the kernel's messages \(journal, .*\), run as root, with CAP_SYSLOG, or in the group/,
      );
    }
  });
});
