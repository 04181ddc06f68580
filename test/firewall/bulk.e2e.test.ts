/** Thousands of openings in the kernel's chain: removed quickly, and nothing else with them. */

import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { IptablesFirewall } from '../../src/firewall/chain.ts';
import type { Opening } from '../../src/model.ts';
import { describeWith } from '../lab/describe.ts';
import { Lab } from '../lab.ts';
import { address, opening } from '../openings.ts';

const NOW = Math.floor(Date.now() / 1000);
const MANY = 4_000;

/** Of both families; every other one is of another door. */
const openings = (count: number, from = 0): Opening[] =>
  Array.from({ length: count }, (_, index) => {
    const at = from + index;
    const source = address(at % 4 < 3 ? `10.1.${at >> 8}.${at & 255}` : `fd77::${(at + 1).toString(16)}`);
    return opening({ door: at % 2 === 0 ? 'ssh' : 'web', source, until: NOW + 600 });
  });

for (const backend of ['nft', 'nft without nft', 'legacy'] as const) {
  const kind = backend === 'legacy' ? 'legacy' : 'nft';
  describeWith(
    ['root', 'ip', kind, 'nftables'],
    `thousands of openings in the kernel, through ${backend}`,
    () => {
      let lab: Lab;
      let wall: IptablesFirewall;
      beforeEach(async () => {
        lab = new Lab();
        if (backend === 'nft without nft') rmSync(join(dirname(lab.iptables(kind)), 'nft'));
        wall = new IptablesFirewall({
          ...{ iptables: lab.iptables(kind), chain: 'KNOCKD', hooks: ['INPUT'], manage: true },
        });
        await wall.ensure();
      });
      afterEach(async () => {
        await wall.close();
        await lab.close();
      });

      async function run(tool: string, ...argv: readonly string[]): Promise<string> {
        const path = join(dirname(lab.iptables(kind)), tool);
        const { status, stdout, stderr } = await lab.exec('server', [path, ...argv]);
        if (status !== 0) throw new Error(`${tool} ${argv.join(' ')}: ${stderr}`);
        return stdout;
      }
      const rules = async () =>
        (await run('iptables', '-w', '-S', 'KNOCKD')).split('\n').filter((line) => line.startsWith('-A'));
      async function timed(work: () => Promise<unknown>): Promise<number> {
        const begun = performance.now();
        await work();
        return performance.now() - begun;
      }

      const OTHERS = [
        '-s 192.0.2.1/32 -j DROP',
        '-s 10.1.0.4/32 -p tcp -m tcp --dport 22 -j ACCEPT',
        '-s 10.1.0.5/32 -p tcp -m tcp --dport 22 -m comment --comment "knocktail:ssh until=soon" -j ACCEPT',
      ].map((spec) => `-A KNOCKD ${spec}`);

      /** Somebody puts a rule of their own at the head of the chain. */
      const interfere = (spec: string) =>
        run('iptables', '-w', '-I', 'KNOCKD', '1', ...(spec.match(/"[^"]*"|\S+/g) ?? []).map(unquoted));
      const unquoted = (word: string) => word.replaceAll('"', '');

      it('finds out how many can be removed at a time while doors are opened, and leaves no mark behind', async () => {
        await wall.insert(openings(MANY));
        const lot = wall.prepareRemoval();
        await wall.insert(openings(1, MANY));
        expect(await lot).toBe({ nft: 250, 'nft without nft': 1_000, legacy: 2_500 }[backend]);
        await wall.remove(openings(MANY + 1));
        await wall.close();
        expect(await rules()).toEqual([]);
        expect(await run('iptables', '-w', '-S')).not.toContain('KNOCKD-ENDED');
      });

      it('removes half of them in no more than some times what putting them in takes, and leaves the others', async () => {
        const [all, foreign] = [openings(MANY), OTHERS.map((line) => line.slice('-A KNOCKD '.length))];
        const took = await timed(async () => {
          await wall.insert(all.slice(0, MANY / 2));
          for (const spec of foreign) await interfere(spec);
          await wall.insert(all.slice(MANY / 2));
        });
        const [gone, left] = [0, 1].map((odd) => all.filter((_, at) => (at >> 2) % 2 === odd));
        let answer: ReadonlyMap<Opening, Error | null> | undefined;
        const removal = await timed(async () => {
          answer = await wall.remove(gone ?? []);
        });
        expect(answer).toEqual(new Map());
        expect(new Set(await wall.list())).toEqual(new Set(left));
        const lines = await rules();
        expect(lines.filter((line) => OTHERS.includes(line))).toEqual(OTHERS.toReversed());
        // Rules that are compared one with the other take hundreds of times as long at this size.
        if (backend !== 'nft without nft') expect(removal / took).toBeLessThan(40);
      });

      it('removes all that stand from the head on as quickly, whatever it can delete by', async () => {
        const all = openings(MANY);
        const took = await timed(() => wall.insert(all));
        const removal = await timed(() => wall.remove(all.toReversed()));
        expect(await wall.list()).toEqual([]);
        expect(removal / took).toBeLessThan(40);
      });

      it('removes what it is asked to and no other rule, when somebody has changed the chain since it got ready', async () => {
        const all = openings(600);
        await wall.insert(all);
        await wall.prepareRemoval();
        const standing = (await rules())[100] ?? '';
        await run('iptables', '-w', ...words(standing.replace('-A', '-D')));
        await interfere('-s 192.0.2.7/32 -j DROP');
        const late = opening({ door: 'late', source: address('10.9.0.1'), until: NOW + 600 });
        await wall.insert([late]);
        const gone = all.slice(0, 500);
        const answer = await wall.remove(gone);
        expect([...answer.values()].every((error) => error === null)).toBe(true);
        const kept = await wall.list();
        expect(kept).toContainEqual(late);
        expect(kept.filter((each) => gone.some(({ source }) => source === each.source))).toEqual([]);
        const removedByHand = /-s (\S+)\/32/.exec(standing)?.[1];
        expect(kept.some(({ source }) => source === removedByHand)).toBe(false);
        const survivors = all.slice(500).filter(({ source }) => source !== removedByHand);
        expect(new Set(kept)).toEqual(new Set([late, ...survivors]));
        expect(await rules()).toContain('-A KNOCKD -s 192.0.2.7/32 -j DROP');
      });

      it('removes nothing of a table that somebody has made anew since it got ready', async () => {
        const [all, live] = [openings(400), openings(400, 1_000)];
        await wall.insert(all);
        await wall.prepareRemoval();
        for (const tool of ['iptables', 'ip6tables']) {
          if (kind === 'nft' && backend === 'nft') {
            await run('nft', 'delete', 'table', tool === 'iptables' ? 'ip' : 'ip6', 'filter');
          } else {
            await run(tool, '-w', '-F');
            await run(tool, '-w', '-X');
          }
        }
        await wall.ensure();
        await wall.insert(live);
        const answer = await wall.remove(all);
        expect(answer.size).toBe(all.length);
        expect([...answer.values()].every((error) => error === null)).toBe(true);
        expect(new Set(await wall.list())).toEqual(new Set(live));
      });

      function words(line: string): readonly string[] {
        return (line.match(/"[^"]*"|\S+/g) ?? []).map(unquoted);
      }
    },
  );
}
