import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { IptablesFirewall } from '../../src/firewall/chain.ts';
import type { Opening } from '../../src/model.ts';
import { describeWith } from '../lab/describe.ts';
import { restoresOf } from '../lab/processes.ts';
import { CLIENT, type Connection, Lab, SERVER, until } from '../lab.ts';
import { address, insertOne, opening, removeOne } from '../openings.ts';

/** xt_time asks the kernel's coarse clock, which is one tick late, 10 ms at most. */
const CLOCK_TOLERANCE_MS = 50;

/** One opening each for sources of both families. */
const manyOpenings = (count: number): Opening[] =>
  Array.from({ length: count }, (_, index) => {
    const source = address(index % 2 === 0 ? `10.1.0.${index}` : `fd77::${index}`);
    return opening({ source, until: NOW + 600 });
  });

const NOW = Math.floor(Date.now() / 1000);

for (const backend of ['nft', 'legacy'] as const) {
  describeWith(['root', 'ip', backend, 'kernel log'], `the chain in the kernel, through ${backend}`, () => {
    let lab: Lab;
    const firewalls: IptablesFirewall[] = [];
    beforeEach(() => {
      lab = new Lab();
    });
    afterEach(async () => {
      for (const each of firewalls.splice(0)) await each.close();
      await lab.close();
    });

    function firewall({ manage = true, hooks = ['INPUT'] } = {}): IptablesFirewall {
      const settings = { iptables: lab.iptables(backend), chain: 'KNOCKD', hooks, manage };
      const made = new IptablesFirewall(settings);
      firewalls.push(made);
      return made;
    }

    async function run(tool: 'iptables' | 'ip6tables', ...argv: readonly string[]): Promise<string> {
      const path = join(dirname(lab.iptables(backend)), tool);
      const { status, stdout, stderr } = await lab.exec('server', [path, '-w', ...argv]);
      if (status !== 0) throw new Error(`${tool} ${argv.join(' ')}: ${stderr}`);
      return stdout;
    }

    async function both(...argv: readonly string[]): Promise<void> {
      await run('iptables', ...argv);
      await run('ip6tables', ...argv);
    }

    const helpers = (): readonly number[] => restoresOf(process.pid);

    async function rules(tool: 'iptables' | 'ip6tables', chain: string): Promise<readonly string[]> {
      return (await run(tool, '-S', chain)).split('\n').filter((line) => line.startsWith('-A'));
    }

    it('is made in both families, with its jump behind LOG and ahead of DROP', async () => {
      await lab.logAndDrop(backend);
      const fresh = firewall();
      expect((await fresh.ensure()).told).toEqual(
        ['iptables', 'ip6tables'].flatMap((tool) => [
          `${tool}: made the chain KNOCKD`,
          `${tool}: made the jump from INPUT to KNOCKD, now rule 3`,
        ]),
      );
      expect(fresh.hasTime).toBe(true);
      for (const tool of ['iptables', 'ip6tables'] as const) {
        const targets = (await rules(tool, 'INPUT')).map((line) => / -j (\S+)/.exec(line)?.[1]);
        expect(targets).toEqual(['LOG', 'LOG', 'KNOCKD', 'DROP', 'DROP']);
        expect(await run(tool, '-S')).not.toContain('-try-');
      }
    });

    it('is made once: asked again, or by another, nothing changes', async () => {
      await firewall().ensure();
      const before = await run('iptables', '-S');
      const again = firewall();
      expect((await again.ensure()).told).toEqual([]);
      expect((await again.ensure()).told).toEqual([]);
      expect(await run('iptables', '-S')).toBe(before);
    });

    it('is made though one that was killed while it tried rules has left its scratch chain', async () => {
      const scratch = `KNOCKD-try-${process.pid}`;
      await run('iptables', '-N', scratch);
      await run('iptables', '-A', scratch, '-j', 'RETURN');
      const fresh = firewall();
      await fresh.ensure();
      expect(fresh.hasTime).toBe(true);
      expect(await run('iptables', '-S')).not.toContain('-try-');
    });

    it('is jumped to from the end of a hook that drops nothing', async () => {
      await both('-A', 'FORWARD', '-j', 'LOG');
      await firewall({ hooks: ['INPUT', 'FORWARD'] }).ensure();
      expect(await rules('iptables', 'INPUT')).toEqual(['-A INPUT -j KNOCKD']);
      expect((await rules('ip6tables', 'FORWARD')).at(-1)).toBe('-A FORWARD -j KNOCKD');
    });

    it('needs its hooks over IPv4, and tells of those that IPv6 lacks', async () => {
      const wall = firewall({ hooks: ['INPUT', 'DOCKER-USER'] });
      const lacks = 'there is no such chain (DOCKER-USER), make it first or take it out of firewall.hooks';
      await expect(wall.ensure()).rejects.toThrow(`iptables: ${lacks}`);
      await run('iptables', '-N', 'DOCKER-USER');
      expect((await wall.ensure()).told).toContain(`ip6tables: ${lacks}`);
      expect(await rules('iptables', 'DOCKER-USER')).toEqual(['-A DOCKER-USER -j KNOCKD']);
      expect(await rules('ip6tables', 'INPUT')).toEqual(['-A INPUT -j KNOCKD']);
    });

    it('has a jump that stands too late moved ahead, with its conditions', async () => {
      await both('-N', 'KNOCKD');
      await both('-A', 'INPUT', '-p', 'tcp', '-j', 'DROP');
      await both('-A', 'INPUT', '-i', 'wire', '-m', 'comment', '--comment', 'the doors', '-j', 'KNOCKD');
      expect((await firewall().ensure()).told).toContain(
        'iptables: moved the jump from INPUT to KNOCKD, now rule 1',
      );
      expect(await rules('iptables', 'INPUT')).toEqual([
        '-A INPUT -i wire -m comment --comment "the doors" -j KNOCKD',
        '-A INPUT -p tcp -j DROP',
      ]);
    });

    it('is only asked for where it is not to be managed', async () => {
      const unmanaged = firewall({ manage: false });
      const advice = (await unmanaged.ensure()).told;
      expect(advice).toContain(
        'ip6tables: INPUT does not jump to KNOCKD; manage is off, so run: ip6tables -w -I INPUT 1 -j KNOCKD',
      );
      expect(advice).toContain(
        'iptables: there is no chain KNOCKD; manage is off, so run: iptables -w -N KNOCKD',
      );
      expect(await run('iptables', '-S')).not.toContain('KNOCKD');
      await expect(insertOne(unmanaged, opening())).rejects.toThrow('No chain/target/match by that name');
      await firewall().ensure();
      expect((await unmanaged.ensure()).told).toEqual([]);
    });

    it('holds what is inserted, newest first, and no more once it is removed', async () => {
      const v4 = opening({ until: NOW + 600 });
      const v6 = opening({ source: address('fd77::2'), proto: 'udp', until: null });
      const far = opening({ door: 'Far_door.1', until: 2 ** 33 });
      const wall = firewall();
      await wall.ensure();
      for (const each of [v4, v6, far]) await insertOne(wall, each);
      expect(await wall.list()).toEqual([far, v4, v6]);
      expect(await removeOne(wall, opening({ until: NOW + 601 }))).toBe(false);
      for (const each of [v4, v6, far]) expect(await removeOne(wall, each)).toBe(true);
      expect(await removeOne(wall, v4)).toBe(false);
      expect(await wall.list()).toEqual([]);
    });

    it('keeps the rules of others, and does not take them for openings', async () => {
      const wall = firewall();
      await wall.ensure();
      const foreign = '-A KNOCKD -s 10.0.0.7/32 -p tcp -m tcp --dport 22 -j ACCEPT';
      await run('iptables', ...foreign.split(' '));
      await insertOne(wall, opening({ until: NOW + 600 }));
      expect(await wall.list()).toEqual([opening({ until: NOW + 600 })]);
      await removeOne(wall, opening({ until: NOW + 600 }));
      expect(await rules('iptables', 'KNOCKD')).toEqual([foreign]);
    });

    it('that has vanished is no failure for list and remove, and what insert then asks to be made', async () => {
      const wall = firewall();
      const ssh = opening({ until: NOW + 600 });
      expect(await wall.list()).toEqual([]);
      expect(await removeOne(wall, opening())).toBe(false);
      expect((await wall.insert([ssh])).get(ssh)).toMatchObject({ why: 'no chain' });
      expect((await wall.ensure()).rebuilt).toBe(true);
      await insertOne(wall, ssh);
      expect(await wall.list()).toEqual([ssh]);
      expect(await rules('iptables', 'INPUT')).toEqual(['-A INPUT -j KNOCKD']);
      await both('-F');
      await both('-X');
      expect((await wall.insert([ssh])).get(ssh)).toMatchObject({ why: 'no chain' });
    });

    it('does not fight for its place with a jump that insists on it, but with a verdict it does', async () => {
      const wall = firewall();
      await wall.ensure();
      await run('iptables', '-N', 'OTHERS');
      await run('iptables', '-A', 'OTHERS', '-p', 'tcp', '-j', 'DROP');
      const moves = async (target: string) => {
        const told: string[] = [];
        for (let round = 0; round < 5; round++) {
          await run('iptables', '-I', 'INPUT', '-j', target);
          told.push(...(await wall.ensure()).told);
          await run('iptables', '-D', 'INPUT', '-j', target);
        }
        return told.length;
      };
      expect([await moves('OTHERS'), await moves('DROP')]).toEqual([3, 5]);
    });

    it('is intact until a jump is gone, or stands too late', async () => {
      const wall = firewall();
      await wall.ensure();
      expect(await wall.intact()).toBe(true);
      await run('ip6tables', '-D', 'INPUT', '-j', 'KNOCKD');
      expect(await wall.intact()).toBe(false);
      expect((await wall.ensure()).rebuilt).toBe(true);
      await run('iptables', '-I', 'INPUT', '-j', 'DROP');
      expect(await wall.intact()).toBe(false);
      expect(await wall.ensure()).toMatchObject({ rebuilt: false, told: [expect.stringContaining('moved')] });
      expect(await wall.intact()).toBe(true);
    });

    it('takes many at once, of both families, and none twice where its helper was ended meanwhile', async () => {
      const wall = firewall();
      await wall.ensure();
      const many = manyOpenings(40);
      expect(await wall.insert(many)).toEqual(new Map());
      expect(new Set(await wall.list())).toEqual(new Set(many));
      for (const pid of helpers()) process.kill(pid, 'SIGKILL');
      const more = opening({ door: 'more', until: NOW + 600 });
      expect(await wall.insert([more])).toEqual(new Map());
      expect((await wall.list()).filter(({ door }) => door === 'more')).toEqual([more]);
      expect(await wall.remove([...many, more])).toEqual(new Map());
      expect(await wall.list()).toEqual([]);
    });

    it('once flushed by somebody has nothing to remove, and takes the next opening', async () => {
      const wall = firewall();
      await wall.ensure();
      const [gone = opening(), kept = opening(), ...rest] = manyOpenings(10);
      await wall.insert([gone, kept, ...rest]);
      await both('-F', 'KNOCKD');
      await insertOne(wall, kept);
      expect(await wall.intact()).toBe(true);
      expect(await wall.remove([gone, kept, ...rest])).toEqual(
        new Map([gone, ...rest].map((each) => [each, null])),
      );
      await insertOne(wall, gone);
      expect(await wall.list()).toEqual([gone]);
    });

    it('leaves no process behind once it is closed', async () => {
      const wall = firewall();
      await wall.ensure();
      expect(helpers()).toHaveLength(2);
      await wall.close();
      expect(helpers()).toEqual([]);
      await insertOne(wall, opening({ until: NOW + 600 }));
      expect(helpers()).toEqual([]);
    });

    it('lets the source in until the opening ends, and the kernel alone shuts it', async () => {
      await lab.logAndDrop(backend);
      await lab.listen(22);
      const wall = firewall();
      await wall.ensure();
      for (const host of [SERVER.v4, SERVER.v6]) {
        expect((await lab.connect('client', host, 22)).outcome).toBe('dropped');
      }
      const end = Math.ceil(Date.now() / 1000) + 3;
      const openings = [CLIENT.v4, CLIENT.v6].map((text) => opening({ source: address(text), until: end }));
      for (const each of openings) await insertOne(wall, each);
      const tries = await Promise.all([SERVER.v4, SERVER.v6].map((host) => triesUntilShut(host, end)));
      for (const connections of tries) expectShutAt(end, connections);
      expect(await wall.list()).toEqual(openings);
    });

    /** Tries without pause until one that began after the end, tolerance and all, has been made. */
    async function triesUntilShut(host: string, end: number): Promise<readonly Connection[]> {
      const tries: Connection[] = [];
      await until(async () => {
        const made = await lab.connect('client', host, 22);
        tries.push(made);
        return made.startedAt > end * 1000 + CLOCK_TOLERANCE_MS;
      }, 'a connection tried after the end');
      return tries;
    }

    function expectShutAt(end: number, tries: readonly Connection[]): void {
      const before = tries.filter(({ endedAt }) => endedAt < end * 1000);
      const after = tries.filter(({ startedAt }) => startedAt > end * 1000 + CLOCK_TOLERANCE_MS);
      expect(new Set(before.map(({ outcome }) => outcome))).toEqual(new Set(['open']));
      expect(new Set(after.map(({ outcome }) => outcome))).toEqual(new Set(['dropped']));
    }
  });
}

describeWith(
  ['root', 'ip', 'nft', 'nftables', 'kernel log'],
  'a chain that nft has put rules of its own into',
  () => {
    it('is no empty one: what stands in it is not known, and that is said', async () => {
      const lab = new Lab();
      const settings = { iptables: lab.iptables('nft'), chain: 'KNOCKD', hooks: ['INPUT'], manage: true };
      const wall = new IptablesFirewall(settings);
      try {
        await wall.ensure();
        await wall.insert([opening({ until: NOW + 600 })]);
        const rule = 'add rule ip filter KNOCKD meter m1 { ip saddr limit rate 1/second } drop';
        await lab.exec('server', ['nft', ...rule.split(' ')]);
        await expect(wall.list()).rejects.toThrow(/incompatible/);
      } finally {
        await wall.close();
        await lab.close();
      }
    });
  },
);
