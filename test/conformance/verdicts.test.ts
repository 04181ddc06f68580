/** What the real knockd 0.8 opened on recorded traffic, beside what the engine opens on the kernel's log of it. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Corpus, firstSteps, type Scenario } from './corpus.ts';

const verdict = ({ opens, opens_without_head_drop_model: without }: Scenario): string[] =>
  (without ?? opens.map(({ door, packet }) => [door, packet] as const)).map(([door, at]) => `${door}@${at}`);

describe('compat: knockd opens what knockd 0.8 opened', () => {
  it('in all 407 public scenarios', async () => {
    const corpus = new Corpus('public');
    const opened = await corpus.replay();
    expect(corpus.packetCount).toBe(2393);
    expect(corpus.scenarios).toHaveLength(407);
    expect(Object.fromEntries(opened)).toEqual(
      Object.fromEntries(corpus.scenarios.map((scenario) => [scenario.id, verdict(scenario)])),
    );
  });

  // When knockd removes the oldest attempt it forgets all others. Within one source that costs the later of two
  // doors that begin with the same port; across sources, whatever runs.
  it.each([
    ['edge/facts', 62],
    ['edge/timing', 130],
  ])('in %s, but for doors that its head-drop bug has lost', async (set, count) => {
    const corpus = new Corpus(set);
    const opened = await corpus.replay();
    expect(corpus.scenarios).toHaveLength(count);
    for (const scenario of corpus.scenarios) expectVerdict(scenario, verdict(scenario), opened, set);
  });

  it('in edge/crosstalk, as if each source had a knockd of its own', async () => {
    const corpus = new Corpus('edge/crosstalk');
    const opened = await corpus.replay();
    expect(corpus.scenarios).toHaveLength(68);
    for (const scenario of corpus.scenarios) {
      const alone = scenario.each_source_alone_model_opens?.map(([door, at]) => `${door}@${at}`) ?? [];
      expectVerdict(scenario, alone, opened, 'edge/crosstalk');
    }
  });

  it('in edge/divergence, but for packets that the kernel never logs', async () => {
    const corpus = new Corpus('edge/divergence');
    const opened = await corpus.replay();
    // Bad IP checksum, a frame for another host, a lone first fragment: in each a needed packet is not logged.
    const unlogged = ['DE002', 'DE004', 'DE005'];
    for (const scenario of corpus.scenarios) {
      const expected = unlogged.includes(scenario.id) ? [] : verdict(scenario);
      expect([scenario.id, opened.get(scenario.id)]).toEqual([scenario.id, expected]);
    }
  });

  /** Equal, or more by doors that begin as an earlier one does. */
  function expectVerdict(
    { id }: Scenario,
    expected: readonly string[],
    opened: ReadonlyMap<string, string[]>,
    set: string,
  ): void {
    const first = firstSteps(set);
    const isLostByKnockd = (opening: string): boolean => {
      const door = opening.slice(0, opening.indexOf('@'));
      const names = [...first.keys()];
      const before = names.slice(0, names.indexOf(door));
      return !expected.includes(opening) && before.some((other) => first.get(other) === first.get(door));
    };
    const kept = (opened.get(id) ?? []).filter((opening) => !isLostByKnockd(opening));
    expect([id, kept]).toEqual([id, expected]);
  }
});

describe('one-time doors, with the faults of knockd 0.8 mended', () => {
  const corpus = new Corpus('edge/onetime');
  const play = (id: string): Promise<string[]> => {
    const scenario = corpus.scenarios.find((each) => each.id === id);
    return scenario === undefined ? expect.fail(id) : corpus.replayAlone(scenario);
  };

  it('after an opening, the rest of a longer next sequence does not open again', async () => {
    expect(await play('OE001')).toEqual(['otLen@1']);
    expect(await play('OE002')).toEqual(['otLen@1', 'otLen@7']);
  });

  it('the next sequence opens as soon as the one before was used', async () => {
    expect(await play('OE003')).toEqual(['otLen@1', 'otLen@5']);
  });

  it('when the last sequence is used up, the other doors go on', async () => {
    expect(await play('OE004')).toEqual(['otEnd@1', 'plainDoor@4', 'plainDoor@7']);
  });

  it('attempts of others at a used sequence are void, and what they send next is a fresh knock', async () => {
    expect(await play('OE005')).toEqual(['ot6@2', 'ot6@5']);
  });

  it('later sequences are seen over IPv6, too', async () => {
    expect(await play('OE006')).toEqual(['ot6@1', 'ot6@3', 'ot6@7']);
    expect(await play('OE007')).toEqual(['ot6@1', 'ot6@3']);
    expect(await play('OE008')).toEqual(['plainDoor@2']);
  });

  it('playing a log changes no file', () => {
    expect(readFileSync('fixtures/conformance/edge/onetime/otlen.seq', 'utf8')).not.toContain('#');
  });
});
