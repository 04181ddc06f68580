import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { EXIT, KnocktailError } from '../../src/errors.ts';
import { IptablesFirewall } from '../../src/firewall/chain.ts';
import { Iptables } from '../../src/firewall/iptables.ts';
import { removeFolder } from '../lab/remove-folder.ts';
import { linesOf } from '../lab.ts';
import { address, insertOne, opening, removeOne } from '../openings.ts';
import { fakeIptables, WILLING } from './fake.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) removeFolder(folder);
});

interface Setting {
  readonly v4?: string;
  readonly v6?: string | null;
  readonly manage?: boolean;
  readonly timeLimitMs?: number;
}

function firewall({ v4, v6, manage = true, timeLimitMs = 10_000 }: Setting = {}) {
  const iptables = fakeIptables({ ...(v4 === undefined ? {} : { v4 }), ...(v6 === undefined ? {} : { v6 }) });
  folders.push(dirname(iptables));
  const settings = { iptables, chain: 'KNOCKD', hooks: ['INPUT'], manage, timeLimitMs };
  const made = new IptablesFirewall(settings);
  return { firewall: made, calls: () => linesOf(join(dirname(iptables), 'calls')) };
}

async function failure(promise: Promise<unknown>): Promise<KnocktailError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof KnocktailError) return error;
  throw new Error(`no KnocktailError but ${error}`);
}

describe('an iptables that fails', () => {
  it('is quoted in its own words, with the command that failed', async () => {
    const { firewall: broken } = firewall({ v4: 'echo "iptables v9: the sky is falling" >&2; exit 4' });
    const error = await failure(insertOne(broken, opening()));
    expect(error.exitCode).toBe(EXIT.UNAVAILABLE);
    expect(error.message).toBe(
      'iptables -w -I KNOCKD 1 -s 10.0.0.7/32 -p tcp -m tcp --dport 22 -m comment --comment ' +
        '"knocktail:ssh until=1795212345" -m time --datestop 2026-11-20T22:05:44 -j ACCEPT: ' +
        'iptables v9: the sky is falling',
    );
  });

  it('says its status where it has no words', async () => {
    const { firewall: broken } = firewall({ v4: 'exit 7' });
    expect((await failure(broken.list())).message).toBe('iptables -w -S KNOCKD: failed with status 7');
  });

  it('for want of rights ends with the status for that', async () => {
    const words = 'Could not fetch rule set generation id: Permission denied (you must be root)';
    const { firewall: broken } = firewall({ v4: `echo "${words}" >&2; exit 4` });
    const error = await failure(broken.ensure());
    expect(error.exitCode).toBe(EXIT.NO_PERMISSION);
    expect(error.message).toContain(words);
    expect(error.remedy).toContain('CAP_NET_ADMIN');
  });

  it('by hanging is ended and said to hang', async () => {
    const { firewall: broken } = firewall({ v4: 'exec sleep 600', timeLimitMs: 100 });
    const error = await failure(insertOne(broken, opening()));
    expect(error.what).toBe('no answer within 0.1 s');
    expect(error.exitCode).toBe(EXIT.UNAVAILABLE);
  });

  it('by being no program says so', async () => {
    const { firewall: broken } = firewall();
    rmSync(join(folders[0] ?? '', 'iptables'));
    const error = await failure(insertOne(broken, opening()));
    expect(error.what).toBe('cannot be run: ENOENT');
    expect(error.exitCode).toBe(EXIT.UNAVAILABLE);
  });

  it('because Node could not even start it has refused what it was asked', async () => {
    const path = fakeIptables({});
    folders.push(dirname(path));
    // Longer than a word of a command line can be: Node throws E2BIG, as it does ENOMEM.
    const spec = ['x'.repeat(200_000)];
    const answer = await new Iptables(path).run({ op: 'insert', chain: 'KNOCKD', at: 1, spec });
    expect(answer).toMatchObject({ done: false, refusal: 'unable', error: { what: 'cannot be run: E2BIG' } });
  });

  it('does not keep the next operation from being run', async () => {
    const once = 'if [ -e "$0.failed" ]; then exit 0; fi; touch "$0.failed"; echo "not now" >&2; exit 4';
    const { firewall: broken } = firewall({ v4: once });
    const [first, second] = await Promise.allSettled([
      insertOne(broken, opening()),
      insertOne(broken, opening()),
    ]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
  });
});

describe('an iptables that warns', () => {
  const WARNING = 'echo "# Warning: iptables-legacy tables present, use iptables-legacy to see them" >&2';

  it('and does what it is asked has not failed', async () => {
    const { firewall: warning } = firewall({ v4: `${WARNING}; exit 0` });
    await expect(insertOne(warning, opening())).resolves.toBeUndefined();
  });

  it('and fails is quoted without the warning', async () => {
    const { firewall: warning } = firewall({ v4: `${WARNING}; echo "no room" >&2; exit 1` });
    expect((await failure(insertOne(warning, opening()))).what).toBe('no room');
  });
});

describe('operations of one family', () => {
  it('run one at a time, in the order in which they were asked', async () => {
    const slow = 'sleep 0.05; echo "end $*" >> "$(dirname "$0")/calls"';
    const { firewall: fake, calls } = firewall({ v4: slow });
    await Promise.all([insertOne(fake, opening({ door: 'a' })), insertOne(fake, opening({ door: 'b' }))]);
    const order = calls().map((line) => `${line.split(' ')[0]} ${/knocktail:(.)/.exec(line)?.[1]}`);
    expect(order).toEqual(['iptables a', 'end a', 'iptables b', 'end b']);
  });
});

describe('a machine without IPv6', () => {
  it.each([
    ['has no ip6tables', null, 'there is no ip6tables'],
    [
      'has no ip6 tables in its kernel',
      'echo "ip6tables v1.8.9 (legacy): can\'t initialize ip6tables table \\`filter\': Address family not supported by protocol" >&2; exit 3',
      'Address family not supported',
    ],
  ])('that %s is told of once, and IPv4 goes on', async (_, v6, words) => {
    const { firewall: fake } = firewall({ v6 });
    const first = (await fake.ensure()).told.join('\n');
    expect(first).toContain(words);
    expect(first).toContain('IPv4 alone');
    expect((await fake.ensure()).told.join('\n')).not.toContain('IPv4 alone');
    await insertOne(fake, opening());
    expect(await fake.list()).toEqual([]);
    const error = await failure(insertOne(fake, opening({ source: address('2001:db8::7') })));
    expect(error.message).toContain(words);
  });

  it('is not what a failing ip6tables means', async () => {
    const { firewall: fake } = firewall({ v6: 'echo "resource temporarily unavailable" >&2; exit 4' });
    expect((await failure(fake.ensure())).message).toContain('resource temporarily unavailable');
  });
});

describe('a kernel without xt_time', () => {
  const WITHOUT_TIME =
    'case "$*" in *--datestop*) echo "iptables: No chain/target/match by that name." >&2; exit 1;; esac';

  it('is found out in a chain of its own, and rules then have no time match', async () => {
    const { firewall: fake, calls } = firewall({ v4: WITHOUT_TIME });
    expect((await fake.ensure()).told.join('\n')).toContain('no xt_time');
    expect(fake.hasTime).toBe(false);
    await insertOne(fake, opening());
    const scratch = `KNOCKD-try-${process.pid}`;
    const tries = calls().filter((line) => line.includes(scratch));
    expect(tries.map((line) => line.split(' ')[2])).toEqual(['-N', '-I', '-I', '-F', '-X']);
    expect(calls().at(-1)).not.toContain('--datestop');
  });

  it('removes the rules that an earlier kernel had ended by itself', async () => {
    const noRule = 'echo "iptables: Bad rule (does a matching rule exist in that chain?)." >&2; exit 1';
    const { firewall: fake } = firewall({ v4: `case "$*" in *-D*--datestop*) ;; *-D*) ${noRule};; esac` });
    expect(await removeOne(fake, opening())).toBe(true);
    expect(await removeOne(fake, opening({ until: null }))).toBe(false);
  });

  it('is not what a refusal of any rule means', async () => {
    const { firewall: fake } = firewall({ v4: 'case "$*" in *-try-*-j*) echo "no" >&2; exit 1;; esac' });
    expect((await failure(fake.ensure())).what).toBe('no');
  });
});

describe('ensure', () => {
  it('that overlaps with another makes the jump once', async () => {
    const { firewall: fake, calls } = firewall();
    const [one, other] = await Promise.all([fake.ensure(), fake.ensure()]);
    expect(other).toEqual(one);
    expect(calls().filter((line) => line.startsWith('iptables -w -I INPUT'))).toHaveLength(1);
  });

  it('fails for a hook that is not there', async () => {
    const v4 =
      'case "$*" in *"-S INPUT"*) echo "iptables: No chain/target/match by that name." >&2; exit 1;; esac';
    const error = await failure(firewall({ v4, v6: WILLING }).firewall.ensure());
    expect(error.message).toBe(
      'iptables: there is no such chain (INPUT), make it first or take it out of firewall.hooks',
    );
  });
});

describe('the setting firewall.iptables', () => {
  it('that names no program is an error with its remedy', () => {
    const settings = { iptables: '/nowhere/iptables', chain: 'KNOCKD', hooks: [], manage: true };
    const make = () => new IptablesFirewall(settings);
    expect(make).toThrow(KnocktailError);
    expect(make).toThrow(/no such program \(\/nowhere\/iptables\), install it/);
  });
});
