import { describe, expect, it } from 'vitest';
import { Engine } from '../src/attempt/engine.ts';
import { switchesFor } from '../src/attempt/switches.ts';
import { convertKnockdConf } from '../src/config/convert.ts';
import { loadConfig } from '../src/config/load.ts';
import { keepSame, locksOf } from '../src/config/locks.ts';
import { OneTimeDoors } from '../src/config/one-time-doors.ts';
import type { Config } from '../src/config/schema.ts';
import { weaknesses } from '../src/config/weak.ts';
import { chainFrom } from '../src/firewall/iptables-chains.ts';
import { checkLogRules, deafDoors } from '../src/tools/doctor/log-rules.ts';
import { chooseTrial } from '../src/tools/doctor/trial.ts';
import { explainedDoors } from '../src/tools/explain/door.ts';
import { logChains } from '../src/tools/setup/chains.ts';
import { nftText } from '../src/tools/setup/nft.ts';
import { planRules } from '../src/tools/setup/plan.ts';
import { knockProbes, openingProbes } from '../src/tools/setup/probes.ts';
import { restoreText } from '../src/tools/setup/restore.ts';
import { rulesScript } from '../src/tools/setup/script.ts';
import { watched } from '../src/tools/setup/watched.ts';
import { address, asPort, packet } from './attempt/traffic.ts';

/** Four times as many doors take four times as long where it is linear, and sixteen times where it is quadratic. */
const GROWTH = 10;
const port = (door: number, step: number): number => 1024 + ((door * 7919 + step * 20_011) % 64_000);
const sequence = (door: number): string =>
  `sequence: [${[1, 2, 3, 4].map((step) => port(door, step)).join(', ')}]`;
const SHARED = 'sequence: [7000, 9001, 8000]';
const OPEN = 'open: { port: 22, for: 30s }';
const place = (door: number): string => `10.${(door >> 8) & 255}.${door & 255}`;

/** What the doors are, by their number. */
const KINDS: Readonly<Record<string, (door: number) => string>> = {
  'with sequences of their own': (door) => `${sequence(door)}, ${OPEN}`,
  'with traps': (door) => `${sequence(door)}, trap: [${port(door, 9)}, ${port(door, 10)}], ${OPEN}`,
  'of one sequence, which they trap and open': () => `${SHARED}, trap: [7000], open: { port: 7000 }`,
  'of one sequence for a network each': (door) =>
    `${SHARED}, trap: [7000], from: ${place(door)}.0/24, ${OPEN}`,
  'of one sequence for a target each': (door) => `${SHARED}, target: ${place(door)}.1, ${OPEN}`,
  'of one sequence at a host each': (door) => `${SHARED}, host: h${door}, ${OPEN}`,
  'with one-time sequences': (door) => `one_time_sequences: /nowhere/${door}, ${OPEN}`,
  'with pings of all sizes': (door) => `sequence: [icmp, icmp:${door % 100}, icmp, 9], ${OPEN}`,
  'with commands that nothing undoes': (door) =>
    `${sequence(door)}, start_command: iptables -A INPUT -s %IP% -p tcp --dport ${port(door, 5)} -j ACCEPT`,
  'that close each other': (door) =>
    door % 2 === 0 ? `${sequence(door)}, open: { port: 22 }` : `${sequence(door)}, close: d${door - 1}`,
};

function textOf(kind: string, doors: number): string {
  const lines = Array.from(
    { length: doors },
    (_, door) => `  d${door}: { ${KINDS[kind]?.(door) ?? expect.fail()} }\n`,
  );
  return `log: { from: stdin }\ndoors:\n${lines.join('')}`;
}

/** Microseconds of the processor, whoever else uses the machine. */
function costOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** How much more it costs to do something with four times as many doors. */
function growth(work: (doors: number) => void, few: number): number {
  work(few / 4);
  const cost = Math.min(...[1, 2].map(() => costOf(() => work(few))));
  return costOf(() => work(4 * few)) / cost;
}

function load(text: string): Config {
  const loaded = loadConfig(text);
  if (loaded.problems !== null) expect.fail(loaded.problems[0]?.text);
  for (const { door } of weaknesses(loaded.config)) loaded.placeOf(door);
  return loaded.config;
}

describe('four times as many doors cost much less than sixteen times as much', () => {
  it.each(Object.keys(KINDS))(
    '%s: checked, started and reloaded',
    (kind) => {
      const run = (doors: number): void => {
        const text = textOf(kind, doors);
        const oneTime = new OneTimeDoors();
        const [before, after] = [load(text), load(text)];
        const locks = locksOf(before, oneTime);
        const engine = new Engine(locks, switchesFor(before.compat, before.sweepGuard));
        engine.handlePacket(packet({ dpt: asPort(1), time: 1, flags: 2 }));
        engine.setLocks(keepSame(locksOf(after, oneTime), locks, before, after));
        engine.handlePacket(packet({ dpt: asPort(2), time: 2, flags: 2 }));
        explainedDoors(after, locks);
      };
      expect(growth(run, 600)).toBeLessThan(GROWTH);
    },
    120_000,
  );

  it.each(Object.keys(KINDS))(
    '%s: their rules printed, planned and compared',
    (kind) => {
      const configs = new Map([100, 400, 1_600].map((doors) => [doors, load(textOf(kind, doors))]));
      const run = (doors: number): void => {
        const config = configs.get(doors) ?? expect.fail();
        const sequencesOf = (door: string) => [config.doors.get(door)?.sequence ?? []];
        const seen = watched(config, 4, sequencesOf) ?? expect.fail();
        const settings = { chain: 'KNOCKD', logs: config.logs, sweepGuard: config.sweepGuard };
        const chains = logChains(seen, settings);
        nftText([seen], settings, ['INPUT']);
        const tools = { v4: 'iptables', v6: 'ip6tables' };
        rulesScript({ ...config.firewall, path: 'x', tools, v4: chains, v6: null });
        const listing = new Map([['INPUT', '-P INPUT DROP\n-A INPUT -p tcp --dport 80 -j ACCEPT\n']]);
        const passing = { openings: openingProbes(config, 4), knocks: knockProbes(seen) };
        restoreText(planRules(listing, config.firewall, chains, passing).operations);
        const ours = [chains.log, chains.line].map(
          ({ name, rules }) => [name, chainFrom(name, rules)] as const,
        );
        const iptables = new Map([
          ...ours,
          ['INPUT', chainFrom('INPUT', [['-j', chains.log.name]], 'drop')] as const,
        ]);
        const filter = { family: 4, iptables, nft: null } as const;
        expect(checkLogRules(filter, ['INPUT'], seen, config.logs).status).toBe('ok');
        expect(deafDoors(filter, config, sequencesOf)).toEqual([]);
        const ends = { ours: address('10.0.0.1'), theirs: address('10.0.0.2') };
        chooseTrial(config, 4, ends, sequencesOf, () => true);
      };
      expect(growth(run, 400)).toBeLessThan(GROWTH);
    },
    120_000,
  );

  it('of a knockd.conf, all of one name: read and converted', () => {
    const run = (doors: number): void => {
      const section = (door: number): string =>
        `[a door]\nsequence = ${port(door, 1)},${port(door, 2)},7\nstart_command = iptables -A INPUT -s %IP% -p tcp --dport ${22 + (door % 2)} -j ACCEPT\n`;
      const text = Array.from({ length: doors }, (_, door) => section(door)).join('');
      convertKnockdConf(text, load(text));
    };
    expect(growth(run, 600)).toBeLessThan(GROWTH);
  }, 120_000);

  it('with a problem in each of them: told with line and column', () => {
    const run = (doors: number): void => {
      const lines = Array.from(
        { length: doors },
        (_, door) => `  d${door}: { sequence: [70000], close: d${door} }\n`,
      );
      expect(loadConfig(`doors:\n${lines.join('')}`).problems).toHaveLength(2 * doors);
    };
    expect(growth(run, 600)).toBeLessThan(GROWTH);
  }, 120_000);
});
