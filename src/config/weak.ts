/** Config -> what makes a door weak, in words for whoever starts the daemon. */

import { type Micros, type Sequence, US_PER_SECOND } from '../model.ts';
import type { Config, DoorConfig } from './schema.ts';
import { formatStep } from './sequence.ts';

const FEWEST_STEPS = 3;

/** The sequences of the knockd.conf and the manual page that ship with knockd 0.8: a scanner tries them first. */
const WELL_KNOWN = new Set(['7000,8000,9000', '9000,8000,7000', '2222:udp,3333,4444:udp', '1234,5678,9101']);

export interface Weakness {
  readonly door: string;
  readonly text: string;
}

export function weaknesses(config: Config): Weakness[] {
  return Object.entries(config.doors).flatMap(([door, settings]) =>
    [...weaknessesOf(settings), ...trapsOn(settings, config)].map((text) => ({ door, text })),
  );
}

/** A trap is looked at first: a step at the same port could never be taken. */
function trapsOn({ trap }: DoorConfig, { doors }: Config): string[] {
  const traps = trap.map(formatStep);
  return Object.entries(doors).flatMap(([name, { sequence }]) => {
    const both = (sequence ?? []).map(formatStep).filter((step) => traps.includes(step));
    return both.length === 0
      ? []
      : [`its trap ${both[0]} is a step of the door ${name}, which can never open`];
  });
}

function weaknessesOf(door: DoorConfig): string[] {
  const found: string[] = [];
  const add = (isWeak: boolean, text: string): void => {
    if (isWeak) found.push(text);
  };
  const hasStart = Boolean(door.startCommand || door.startCommand6);
  if (door.sequence !== null) found.push(...weaknessesOfSequence(door.sequence, door.seqTimeoutUs));
  add(
    door.open !== null && door.open.forUs === null,
    'open: has no for:, so the port stays open until a close: door is knocked on',
  );
  add(door.open?.forUs === 0, 'open: is for no time, so nobody gets in, allow some seconds');
  add(
    door.open === null && door.close === null && !hasStart,
    'it neither opens nor closes nor runs anything, give it open:, close: or start_command:',
  );
  add(
    Boolean(door.stopCommand || door.stopCommand6) && !hasStart,
    'stop_command only ever runs after a start_command, give it one',
  );
  return found;
}

function weaknessesOfSequence(sequence: Sequence, seqTimeoutUs: Micros): string[] {
  const spelled = sequence.map(formatStep).join(',');
  const steps = sequence.length;
  const found: string[] = [];
  const add = (isWeak: boolean, text: string): void => {
    if (isWeak) found.push(text);
  };
  add(steps < FEWEST_STEPS, `a sequence of ${steps} is soon guessed, use at least ${FEWEST_STEPS} steps`);
  add(WELL_KNOWN.has(spelled), `the sequence ${spelled} is an example of knockd's, use one of your own`);
  add(
    steps >= 2 && !WELL_KNOWN.has(spelled) && isMonotonic(sequence),
    `the ports of the sequence ${spelled} only rise or only fall, as those of a port scan do, mix them`,
  );
  add(
    steps >= 2 && seqTimeoutUs < US_PER_SECOND,
    'seq_timeout is below a second, which few networks keep, allow some seconds',
  );
  return found;
}

/** Whether the ports only rise or only fall. */
export function isMonotonic(sequence: Sequence): boolean {
  if (sequence.some(({ proto }) => proto === 'icmp')) return false;
  const ports = sequence.map((step) => (step.proto === 'icmp' ? 0 : step.port));
  const steps = ports.slice(1).map((port, index) => port - (ports[index] ?? port));
  return steps.every((step) => step >= 0) || steps.every((step) => step <= 0);
}
