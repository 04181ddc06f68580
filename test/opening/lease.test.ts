import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Micros, type Opening, US_PER_SECOND } from '../../src/model.ts';
import { type Grant, type LeaseChange, Leases } from '../../src/opening/lease.ts';
import { address, opening, port } from '../openings.ts';

const T0: Micros = 1_795_212_000 * US_PER_SECOND;
const at = (seconds: number): Micros => T0 + seconds * US_PER_SECOND;
const until = (seconds: number) => 1_795_212_000 + seconds;

function grant(forSeconds: number | null, parts: Partial<Grant> = {}): Grant {
  const forUs = forSeconds === null ? null : forSeconds * US_PER_SECOND;
  return {
    door: 'ssh',
    source: address('10.0.0.7'),
    proto: 'tcp',
    port: port(22),
    to: null,
    forUs,
    ...parts,
  };
}

const insert = (each: Opening): LeaseChange => ({ kind: 'insert', opening: each });
const remove = (each: Opening): LeaseChange => ({ kind: 'remove', opening: each });

describe('a grant', () => {
  it('opens until a whole second, rounded up', () => {
    const leases = new Leases();
    expect(leases.grant(grant(30), at(0.000001))).toEqual([insert(opening({ until: until(31) }))]);
    expect(new Leases().grant(grant(30), at(1))).toEqual([insert(opening({ until: until(31) }))]);
    expect(leases.nextDeadline()).toBe(at(31));
  });

  it('without end has no deadline', () => {
    const leases = new Leases();
    expect(leases.grant(grant(null), at(0))).toEqual([insert(opening({ until: null }))]);
    expect(leases.nextDeadline()).toBeNull();
    expect(leases.expire(at(1e9))).toEqual([]);
  });

  it('while open puts the longer rule in before it takes the shorter one out', () => {
    const leases = new Leases();
    leases.grant(grant(30), at(0));
    expect(leases.grant(grant(30), at(10))).toEqual([
      insert(opening({ until: until(40) })),
      remove(opening({ until: until(30) })),
    ]);
    expect(leases.grant(grant(null), at(11))).toEqual([
      insert(opening({ until: null })),
      remove(opening({ until: until(40) })),
    ]);
  });

  it.each([
    ['the same second', 29.5, 0.3],
    ['an earlier one', 5, 1],
  ])('while open until %s changes nothing', (_, forSeconds, after) => {
    const leases = new Leases();
    leases.grant(grant(30), at(0));
    expect(leases.grant(grant(forSeconds), at(after))).toEqual([]);
    expect(leases.nextDeadline()).toBe(at(30));
  });

  it('with an end does not shorten one without', () => {
    const leases = new Leases();
    leases.grant(grant(null), at(0));
    expect(leases.grant(grant(30), at(1))).toEqual([]);
  });

  it('of a door that now opens another port takes the old port’s place', () => {
    const leases = new Leases();
    leases.grant(grant(30), at(0));
    expect(leases.grant(grant(10, { port: port(2222) }), at(1))).toEqual([
      insert(opening({ port: port(2222), until: until(11) })),
      remove(opening({ until: until(30) })),
    ]);
  });

  it('concerns one door and one source', () => {
    const leases = new Leases();
    leases.grant(grant(30), at(0));
    expect(leases.grant(grant(20, { door: 'web' }), at(0))).toHaveLength(1);
    expect(leases.grant(grant(10, { source: address('10.0.0.8') }), at(0))).toHaveLength(1);
    expect(leases.revoke('ssh', address('10.0.0.9'))).toEqual([]);
    expect(leases.expire(at(10))).toEqual([
      remove(opening({ source: address('10.0.0.8'), until: until(10) })),
    ]);
  });
});

describe('an opening', () => {
  it('ends at its second, once', () => {
    const leases = new Leases();
    leases.grant(grant(30), at(0));
    expect(leases.expire(at(30) - 1)).toEqual([]);
    expect(leases.expire(at(30))).toEqual([remove(opening({ until: until(30) }))]);
    expect(leases.expire(at(30))).toEqual([]);
    expect(leases.nextDeadline()).toBeNull();
  });

  it('is revoked once', () => {
    const leases = new Leases();
    leases.grant(grant(null), at(0));
    expect(leases.revoke('ssh', address('10.0.0.7'))).toEqual([remove(opening({ until: null }))]);
    expect(leases.revoke('ssh', address('10.0.0.7'))).toEqual([]);
  });
});

describe('what stands in the chain at a start', () => {
  it('is removed where it has ended and kept where it has not', () => {
    const leases = new Leases();
    const ended = opening({ until: until(0) });
    const live = opening({ door: 'web', until: until(1) });
    const endless = opening({ door: 'vpn', until: null });
    expect(leases.adopt([ended, live, endless], at(0))).toEqual([remove(ended)]);
    expect(leases.expire(at(5))).toEqual([remove(live)]);
    expect(leases.revoke('vpn', endless.source)).toEqual([remove(endless)]);
  });

  it('of one door and source is the later alone, in whichever order', () => {
    const [sooner, later, never] = [until(10), until(20), null].map((end) => opening({ until: end }));
    if (sooner === undefined || later === undefined || never === undefined) throw new Error('three openings');
    expect(new Leases().adopt([sooner, later, never], at(0))).toEqual([remove(sooner), remove(later)]);
    expect(new Leases().adopt([never, later, sooner], at(0))).toEqual([remove(later), remove(sooner)]);
    expect(new Leases().adopt([later, later], at(0))).toEqual([remove(later)]);
  });
});

describe('a grant that could not be carried out', () => {
  it('is as if it had not been', () => {
    const leases = new Leases();
    expect(leases.undo(leases.grant(grant(30), at(0)))).toEqual([]);
    expect(leases.nextDeadline()).toBeNull();
    expect(leases.grant(grant(30), at(0))).toHaveLength(1);
  });

  it('leaves the opening that it would have extended', () => {
    const leases = new Leases();
    leases.grant(grant(30), at(0));
    expect(leases.undo(leases.grant(grant(30), at(10)))).toEqual([]);
    expect(leases.nextDeadline()).toBe(at(30));
  });

  it('and has been overtaken by another leaves the older rule to be removed', () => {
    const leases = new Leases();
    leases.grant(grant(30), at(0));
    const failed = leases.grant(grant(30), at(10));
    leases.grant(grant(30), at(20));
    expect(leases.undo(failed)).toEqual([remove(opening({ until: until(30) }))]);
    expect(leases.nextDeadline()).toBe(at(50));
  });
});

describe('whatever is granted, revoked and left to time', () => {
  const sources = ['10.0.0.7', '10.0.0.8', 'fd77::2'].map(address);
  const anyKey = { door: fc.constantFrom('ssh', 'web'), source: fc.constantFrom(...sources) };
  const anyAct = fc.oneof(
    { weight: 6, arbitrary: fc.record({ ...anyKey, act: fc.constant('grant'), for: fc.nat(20_000_000) }) },
    { weight: 1, arbitrary: fc.record({ ...anyKey, act: fc.constant('revoke'), for: fc.constant(0) }) },
    { weight: 2, arbitrary: fc.record({ ...anyKey, act: fc.constant('adopt'), for: fc.constant(0) }) },
  );
  const anyHistory = fc.array(fc.tuple(fc.nat(8_000_000), anyAct), { maxLength: 60 });

  /** The chain, as the daemon would keep it: a list of openings, newest first. */
  class Chain {
    openings: readonly Opening[] = [];

    apply(changes: readonly LeaseChange[], check: () => void): void {
      for (const { kind, opening: each } of changes) {
        const found = this.openings.findIndex((other) => JSON.stringify(other) === JSON.stringify(each));
        if (kind === 'insert') this.openings = [each, ...this.openings];
        else this.openings = this.openings.filter((_, index) => index !== found);
        check();
      }
    }

    of(door: string, source: string): readonly Opening[] {
      return this.openings.filter((each) => each.door === door && each.source === source);
    }
  }

  it('one door is open to one source once at most, until the latest end granted, without a gap', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const leases = new Leases();
        const chain = new Chain();
        const ends = new Map<string, number>();
        let now = T0;
        for (const [pause, { act, door, source, for: forUs }] of history) {
          now += pause;
          chain.apply(leases.expire(now), () => undefined);
          const key = `${door} ${source}`;
          const wasOpen = chain.of(door, source).length > 0;
          if (act === 'grant') {
            const wanted = Math.ceil((now + forUs) / US_PER_SECOND);
            ends.set(key, Math.max(wasOpen ? (ends.get(key) ?? 0) : 0, wanted));
            const changes = leases.grant(grant(null, { door, source, forUs }), now);
            chain.apply(changes, () => expect(chain.of(door, source).length).toBeGreaterThan(0));
          } else if (act === 'revoke') {
            chain.apply(leases.revoke(door, source), () => undefined);
            expect(chain.of(door, source)).toEqual([]);
          } else {
            expect(leases.adopt(chain.openings, now)).toEqual([]);
          }
          for (const each of chain.openings) {
            expect(chain.of(each.door, each.source)).toHaveLength(1);
            expect(each.until).toBe(ends.get(`${each.door} ${each.source}`));
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('what was forgotten is open no more, and has no end', () => {
    const leases = new Leases();
    const [change] = leases.grant(grant(30), T0);
    const granted = change === undefined ? [] : [change.opening];
    leases.forget(granted.map((each) => ({ ...each })));
    expect(leases.all()).toEqual(granted);
    leases.forget(granted);
    expect([leases.all(), leases.nextDeadline(), leases.revoke('ssh', address('10.0.0.7'))]).toEqual([
      [],
      null,
      [],
    ]);
  });

  it('extended again and again, an opening leaves nothing behind that would have to be looked through', () => {
    const leases = new Leases();
    for (let second = 0; second < 5_000; second++) {
      leases.grant(grant(3_600), at(second));
    }
    const end = at(3_600 + 4_999);
    expect([leases.nextDeadline(), leases.expire(end - 1)]).toEqual([end, []]);
    expect(leases.expire(end)).toHaveLength(1);
  });

  it('ten times as many openings are kept and ended in much less than a hundred times the time', () => {
    const cost = (count: number): number => {
      const leases = new Leases();
      const began = performance.now();
      for (let n = 0; n < count; n++) {
        const source = address(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
        leases.grant(grant((n * 7_919) % count, { source }), T0);
        leases.nextDeadline();
      }
      for (let next = leases.nextDeadline(); next !== null; next = leases.nextDeadline()) leases.expire(next);
      return performance.now() - began;
    };
    cost(1_000);
    expect(cost(20_000) / cost(2_000)).toBeLessThan(50);
  });

  it('every opening ends at a deadline, and in a finite number of them', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const leases = new Leases();
        const chain = new Chain();
        let now = T0;
        for (const [pause, { door, source, for: forUs }] of history) {
          now += pause;
          chain.apply(leases.grant(grant(null, { door, source, forUs }), now), () => undefined);
        }
        for (let next = leases.nextDeadline(); next !== null; next = leases.nextDeadline()) {
          const ended = leases.expire(next);
          expect(ended.length).toBeGreaterThan(0);
          expect(ended.every(({ opening: each }) => each.until === next / US_PER_SECOND)).toBe(true);
          chain.apply(ended, () => undefined);
        }
        expect(chain.openings).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});
