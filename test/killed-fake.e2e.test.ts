/** The daemon killed at any moment, again and again: each start command that ran has its stop command, once. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Served } from './lab/served.ts';
import { until } from './lab.ts';

const KILLS = Number(process.env['KNOCKTAIL_KILLS'] ?? 20);
const DOORS = 4;
const LONGEST_LIFE_MS = 400;
const PER_KILL_LIMIT_MS = 3_000;

let daemon: Served;
beforeEach(() => {
  daemon = new Served();
});
afterEach(() => daemon.close());

it(
  `${KILLS} times`,
  async () => {
    const say = (what: string) => `echo ${what} $KNOCK_DOOR %IP% >> ${daemon.out}`;
    const doors = Array.from({ length: DOORS }, (_, index) => {
      const slowly = index % 2 === 0 ? '' : 'sleep 0.05; ';
      const door = `sequence: [${4000 + index}], cmd_timeout: ${index * 200}ms, start_command: "${slowly}${say('start')}", stop_command: "${say('stop')}; ${slowly}"`;
      return [`d${index}`, door] as const;
    });
    daemon.configure(Object.fromEntries(doors));
    let knocks = 0;
    const knocking = setInterval(() => {
      knocks++;
      daemon.knock(`10.${knocks >> 16}.${(knocks >> 8) & 255}.${knocks & 255}`, 4000 + (knocks % DOORS));
    }, 15);
    for (let kill = 0; kill < KILLS; kill++) {
      await daemon.start();
      await sleep(Math.random() * LONGEST_LIFE_MS);
      await daemon.end('SIGKILL');
    }
    clearInterval(knocking);
    await daemon.start();
    const count = (what: string): ReadonlyMap<string, number> => {
      const counts = new Map<string, number>();
      for (const line of daemon.ran) {
        const [said, ...who] = line.split(' ');
        if (said === what) counts.set(who.join(' '), (counts.get(who.join(' ')) ?? 0) + 1);
      }
      return counts;
    };
    await until(
      () => [...count('start').keys()].every((who) => count('stop').has(who)),
      'the last stop command',
    );
    await sleep(1_000);
    await daemon.end();
    const [starts, stops] = [count('start'), count('stop')];
    const times = (counts: ReadonlyMap<string, number>, wanted: (count: number) => boolean) =>
      [...counts].filter(([, count]) => wanted(count)).map(([who]) => who);
    expect({
      startedTwice: times(starts, (count) => count > 1),
      stoppedTwice: times(stops, (count) => count > 1),
      stopLost: [...starts.keys()].filter((who) => !stops.has(who)),
      stopWithoutStart: [...stops.keys()].filter((who) => !starts.has(who)),
    }).toEqual({ startedTwice: [], stoppedTwice: [], stopLost: [], stopWithoutStart: [] });
    expect(starts.size).toBeGreaterThan(KILLS);
    console.info(`${KILLS} kills, ${knocks} knocks, ${starts.size} start and ${stops.size} stop commands`);
  },
  60_000 + KILLS * PER_KILL_LIMIT_MS,
);
