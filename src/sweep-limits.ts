/** The figures of the sweep guard, which the firewall's limiter and the engine have to share. */

import { type Micros, US_PER_SECOND } from './model.ts';

/** Anyone who has an IPv6 address has a network of them: both count sources by it. */
export const IPV6_SOURCE_BITS = 64;

/** Distinct ports are counted for this long at least, however short the `seq_timeout` of a door. */
export const SWEEP_WINDOW_US: Micros = 10 * US_PER_SECOND;

/**
 * The firewall logs packets to ports of no door through a token bucket for each source. What it holds back is not seen, so
 * repeated packets to one port could hide a sweep. Each line takes a token, though, so lines tell how full the bucket is: the
 * engine counts them in a bucket that drains more slowly, and hears no source for as long as that one is nearly full. As long
 * as it is not, the firewall held nothing back, and the distinct ports in the log are all there were.
 */
export interface StrayLimits {
  /** What the firewall logs of one source: so many at once, and so many a second after that. */
  readonly atOnce: number;
  readonly perSecond: number;
  /** A source of which so many lines are in the engine's bucket is sweeping. Fewer than `atOnce`, as lines get lost. */
  readonly suspect: number;
  /** How fast the engine's bucket drains: slower than the firewall's fills, by the share of lines that may get lost. */
  readonly drainPerSecond: number;
}

const PER_SECOND = 4;
const FEWEST_AT_ONCE = 40;
/** Of the lines, this share is enough to know that the firewall's bucket is empty. */
const SHARE = 3 / 4;

/** @param sweepGuard how many ports of no door a source may touch */
export function strayLimits(sweepGuard: number): StrayLimits {
  // A sweep is to be known by its ports first: twice as many lines as it takes must be fewer than the suspect number.
  const atOnce = Math.max(FEWEST_AT_ONCE, Math.ceil((2 * (sweepGuard + 1)) / SHARE));
  return {
    atOnce,
    perSecond: PER_SECOND,
    suspect: Math.floor(atOnce * SHARE),
    drainPerSecond: PER_SECOND * SHARE,
  };
}

/** In how many orders a scan can touch n distinct ports: one of them is the knock. */
export function orders(steps: number): number {
  return steps < 2 ? 1 : steps * orders(steps - 1);
}
