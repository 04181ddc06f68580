/** `compat` -> the named switches in which the engine differs from knockd 0.8. */

export interface Switches {
  /** `fall-back`: what was seen last still counts. `die`: the attempt ends and this packet starts nothing. */
  readonly afterWrong: 'fall-back' | 'die';
  /** `exclusive`: while one attempt of a source runs, no other door starts for that source. */
  readonly doors: 'independent' | 'exclusive';
  /** `whole-seconds`: time is the log's printed second, and expiry is noticed when a visible packet comes. */
  readonly clock: 'exact' | 'whole-seconds';
  /** `unseen`: a repeat of an accepted knock is unseen where it would set the attempt back. */
  readonly retransmission: 'unseen' | 'seen';
  /** `once`: one packet logged by two rules counts once. */
  readonly doubleLog: 'once' | 'each';
  /** More than this many ports of no door within the window make a source's attempts void; 0 is off. */
  readonly sweepGuard: number;
}

const KNOCKTAIL: Omit<Switches, 'sweepGuard'> = {
  afterWrong: 'fall-back',
  doors: 'independent',
  clock: 'exact',
  retransmission: 'unseen',
  doubleLog: 'once',
};

/** As observed on knockd 0.8; see docs/knockd.md. */
const KNOCKD: Omit<Switches, 'sweepGuard'> = {
  afterWrong: 'die',
  doors: 'exclusive',
  clock: 'whole-seconds',
  retransmission: 'seen',
  doubleLog: 'each',
};

export function switchesFor(compat: 'none' | 'knockd', sweepGuard: number): Switches {
  return { ...(compat === 'knockd' ? KNOCKD : KNOCKTAIL), sweepGuard };
}
