import { describe, expect, it } from 'vitest';
import { HostClock } from '../../src/packet/clock.ts';

const BOOT = 1_795_219_000_000_000;
const S = 1_000_000;
const stamps = (uptimeUs: number | null, wall: number | null) => ({ uptimeUs, wall, hasZone: true });

/** A clock of one host, read on a machine that is told of as it goes. */
class TestClock {
  readonly #clock = new HostClock('', true);
  readonly #live: boolean;
  #bootedAt: number | null = null;
  constructor({ live }: { readonly live: boolean }) {
    this.#live = live;
  }
  booted(at: number): void {
    this.#bootedAt = at;
  }
  place(given: ReturnType<typeof stamps>, readAt: number) {
    return this.#clock.place(given, readAt, { live: this.#live, bootedAt: this.#bootedAt });
  }
}

describe('a clock of a boot', () => {
  it('keeps the time between packets to the microsecond, however coarse the stamps of the log are', () => {
    const clock = new TestClock({ live: false });
    const first = clock.place(stamps(100 * S + 7, BOOT + 100 * S), 0);
    const second = clock.place(stamps(101 * S + 999_999, BOOT + 102 * S), 0);
    expect(second.time - first.time).toBe(S + 999_992);
    expect([first.second, second.second]).toEqual([(BOOT + 100 * S) / S, (BOOT + 102 * S) / S]);
  });

  it('is set anew after a reboot, a suspend or a step of the clock', () => {
    const clock = new TestClock({ live: false });
    clock.place(stamps(5_000 * S, BOOT), 0);
    expect(clock.place(stamps(3 * S, BOOT + 60 * S), 0).time).toBe(BOOT + 60 * S);
    expect(clock.place(stamps(4 * S, BOOT + 61 * S), 0).time).toBe(BOOT + 61 * S);
    expect(clock.place(stamps(5 * S, BOOT + 3_661 * S), 0).time).toBe(BOOT + 3_661 * S);
  });

  it('is not moved by one line of another zone that the kernel calls new', () => {
    const clock = new HostClock('', true);
    const place = (uptimeUs: number, wall: number) =>
      clock.place({ uptimeUs, wall, hasZone: false }, BOOT + 90_000 * S, { live: true, bootedAt: BOOT });
    const before = place(90_000 * S, BOOT + 90_000 * S);
    place(90_004 * S, BOOT + 86_400 * S);
    expect(place(90_000 * S, BOOT + 90_000 * S)).toEqual(before);
    place(89_996 * S, BOOT + 86_400 * S);
    expect(place(90_000 * S, BOOT + 90_000 * S)).toEqual(before);
  });

  it('is not moved by a logger that is late by a second or two', () => {
    const clock = new TestClock({ live: false });
    clock.place(stamps(100 * S, BOOT), 0);
    expect(clock.place(stamps(101 * S, BOOT + 2.9 * S), 0).time).toBe(BOOT + S);
  });

  it('without a stamp of the kernel goes by that of the log, and without either by the reading', () => {
    const clock = new TestClock({ live: true });
    expect(clock.place(stamps(null, BOOT), BOOT + 9 * S).time).toBe(BOOT);
    expect(clock.place(stamps(null, null), BOOT + 9 * S)).toEqual({
      time: BOOT + 9 * S,
      second: BOOT / S + 9,
      clock: 'reading',
    });
  });

  it('without a stamp of the log goes by the first reading, where the boot is not known', () => {
    const clock = new TestClock({ live: true });
    expect(clock.place(stamps(5 * S, null), BOOT + 6 * S).time).toBe(BOOT + 6 * S);
    expect(clock.place(stamps(6 * S, null), BOOT + 20 * S).time).toBe(BOOT + 7 * S);
  });

  describe('without a stamp of the log, on the machine that it is of', () => {
    const booted = (): TestClock => {
      const clock = new TestClock({ live: true });
      clock.booted(BOOT);
      return clock;
    };

    it('knows how old a backlog is, though it is the first that is read', () => {
      const clock = booted();
      expect(clock.place(stamps(5 * S, null), BOOT + 900 * S).time).toBe(BOOT + 5 * S);
      expect(clock.place(stamps(6 * S, null), BOOT + 900 * S).time).toBe(BOOT + 6 * S);
    });

    it('learns how far stamps have drifted from lines that are read as they come', () => {
      const clock = booted();
      clock.place(stamps(100 * S, null), BOOT + 160 * S);
      clock.place(stamps(101 * S, null), BOOT + 161.01 * S);
      expect(clock.place(stamps(102 * S, null), BOOT + 162 * S).time).toBe(BOOT + 162 * S);
    });

    it('takes no stamp for one of the future', () => {
      expect(booted().place(stamps(100 * S, null), BOOT + 90 * S).time).toBe(BOOT + 90 * S);
    });

    it('follows a step of the wall clock', () => {
      const clock = booted();
      clock.place(stamps(100 * S, null), BOOT + 100 * S);
      clock.place(stamps(101 * S, null), BOOT + 101 * S);
      clock.booted(BOOT + 3_600 * S);
      expect(clock.place(stamps(102 * S, null), BOOT + 3_702 * S).time).toBe(BOOT + 3_702 * S);
    });
  });

  describe('of lines that are read as they come', () => {
    const placed = (clock: TestClock, uptime: number, wall: number): number =>
      clock.place(stamps(uptime * S, BOOT + wall * S), BOOT + wall * S).time - BOOT;
    const running = (): TestClock => {
      const clock = new TestClock({ live: true });
      clock.booted(BOOT);
      placed(clock, 100, 100);
      return clock;
    };

    it('tells how old a line is that a logger found in the ring when it was started again', () => {
      const clock = running();
      expect([110, 110.2, 300, 699].map((uptime) => placed(clock, uptime, 700))).toEqual(
        [110, 110.2, 300, 699].map((uptime) => uptime * S),
      );
      expect(placed(clock, 701, 701)).toBe(701 * S);
    });

    it('follows a step and a suspend of this machine at once', () => {
      const clock = running();
      clock.booted(BOOT + 3_600 * S);
      expect(placed(clock, 101, 3_701)).toBe(3_701 * S);
    });

    it('follows a step of another machine within seconds', () => {
      const clock = running();
      expect([101, 103, 104.9].map((uptime) => placed(clock, uptime, uptime + 3_600))).toEqual(
        [101, 103, 104.9].map((uptime) => uptime * S),
      );
      expect(placed(clock, 105, 3_705)).toBe(3_705 * S);
    });

    it('follows a reboot of another machine within seconds, and a step back at once', () => {
      const clock = running();
      expect(placed(clock, 2, 160)).toBe(2 * S);
      expect(placed(clock, 6, 164)).toBe(164 * S);
      expect(placed(clock, 7, 60)).toBe(60 * S);
    });

    it('tells how old a line is that a logger reads for a second time', () => {
      const clock = running();
      expect([40, 60, 100].map((uptime) => placed(clock, uptime, 700))).toEqual([40 * S, 60 * S, 100 * S]);
    });

    it('tells how old the very first is, as far as the clocks of this machine agree', () => {
      const first = (uptime: number, wall: number): number => {
        const clock = new TestClock({ live: true });
        clock.booted(BOOT);
        return placed(clock, uptime, wall);
      };
      expect(first(100, 700)).toBe(100 * S);
      const [month, drift] = [30 * 86_400, 120];
      expect(first(month, month + drift)).toBe((month + drift) * S);
      expect(first(month + drift, month)).toBe(month * S);
    });
  });

  it('that is live takes a stamp of more than two seconds ahead for none', () => {
    const clock = new TestClock({ live: true });
    expect(clock.place(stamps(null, BOOT + 3 * S), BOOT).time).toBe(BOOT);
    expect(clock.place(stamps(null, BOOT + 2 * S), BOOT).time).toBe(BOOT + 2 * S);
    clock.place(stamps(100 * S, BOOT), BOOT);
    expect(clock.place(stamps(900 * S, null), BOOT + S).time).toBe(BOOT + S);
    expect(new TestClock({ live: false }).place(stamps(null, BOOT + 3 * S), BOOT).time).toBe(BOOT + 3 * S);
  });
});
