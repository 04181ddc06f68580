/** Chooses a first knock that can be tried without opening a door, or explains why there is none. */

import type { Config, DoorConfig } from '../../config/schema.ts';
import type { Probe } from '../../firewall/packet-match.ts';
import { familyOf } from '../../lib/address.ts';
import { within } from '../../lib/networks.ts';
import { type Address, type Family, type Sequence, type Step, TCP_FLAGS } from '../../model.ts';

/** One packet that is sent to see what becomes of it. */
export interface Trial {
  readonly door: string;
  readonly step: Step;
  readonly from: Address;
  readonly to: Address;
}

/** The two ends of the wire by which the packet comes. */
export interface ExpiryHeap {
  readonly ours: Address;
  readonly theirs: Address;
}

/** Chains that no packet for this host comes by. */
export const PASSING: ReadonlySet<string> = new Set(['FORWARD', 'DOCKER-USER']);

/**
 * A step of TCP or UDP where there is one, as ping may not be there.
 *
 * @param sequencesOf all that may ever open the door
 * @param isLocal whether an address is of this host
 * @returns words where no packet may be sent
 */
export function chooseTrial(
  config: Pick<Config, 'doors' | 'firewall' | 'interface' | 'ipv6'>,
  family: Family,
  { ours, theirs }: ExpiryHeap,
  sequencesOf: (door: string) => readonly Sequence[],
  isLocal: (address: Address) => boolean,
): Trial | string {
  if (family === 6 && !config.ipv6) return 'ipv6: false, so none counts';
  if (config.interface !== null)
    return `knocks count on ${config.interface} alone, and a test comes by another`;
  if (config.firewall.hooks.every((hook) => PASSING.has(hook)))
    return `knocks are for hosts behind this one (${config.firewall.hooks.join(', ')})`;
  const doors = [...config.doors];
  // All others have more than one step, so they open by no single packet.
  const uniform = new Map<string, Sequence>();
  for (const sequence of doors.flatMap(([door]) => sequencesOf(door))) {
    const [first] = sequence;
    if (first !== undefined && isAllOf(sequence, first.proto === 'icmp' ? ANY_PING : first))
      uniform.set(sequence.map(stepText).join(','), sequence);
  }
  const sequences = [...uniform.values()];
  const trials = doors.flatMap(([door, settings]): Trial[] => {
    const to = settings.target ?? ours;
    const isFit = isOpenTo(settings, theirs) && (to === ours || (familyOf(to) === family && isLocal(to)));
    const steps = isFit ? sequencesOf(door).flatMap(([first]) => (first === undefined ? [] : [first])) : [];
    return steps
      .filter((step) => isSent(step, settings) && !sequences.some((sequence) => isAllOf(sequence, step)))
      .map((step) => ({ door, step, from: theirs, to }));
  });
  return trials.find(({ step }) => step.proto !== 'icmp') ?? trials[0] ?? NONE;
}

const ANY_PING: Step = { proto: 'icmp', size: null };
const NONE = 'no door has a first step of several that a stranger can send as a SYN, a datagram or a ping';

/** The same packet as the rules of the packet filter see it. */
export function probeOf({ step, from, to }: Trial, family: Family, name: string): Probe {
  return {
    family,
    proto: step.proto,
    port: step.proto === 'icmp' ? null : step.port,
    flags: TCP_FLAGS.SYN,
    length: null,
    from,
    to,
    interface: name,
  };
}

/** As the client writes it. */
export function stepText(step: Step): string {
  if (step.proto === 'icmp') return step.size === null ? 'icmp' : `icmp:${step.size}`;
  return `${step.port}:${step.proto}`;
}

export function isOpenTo({ from }: DoorConfig, stranger: Address): boolean {
  return from === null || within(from)(stranger);
}

/** A plain SYN is all that the client sends over TCP. */
export function isSent({ proto }: Step, { tcpflags }: DoorConfig): boolean {
  if (proto !== 'tcp' || tcpflags === null) return true;
  return (tcpflags.set & ~TCP_FLAGS.SYN) === 0 && (tcpflags.clear & TCP_FLAGS.SYN) === 0;
}

/** One step, or the same again and again: some number of tests would open it. A ping of any size has some size. */
function isAllOf(sequence: Sequence, step: Step): boolean {
  return sequence.every((other) => {
    if (other.proto === 'icmp')
      return step.proto === 'icmp' && (other.size === null || [other.size, null].includes(step.size));
    return step.proto === other.proto && step.port === other.port;
  });
}
