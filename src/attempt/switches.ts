/** Names each point in which the engine differs from knockd 0.8, and sets them by `compat`. */

export interface Switches {
  /**
   * `ignored`: a packet that fits a step already taken, and not the one awaited, leaves the attempt as it is, and may be
   * another first knock. `wrong`: it ends the attempt like any other wrong packet, and starts nothing.
   */
  readonly repeats: 'ignored' | 'wrong';
  /** `exclusive`: while one attempt of a source runs, no other door starts for that source. */
  readonly doors: 'independent' | 'exclusive';
  /** `whole-seconds`: time is the log's printed second, and expiry is noticed when a visible packet comes. */
  readonly clock: 'exact' | 'whole-seconds';
  /** `once`: one packet logged by two rules counts once. */
  readonly doubleLog: 'once' | 'each';
  /** More than this many ports of no door within the window, or more packets to them than the firewall logs, make a source's attempts void; 0 is off. */
  readonly sweepGuard: number;
}

const KNOCKTAIL: Omit<Switches, 'sweepGuard'> = {
  repeats: 'ignored',
  doors: 'independent',
  clock: 'exact',
  doubleLog: 'once',
};

/** As observed on knockd 0.8; see docs/knockd.md. */
const KNOCKD: Omit<Switches, 'sweepGuard'> = {
  repeats: 'wrong',
  doors: 'exclusive',
  clock: 'whole-seconds',
  doubleLog: 'each',
};

export function switchesFor(compat: 'none' | 'knockd', sweepGuard: number): Switches {
  return { ...(compat === 'knockd' ? KNOCKD : KNOCKTAIL), sweepGuard };
}
