import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { IptablesFirewall } from '../../src/firewall/chain.ts';
import { restoresOf } from '../lab/processes.ts';
import { removeFolder } from '../lab/remove-folder.ts';
import { linesOf, until } from '../lab.ts';
import { address, insertOne, opening, removeOne } from '../openings.ts';
import { fakeIptables, OBEDIENT, restoreThat } from './fake.ts';

const LINE =
  '-I KNOCKD 1 -s 10.0.0.7/32 -p tcp -m tcp --dport 22 -m comment --comment "knocktail:ssh until=1795212345" ' +
  '-m time --datestop 2026-11-20T22:05:44 -j ACCEPT';
const NOT_THERE = 'echo "iptables: Bad rule (does a matching rule exist in that chain?)." >&2; exit 1';
const TIME_LIMIT_MS = 500;

const made: { firewall: IptablesFirewall; folder: string }[] = [];
afterEach(async () => {
  for (const { firewall, folder } of made.splice(0)) {
    await firewall.close();
    removeFolder(folder);
  }
});

function firewall(restore: string | null, v4 = 'exit 0') {
  const iptables = fakeIptables({ v4, restore });
  const folder = dirname(iptables);
  const settings = { iptables, chain: 'KNOCKD', hooks: ['INPUT'], manage: true, timeLimitMs: TIME_LIMIT_MS };
  const it = new IptablesFirewall(settings);
  made.push({ firewall: it, folder });
  const inserts = (): readonly string[] => calls().filter((line) => line.startsWith('iptables -w -I'));
  const calls = (): readonly string[] => linesOf(join(folder, 'calls'));
  return { firewall: it, folder, inserts, calls, fed: () => linesOf(join(folder, 'fed')) };
}

const three = ['10.0.0.7', '10.0.0.8', '10.0.0.9'].map((source) => opening({ source: address(source) }));

describe('an iptables-restore', () => {
  it('is started once, fed batch after batch, and ended when the firewall is closed', async () => {
    const { firewall: it, fed, calls, inserts } = firewall(OBEDIENT);
    await insertOne(it, opening());
    await it.insert(three);
    expect(await removeOne(it, opening())).toBe(true);
    expect(fed().slice(0, 3)).toEqual(['*filter', LINE, 'COMMIT']);
    expect(fed().filter((line) => line === 'COMMIT')).toHaveLength(3);
    expect(fed().filter((line) => line.startsWith('-I'))).toHaveLength(4);
    expect(fed().at(-2)).toBe(LINE.replace('-I KNOCKD 1', '-D KNOCKD'));
    expect(calls()).toEqual(['iptables-restore --noflush --verbose -w']);
    expect(inserts()).toEqual([]);
    expect(restoresOf(process.pid)).toHaveLength(1);
    await it.close();
    expect(restoresOf(process.pid)).toEqual([]);
  });

  it('that is not there is done without', async () => {
    const { firewall: it, inserts } = firewall(null);
    expect((await it.ensure()).told).toContain(
      'iptables-restore cannot be used: each opening takes an iptables of its own',
    );
    expect(await it.insert(three)).toEqual(new Map());
    expect(inserts().filter((line) => line.includes('KNOCKD 1'))).toHaveLength(3);
  });

  it('of another backend than the iptables is not used', async () => {
    const { firewall: it, folder, fed } = firewall(OBEDIENT);
    const version = '#!/bin/sh\necho "iptables-restore v1.8.9 (nf_tables)"\n';
    writeFileSync(join(folder, 'iptables-restore'), version);
    await it.insert(three);
    expect(fed()).toEqual([]);
  });

  it('that never says that it is done is found out at the start, and not waited for again', async () => {
    const { firewall: it, inserts } = firewall('cat > /dev/null');
    const [began, told] = [performance.now(), (await it.ensure()).told];
    const ensured = performance.now();
    await it.insert(three);
    expect(told.join()).toContain('cannot be used');
    expect(performance.now() - ensured).toBeLessThan((ensured - began) / 2);
    expect(inserts().filter((line) => line.includes('KNOCKD 1'))).toHaveLength(3);
  });

  it('that is ended by a line it does not take lets the others in, and is there again for the next', async () => {
    const refuse = 'case "$*" in *10.0.0.8*) echo "no such luck" >&2; exit 1;; esac';
    const bad = restoreThat('case "$line" in *10.0.0.8*) exit 1;; esac');
    const { firewall: it, inserts, calls, fed } = firewall(bad, refuse);
    const refused = await it.insert(three);
    expect(
      [...refused].map(([{ source }, { error }]) => `${source} ${error.message.split(': ').at(-1)}`),
    ).toEqual(['10.0.0.8 no such luck']);
    expect(inserts()).toHaveLength(3);
    await insertOne(it, opening({ door: 'next' }));
    expect(fed().filter((line) => line.includes('next'))).toHaveLength(1);
    expect(inserts()).toHaveLength(3);
    expect(calls().filter((line) => line.startsWith('iptables-restore'))).toHaveLength(2);
  });

  it('that hangs is ended, and its batch done without', async () => {
    const { firewall: it, inserts } = firewall(
      restoreThat('[ -e "$0.hung" ] || { touch "$0.hung"; exec sleep 600; }'),
    );
    expect(await it.insert(three)).toEqual(new Map());
    expect(inserts()).toHaveLength(3);
    await until(() => restoresOf(process.pid).length === 1, 'the next one');
  });

  it('that dies after it has done a batch does not have it done twice', async () => {
    const listed = `case "$*" in *-S*) echo '${LINE.replace('-I KNOCKD 1', '-A KNOCKD')}';; esac`;
    const { firewall: it, inserts } = firewall(restoreThat('[ "$line" = COMMIT ] && exit 0'), listed);
    expect(await it.insert(three)).toEqual(new Map());
    expect(inserts().map((line) => /-s (\S+)/.exec(line)?.[1])).toEqual(['10.0.0.8/32', '10.0.0.9/32']);
  });

  it('that talks while it works has not failed', async () => {
    const chatty = restoreThat(
      `echo "# Warning: legacy tables" >&2; printf 'done 100%% without an end'; echo`,
    );
    const { firewall: it, inserts } = firewall(chatty);
    expect(await it.insert(three)).toEqual(new Map());
    expect(inserts()).toEqual([]);
  });

  it('that was killed while it was idle is started anew', async () => {
    const { firewall: it, inserts, fed } = firewall(OBEDIENT);
    await it.ensure();
    for (const pid of restoresOf(process.pid)) process.kill(pid, 'SIGKILL');
    expect(await it.insert(three)).toEqual(new Map());
    expect(await it.insert([opening()])).toEqual(new Map());
    expect(fed().length + inserts().length).toBeGreaterThan(3);
    expect(
      fed().filter((line) => line === LINE).length +
        inserts().filter((line) => line.includes('0.0.7')).length,
    ).toBe(2);
  });

  it('removes what stands of many, of which some stand no more', async () => {
    const standing = LINE.replace('-I KNOCKD 1', '-A KNOCKD').replace('10.0.0.7', '10.0.0.9');
    const v4 = `case "$*" in *-S*) echo '${standing}';; *-D*) ${NOT_THERE};; esac`;
    const { firewall: it } = firewall(restoreThat('case "$line" in *-D*10.0.0.7*) exit 1;; esac'), v4);
    expect(await it.remove(three)).toEqual(new Map(three.slice(0, 2).map((each) => [each, null])));
  });
});

describe('an iptables that hangs', () => {
  it('is waited for once, not once for each of many', async () => {
    const { firewall: it, inserts } = firewall(null, 'exec sleep 600');
    const refused = await it.insert(three);
    expect([...refused.values()].map(({ error }) => error.message.split(': ').at(-1))).toEqual(
      three.map(() => expect.stringContaining('no answer within 0.5 s')),
    );
    expect(inserts()).toHaveLength(1);
  });
});
