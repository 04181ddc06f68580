/** Finds what makes a door weak, useless, or open for good, in words for the admin. */

import { familyOf } from '../lib/address.ts';
import { type Micros, type Sequence, US_PER_SECOND } from '../model.ts';
import { SequenceTree, spelled, stepsFor } from './along.ts';
import { closingProblems } from './closing.ts';
import { DoorIndex, type NamedDoor, namedDoors } from './door-index.ts';
import { covers, familiesOf, shareClients, shareStep, unknockableFlags } from './reach.ts';
import type { Config, DoorConfig } from './schema.ts';
import { formatStep } from './sequence.ts';
import { scanOpens, scansFor } from './swept.ts';

const FEWEST_STEPS = 3;

/** The sequences of the knockd.conf and the manual page that ship with knockd 0.8: a scanner tries them first. */
const WELL_KNOWN = new Set(['7000,8000,9000', '9000,8000,7000', '2222:udp,3333,4444:udp', '1234,5678,9101']);

/** How many others are named to which a door does one thing. */
const MOST_LISTED = 3;
const BEGINS = 'begins';
const PART = 'is part of';

export interface Weakness {
  readonly door: string;
  readonly text: string;
}

/** What is wrong with one door in view of the others. */
type Finder = (one: NamedDoor) => readonly string[];

interface Found {
  readonly other: NamedDoor;
  readonly text: string;
}

export function weaknesses(config: Config): Weakness[] {
  const inOthers = [closingProblems(config), portsInUse(config), trapsOn(config), knockedAlong(config)];
  return namedDoors(config).flatMap((one) =>
    [
      ...weaknessesOfSequence(one.door, config),
      ...weaknessesOfKnocking(one.door, config),
      ...weaknessesOfAction(one.door, config),
      ...inOthers.flatMap((find) => find(one)),
    ].map((text) => ({ door: one.name, text })),
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
  const closed = close === null ? undefined : config.doors.get(close);
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
function portsInUse(config: Config): Finder {
  const openers = new DoorIndex(config);
  for (const one of namedDoors(config)) {
    const { open } = one.door;
    if (open !== null) openers.add(formatStep({ proto: open.proto, port: open.port }), one);
  }
  return (one) => {
    const steps = new Set((one.door.sequence ?? []).map(formatStep));
    const found = function* (): Generator<Found> {
      for (const step of steps) {
        for (const opener of openers.sharingClients(step, one)) {
          const whose = opener.name === one.name ? 'it' : `the door ${opener.name}`;
          const text = `its step ${step} is the port that ${whose} opens, and while that is open a knock there is not logged`;
          yield { other: opener, text };
        }
      }
    };
    return listed(found());
  };
}

/** A trap is looked at first: a step at the same port could never be taken. */
function trapsOn(config: Config): Finder {
  const doors = namedDoors(config);
  const traps = new Set(doors.flatMap(({ door }) => door.trap.map(formatStep)));
  const steppers = new DoorIndex(config);
  for (const one of traps.size === 0 ? [] : doors) {
    const steps = new Set((one.door.sequence ?? []).flatMap(stepsFor));
    for (const step of steps) if (traps.has(step)) steppers.add(step, one);
  }
  return (one) => {
    const found = function* (): Generator<Found> {
      for (const trap of new Set(one.door.trap.map(formatStep))) {
        for (const other of steppers.sharingPackets(trap, one)) {
          const step = other.door.sequence?.find(
            (step) =>
              one.door.trap.some((trap) => covers(trap, step)) &&
              shareStep(one.door, other.door, step, config),
          );
          if (step === undefined) continue;
          const text = `its trap ${formatStep(step)} is a step of the door ${other.name}, which can never open`;
          yield { other, text };
        }
      }
    };
    return listed(found());
  };
}

/** Whoever knocks at another door knocks at this one on the way. */
function knockedAlong(config: Config): Finder {
  const doors = namedDoors(config);
  const tree = new SequenceTree(config.compat === 'knockd');
  const users = new Map<string, number>();
  for (const { door } of doors) {
    if (door.sequence === null) continue;
    tree.add(door.sequence);
    users.set(spelled(door.sequence), (users.get(spelled(door.sequence)) ?? 0) + 1);
  }
  const longer = new DoorIndex(config);
  const earlier = new DoorIndex(config);
  const same = new Map<string, string[]>();
  for (const one of doors) {
    const { sequence } = one.door;
    if (sequence === null) continue;
    const own = spelled(sequence);
    const text = (other: NamedDoor): string =>
      `its sequence is that of the door ${other.name}, too, so one knock is for both`;
    same.set(one.name, listed(sharing(earlier, own, text, one)));
    for (const along of tree.along(sequence)) {
      const isEqual = along.length === sequence.length;
      if (along.spelled === own && users.get(own) === 1) continue;
      if (isEqual) earlier.add(along.spelled, one);
      else longer.add(`${along.start === 0 ? BEGINS : PART} ${along.spelled}`, one);
    }
  }
  /** Doors that see all packets of one of the others under a key. */
  function* sharing(
    index: DoorIndex,
    key: string,
    text: (other: NamedDoor) => string,
    one: NamedDoor,
  ): Generator<Found> {
    for (const other of index.sharingPackets(key, one)) {
      const steps = other.door.sequence ?? [];
      if (steps.every((step) => shareStep(one.door, other.door, step, config)))
        yield { other, text: text(other) };
    }
  }
  return (one) => {
    if (one.door.sequence === null) return [];
    const own = spelled(one.door.sequence);
    const found = function* (): Generator<Found> {
      for (const what of [BEGINS, PART]) {
        const text = (other: NamedDoor): string =>
          `its sequence ${what} that of the door ${other.name}, so a knock there is one here, too`;
        yield* sharing(longer, `${what} ${own}`, text, one);
      }
    };
    return [...(same.get(one.name) ?? []), ...listed(found())];
  };
}

/** In the order of the doors; of many doors a few, so that thousands of doors that are alike are told in thousands of lines. */
function listed(found: Iterable<Found>): string[] {
  const first: Found[] = [];
  const seen = new Set<NamedDoor>();
  for (const each of found) {
    if (seen.has(each.other)) continue;
    seen.add(each.other);
    first.push(each);
    if (first.length > MOST_LISTED) break;
  }
  const lines = first
    .slice(0, MOST_LISTED)
    .sort((a, b) => a.other.order - b.other.order)
    .map(({ text }) => text);
  return first.length > MOST_LISTED
    ? [...lines, 'the same is so with more doors, which are not listed']
    : lines;
}

/** Whether the ports only rise or only fall. */
export function isMonotonic(sequence: Sequence): boolean {
  if (sequence.some(({ proto }) => proto === 'icmp')) return false;
  const ports = sequence.map((step) => (step.proto === 'icmp' ? 0 : step.port));
  const steps = ports.slice(1).map((port, index) => port - (ports[index] ?? port));
  return steps.every((step) => step >= 0) || steps.every((step) => step <= 0);
}
