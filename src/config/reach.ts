/** Says which clients and packets a door can be knocked with, and whether two doors share any. */

import { familyOf, networkOf } from '../lib/address.ts';
import type { Network } from '../lib/networks.ts';
import { type Family, type FlagRule, type Step, TCP_FLAGS } from '../model.ts';
import type { Config, DoorConfig } from './schema.ts';

const { AE, CWR, ECE, URG, ACK, PSH, RST, SYN, FIN } = TCP_FLAGS;

/** What a client sends to connect: plain, with ECN (RFC 3168) and with accurate ECN (RFC 9768). */
const CONNECTING: readonly number[] = [SYN, SYN | ECE | CWR, SYN | ECE | CWR | AE];
/** What else a TCP stack sends: flags that come with ACK or without each other. */
const CONNECTED: readonly number[] = [
  RST,
  RST | ACK,
  ...[0, PSH, URG, PSH | URG].flatMap((push) =>
    [0, FIN].flatMap((end) => [0, ECE, CWR, ECE | CWR].map((ecn) => ACK | push | end | ecn)),
  ),
];

/** The address families over which a door can be knocked; none where its settings contradict each other. */
export function familiesOf({ target, from }: DoorConfig, { ipv6 }: Pick<Config, 'ipv6'>): Family[] {
  return ([4, 6] as const).filter(
    (family) =>
      (family === 4 || ipv6) &&
      (target === null || familyOf(target) === family) &&
      (from === null || from.some(({ address }) => familyOf(address) === family)),
  );
}

/** Whether one client can knock at both doors. */
export function shareClients(a: DoorConfig, b: DoorConfig, settings: Pick<Config, 'ipv6'>): boolean {
  const others = familiesOf(b, settings);
  return (
    familiesOf(a, settings).some((family) => others.includes(family)) &&
    (a.from === null || b.from === null || a.from.some((one) => b.from?.some((two) => overlap(one, two))))
  );
}

/** Whether one packet to this step can be seen by both doors. */
export function shareStep(a: DoorConfig, b: DoorConfig, step: Step, settings: Pick<Config, 'ipv6'>): boolean {
  return (
    shareClients(a, b, settings) &&
    (a.target === null || b.target === null || a.target === b.target) &&
    (step.proto !== 'tcp' || shareFlags(a.tcpflags, b.tcpflags))
  );
}

/** Whether a packet that fits the second step always fits the first. */
export function covers(step: Step, other: Step): boolean {
  if (step.proto === 'icmp')
    return other.proto === 'icmp' && (step.size === null || step.size === other.size);
  return other.proto === step.proto && other.port === step.port;
}

/** Why no client can send a TCP packet with these flags; null where one can. */
export function unknockableFlags(rule: FlagRule | null, isOneStep: boolean): string | null {
  if (rule === null || CONNECTING.some((flags) => fits(rule, flags))) return null;
  const both = namesOf(rule.set & rule.clear);
  if (both.length > 0) return `tcpflags wants ${both.join(' and ')} both set and clear, so nobody can knock`;
  if (CONNECTED.some((flags) => fits(rule, flags))) {
    // A door of one step may be meant for packets of connections, as one that wakes a host when it is used.
    return isOneStep ? null : `tcpflags takes no SYN, so a client that connects, like knock, cannot knock`;
  }
  if ((rule.set & SYN) !== 0 && (rule.set & (ACK | FIN | RST | PSH | URG)) !== 0) {
    return `no client's knock is ${namesOf(rule.set).join(' and ')} at once, so nobody can knock`;
  }
  return 'no client sends packets with such tcpflags by itself, so nobody can knock without a tool like hping3';
}

function fits({ set, clear }: FlagRule, flags: number): boolean {
  return (flags & set) === set && (flags & clear) === 0;
}

function shareFlags(a: FlagRule | null, b: FlagRule | null): boolean {
  return a === null || b === null || ((a.set & b.clear) === 0 && (b.set & a.clear) === 0);
}

/** SYN and ACK, the other way round than in a log line. */
function namesOf(flags: number): string[] {
  return Object.entries(TCP_FLAGS)
    .flatMap(([name, bit]) => ((flags & bit) === 0 ? [] : [name]))
    .sort((a, b) => Number(b === 'SYN') - Number(a === 'SYN'));
}

function overlap(a: Network, b: Network): boolean {
  const length = Math.min(a.length, b.length);
  return (
    familyOf(a.address) === familyOf(b.address) &&
    networkOf(a.address, length) === networkOf(b.address, length)
  );
}
