/** Finds what makes a door weak, useless, or open for good, in words for the admin. */

import { familyOf } from '../address.ts';
import { type Micros, type Sequence, US_PER_SECOND } from '../model.ts';
import { closingProblems } from './closing.ts';
import { covers, familiesOf, shareClients, shareStep, unknockableFlags } from './reach.ts';
import type { Config, DoorConfig } from './schema.ts';
import { formatStep } from './sequence.ts';
import { scanOpens, scansFor } from './swept.ts';

const FEWEST_STEPS = 3;

/** The sequences of the knockd.conf and the manual page that ship with knockd 0.8: a scanner tries them first. */
const WELL_KNOWN = new Set(['7000,8000,9000', '9000,8000,7000', '2222:udp,3333,4444:udp', '1234,5678,9101']);

export interface Weakness {
  readonly door: string;
  readonly text: string;
}

export function weaknesses(config: Config): Weakness[] {
  return Object.entries(config.doors).flatMap(([name, door]) =>
    [
      ...weaknessesOfSequence(door, config),
      ...weaknessesOfKnocking(door, config),
      ...weaknessesOfAction(door, config),
      ...closingProblems(name, config),
      ...portsInUse(name, config),
      ...trapsOn(door, config),
      ...knockedAlong(name, config),
    ].map((text) => ({ door: name, text })),
  );
}

/** Nobody can knock at all. */
function weaknessesOfKnocking(door: DoorConfig, config: Config): string[] {
  const { sequence, tcpflags, target, from } = door;
  const found: string[] = [];
  if (sequence?.some((step) => step.proto !== 'icmp' && step.port === 0))
    found.push('nobody can knock on port 0, so it never opens');
  const flags = unknockableFlags(tcpflags, sequence?.length === 1);
  if (flags !== null && (sequence === null || sequence.some(({ proto }) => proto === 'tcp')))
    found.push(flags);
  if (familiesOf(door, config).length > 0) return found;
  const isContrary = target !== null && from !== null && (config.ipv6 || familyOf(target) === 4);
  found.push(
    isContrary
      ? `its target is an IPv${familyOf(target)} address and from has no IPv${familyOf(target)} network, so nobody can knock`
      : 'only clients with an IPv6 address could knock, and ipv6 is false, so nobody can',
  );
  return found;
}

/** What it does comes to nothing. */
function weaknessesOfAction(door: DoorConfig, config: Config): string[] {
  const { open, close, startCommand, startCommand6, stopCommand, stopCommand6 } = door;
  const found: string[] = [];
  const hasStart = Boolean(startCommand || startCommand6);
  const hasStop = Boolean(stopCommand || stopCommand6);
  const families = familiesOf(door, config);
  if (open?.forUs === 0) found.push('open: is for no time, so nobody gets in, allow some seconds');
  if (open !== null && open.to !== null && families.length > 0 && !families.includes(familyOf(open.to)))
    found.push(`open.to is an IPv${familyOf(open.to)} address, and no client with one can knock`);
  if (open === null && close === null && !hasStart)
    found.push('it neither opens nor closes nor runs anything, give it open:, close: or start_command:');
  if (hasStop && !hasStart) found.push('stop_command only ever runs after a start_command, give it one');
  const closed = close === null ? undefined : config.doors[close];
  if (closed !== undefined && !shareClients(door, closed, config))
    found.push(`no client that can open the door ${close} can knock here to close it`);
  return found;
}

function weaknessesOfSequence({ sequence, seqTimeoutUs }: DoorConfig, config: Config): string[] {
  const { compat } = config;
  const steps = sequence?.length ?? null;
  return [
    ...(sequence === null ? [] : [...guessable(sequence), ...swept(sequence, config)]),
    ...(steps === 1 ? [] : hurried(seqTimeoutUs, compat)),
  ];
}

function guessable(sequence: Sequence): string[] {
  const spelled = sequence.map(formatStep).join(',');
  const steps = sequence.length;
  const found: string[] = [];
  if (steps < FEWEST_STEPS)
    found.push(`a sequence of ${steps} is soon guessed, use at least ${FEWEST_STEPS} steps`);
  if (WELL_KNOWN.has(spelled))
    found.push(`the sequence ${spelled} is an example of knockd's, use one of your own`);
  else if (steps >= 2 && new Set(spelled.split(',')).size === 1)
    found.push(
      `all steps of the sequence ${spelled} are one, so a client that only tries again opens it, mix the ports`,
    );
  else if (steps >= 2 && isMonotonic(sequence))
    found.push(
      `the ports of the sequence ${spelled} only rise or only fall, as those of a port scan do, mix them`,
    );
  return found;
}

/** Under `compat: knockd` the guard is off as it is in knockd; of that docs/knockd.md tells. */
function swept(sequence: Sequence, { compat, sweepGuard }: Config): string[] {
  const scans = compat === 'knockd' || sweepGuard > 0 ? null : scansFor(sequence);
  return scans === null ? [] : [`sweep_guard is 0, so ${scanOpens(scans)} it`];
}

function hurried(seqTimeoutUs: Micros, compat: Config['compat']): string[] {
  if (seqTimeoutUs === 0) return ['seq_timeout is 0, so it never opens, allow some seconds'];
  if (seqTimeoutUs < US_PER_SECOND)
    return ['seq_timeout is below a second, which few networks keep, allow some seconds'];
  if (compat === 'knockd' && seqTimeoutUs < 2 * US_PER_SECOND)
    return [
      'seq_timeout is one second, which may last no time at all in the whole seconds of knockd, allow more',
    ];
  return [];
}

/** What an open door lets in is not logged, so a step at that port is missed. */
function portsInUse(name: string, config: Config): string[] {
  const door = config.doors[name];
  return Object.entries(config.doors).flatMap(([other, { open }]) => {
    if (open === null || door === undefined) return [];
    const step = door.sequence?.find((step) => step.proto === open.proto && step.port === open.port);
    const opener = config.doors[other];
    if (step === undefined || opener === undefined || !shareClients(door, opener, config)) return [];
    const whose = other === name ? 'it' : `the door ${other}`;
    return [
      `its step ${formatStep(step)} is the port that ${whose} opens, and while that is open a knock there is not logged`,
    ];
  });
}

/** A trap is looked at first: a step at the same port could never be taken. */
function trapsOn(door: DoorConfig, config: Config): string[] {
  return Object.entries(config.doors).flatMap(([name, other]) => {
    const step = other.sequence?.find(
      (step) => door.trap.some((trap) => covers(trap, step)) && shareStep(door, other, step, config),
    );
    return step === undefined
      ? []
      : [`its trap ${formatStep(step)} is a step of the door ${name}, which can never open`];
  });
}

/** Whoever knocks at another door knocks at this one on the way. */
function knockedAlong(name: string, config: Config): string[] {
  const doors = Object.entries(config.doors);
  const at = doors.findIndex(([other]) => other === name);
  const door = config.doors[name];
  return doors.flatMap(([other, { sequence }], index) => {
    const longer = config.doors[other];
    if (index === at || door?.sequence == null || sequence === null || longer === undefined) return [];
    const start = beginsAt(door.sequence, sequence, config.compat === 'knockd');
    if (start === null || !sequence.every((step) => shareStep(door, longer, step, config))) return [];
    if (sequence.length === door.sequence.length)
      return index > at ? [] : [`its sequence is that of the door ${other}, too, so one knock is for both`];
    const what = start === 0 ? 'begins' : 'is part of';
    return [`its sequence ${what} that of the door ${other}, so a knock there is one here, too`];
  });
}

/**
 * The step of a longer sequence from which a shorter one is knocked with it; null where it is not.
 *
 * @param isKnockd whether a repeat is wrong, and no other attempt begins while one is running
 */
function beginsAt(shorter: Sequence, longer: Sequence, isKnockd: boolean): number | null {
  const starts = isKnockd ? [0] : longer.map((_, index) => index);
  return starts.find((start) => isKnocked(shorter, longer.slice(start), !isKnockd)) ?? null;
}

/** Whether the beginning of a list of packets takes all steps of a sequence, as the engine has it. */
function isKnocked(sequence: Sequence, packets: Sequence, mayRepeat: boolean): boolean {
  let taken = 0;
  for (const packet of packets) {
    const awaited = sequence[taken];
    if (awaited === undefined) break;
    const isRepeat = (): boolean => sequence.slice(0, taken).some((step) => covers(step, packet));
    if (covers(awaited, packet)) taken++;
    else if (!mayRepeat || !isRepeat()) break;
  }
  return taken === sequence.length;
}

/** Whether the ports only rise or only fall. */
export function isMonotonic(sequence: Sequence): boolean {
  if (sequence.some(({ proto }) => proto === 'icmp')) return false;
  const ports = sequence.map((step) => (step.proto === 'icmp' ? 0 : step.port));
  const steps = ports.slice(1).map((port, index) => port - (ports[index] ?? port));
  return steps.every((step) => step >= 0) || steps.every((step) => step <= 0);
}
