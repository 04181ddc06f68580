/** What `compat: none` opens and knockd 0.8 does not, and the reverse, each with the switches that explain it. */

import { expect, it } from 'vitest';
import { type Switches, switchesFor } from '../../src/attempt/switches.ts';
import { Corpus, type Scenario } from './corpus.ts';

const SETS = ['public', 'edge/facts', 'edge/timing', 'edge/crosstalk', 'edge/divergence', 'edge/onetime'];
const NONE = switchesFor('none', 8);
const KNOCKD = switchesFor('knockd', 0);
const NAMES = ['repeats', 'doors', 'clock', 'doubleLog', 'sweepGuard'] as const;

type Played = ReadonlyMap<string, readonly string[]>;

it('every difference to knockd 0.8 has a switch that explains it', async () => {
  const lines: string[] = [];
  for (const set of SETS) lines.push(...(await differences(new Corpus(set), set)));
  expect(lines.filter((line) => line.endsWith('unexplained'))).toEqual([]);
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('differences.txt');
}, 60_000);

async function differences(corpus: Corpus, set: string): Promise<string[]> {
  const played = new Map<string, Played>();
  const play = async (switches: Switches): Promise<Played> => {
    const key = JSON.stringify(switches);
    const known = played.get(key) ?? (await playAll(corpus, set, switches));
    played.set(key, known);
    return known;
  };
  const [ours, likeKnockd] = [await play(NONE), await play(KNOCKD)];
  const lines: string[] = [];
  for (const scenario of corpus.scenarios) {
    const theirs = scenario.opens.map(({ door, packet }) => `${door}@${packet}`);
    const own = ours.get(scenario.id) ?? [];
    const alike = likeKnockd.get(scenario.id) ?? [];
    for (const opening of [...new Set([...own, ...theirs])].sort()) {
      const isOurs = own.includes(opening);
      if (isOurs === theirs.includes(opening)) continue;
      const isBug = alike.includes(opening) !== theirs.includes(opening);
      const reason = isBug ? faultOf(set) : await explain(scenario.id, opening, isOurs, play);
      lines.push(`${set} ${scenario.id} ${isOurs ? '+' : '-'}${opening} ${reason}`);
    }
  }
  return lines;
}

/** The fewest switches that make the difference go away when they are set the way of knockd. */
async function explain(
  id: string,
  opening: string,
  isOurs: boolean,
  play: (switches: Switches) => Promise<Played>,
): Promise<string> {
  for (const names of subsets()) {
    const switches = { ...NONE, ...Object.fromEntries(names.map((name) => [name, KNOCKD[name]])) };
    const opened = (await play(switches)).get(id) ?? [];
    if (opened.includes(opening) !== isOurs) return names.join('+');
  }
  return 'unexplained';
}

function subsets(): (typeof NAMES)[number][][] {
  const all = Array.from({ length: 2 ** NAMES.length - 1 }, (_, bits) =>
    NAMES.filter((_, at) => ((bits + 1) & (1 << at)) !== 0),
  );
  return all.sort((a, b) => a.length - b.length);
}

/** What knockd 0.8 does for no reason that a switch could have. */
function faultOf(set: string): string {
  if (set === 'edge/divergence') return '(the kernel does not log the packet)';
  return set === 'edge/onetime' ? '(a one-time fault of knockd)' : '(the head-drop bug of knockd)';
}

async function playAll(corpus: Corpus, set: string, switches: Switches): Promise<Played> {
  if (set !== 'edge/onetime') return corpus.replay(switches);
  const alone = async (scenario: Scenario) =>
    [scenario.id, await corpus.replayAlone(scenario, switches)] as const;
  return new Map(await Promise.all(corpus.scenarios.map(alone)));
}
