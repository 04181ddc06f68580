/** Stamps of another time zone, or of a clock that runs ahead, in lines that come live. */

import { describe, expect, it } from 'vitest';
import { type ClockNotice, HostClock, type Moment } from '../../src/packet/clock.ts';

const S = 1_000_000;
const HOUR = 3_600 * S;
const BOOT = 1_795_219_000 * S;
const NOW = BOOT + 50_000 * S;
const OLD = 999 * HOUR;

class Log {
  readonly #clock = new HostClock('router', false);
  readonly #bootedAt: number | null;
  constructor(bootedAt: number | null = BOOT) {
    this.#bootedAt = bootedAt;
  }

  /** A line that is written `at` seconds after now, and stamped so many hours off. */
  line(at: number, hoursOff: number, uptimeUs: number | null = null, hasZone = false): Moment {
    const readAt = NOW + at * S;
    const wall = Math.floor((readAt + hoursOff * HOUR) / S) * S;
    return this.#clock.place({ wall, hasZone, uptimeUs }, readAt + 1_000, {
      live: true,
      bootedAt: this.#bootedAt,
    });
  }

  ageAt(at: number, hoursOff: number, uptimeUs: number | null = null): number {
    return (NOW + at * S + 1_000 - this.line(at, hoursOff, uptimeUs).time) / S;
  }

  get notices(): readonly ClockNotice[] {
    return this.#clock.takeNotices();
  }
}

describe('lines that are steadily off by quarters of an hour', () => {
  it.each([-5, 1, -3.5, 5.75, -12, 14])('are of another zone after two seconds: %d h', (hours) => {
    const log = new Log();
    for (const at of [0, 0.7, 1.4]) log.line(at, hours);
    expect(log.ageAt(2.1, hours)).toBeLessThan(1.5);
    expect(log.notices).toEqual([{ kind: 'zone', host: 'router', byUs: -hours * HOUR, isZone: true }]);
  });

  it('are of another zone after twenty lines', () => {
    const log = new Log();
    for (let line = 0; line < 19; line++) log.line(line / 100, -5);
    expect(log.ageAt(0.2, -5)).toBeLessThan(1.5);
  });

  it('are of another zone at once where the kernel says that they are new', () => {
    expect(new Log().ageAt(0, -5, 50_000 * S)).toBeLessThan(1.5);
  });

  it('are told once', () => {
    const log = new Log();
    for (let at = 0; at < 60; at++) log.line(at, -5);
    expect(log.notices).toHaveLength(1);
  });

  it('stay placed right when the host sets its clock by an hour', () => {
    const log = new Log();
    for (let at = 0; at < 4; at++) log.line(at, -5);
    for (let at = 4; at < 8; at++) log.line(at, -4);
    expect(log.ageAt(8, -4)).toBeLessThan(1.5);
    expect(log.ageAt(9, -5)).toBeLessThan(1.5);
  });

  it('are not where the stamp names its zone', () => {
    const log = new Log();
    for (let at = 0; at < 9; at++) log.line(at, -5, null, true);
    expect(NOW + 9 * S - log.line(9, -5, null, true).time).toBeGreaterThan(4 * HOUR);
  });
});

describe('old lines that are put back', () => {
  it('stay old, though one of them is off by a whole hour', () => {
    const log = new Log();
    const ages = Array.from({ length: 200 }, (_, line) => log.ageAt(line / 1_000, -2 + line / 100));
    expect(Math.min(...ages.slice(0, 180))).toBeGreaterThan(600);
    expect(log.notices).toEqual([]);
  });

  it('stay old, though many of them in a row are off by nearly the same', () => {
    const log = new Log();
    const ages = Array.from({ length: 6_000 }, (_, line) => log.ageAt(0, -1.5 + line / 5 / 3_600));
    expect(Math.min(...ages)).toBeGreaterThan(4_000);
    expect(log.notices).toEqual([]);
  });

  it('stay old, put back behind lines that are new', () => {
    const log = new Log();
    for (let line = 0; line < 5; line++) log.line(0, 0);
    expect(Math.min(...Array.from({ length: 99 }, () => log.ageAt(0.1, -1)))).toBeGreaterThan(3_000);
  });

  it('stay old among lines that are new', () => {
    const log = new Log();
    for (let at = 0; at < 30; at++) {
      expect(log.ageAt(at, 0)).toBeLessThan(1.5);
      expect(log.ageAt(at + 0.5, -1)).toBeGreaterThan(3_500);
    }
  });
});

describe('lines with other stamps among those of another zone', () => {
  it.each([0, -1, 2, -300])('keep nobody from learning it: %d h', (hours) => {
    const log = new Log();
    for (let at = 0; at < 3; at += 0.2) {
      log.line(at, -5);
      if (hours === 0) log.line(at + 0.05, -5);
      log.line(at + 0.1, hours);
    }
    expect(log.ageAt(3, -5)).toBeLessThan(1.5);
  });

  it('do not make it forgotten while its own lines come', () => {
    const log = new Log();
    log.line(0, -5, 50_000 * S);
    for (const [second, hours] of [-1, -2, -3, -4, -6].entries()) {
      const at = 10 * (second + 1);
      log.line(at, hours, (50_000 + at) * S);
      expect(log.ageAt(at + 1, -5)).toBeLessThan(1.5);
    }
  });
});

describe('a clock that is some seconds off, in another zone', () => {
  it.each([-8, -4, 4, 8])('opens within max_age: %d s', (seconds) => {
    const log = new Log();
    for (const at of [0, 0.7, 1.4, 2.1]) log.line(at, -5 + seconds / 3_600);
    expect(Math.abs(log.ageAt(3, -5 + seconds / 3_600))).toBeLessThan(9.5);
    expect(log.notices).toMatchObject([{ kind: 'zone', isZone: true }]);
  });
});

describe('a wrong zone that somebody makes the clock learn', () => {
  it('takes nothing from lines that are right', () => {
    const log = new Log();
    for (let at = 0; at < 10; at++) log.line(at, -1);
    expect(log.ageAt(10, 0)).toBeLessThan(1.5);
    expect(log.ageAt(10.1, 0)).toBeLessThan(1.5);
  });
});

describe('stamps of the future', () => {
  it('say nothing of the age of a line', () => {
    expect(new Log(null).line(0, 2).clock).toBe('reading');
    expect(new Log().line(0, 0, OLD).clock).not.toBe('reading');
  });

  it('that are steadily ahead are of a clock that runs ahead', () => {
    const log = new Log();
    const ahead = 7 / 3_600;
    expect(log.line(0, ahead).clock).toBe('reading');
    for (const at of [1, 2, 3]) log.line(at, ahead);
    expect(log.line(4, ahead).clock).toBe('syslog');
    expect(log.ageAt(5, ahead)).toBeLessThan(2.5);
    expect(log.notices).toMatchObject([{ kind: 'zone', isZone: false }]);
  });
});
