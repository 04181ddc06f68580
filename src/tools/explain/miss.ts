/** Explains why the engine ignored a packet, and how close the packet came to being a step. */

import { type DoorMatcher, flagsFit } from '../../attempt/door-matcher.ts';
import type { Switches } from '../../attempt/switches.ts';
import { type Packet, type Sequence, type Step, US_PER_MS } from '../../model.ts';
import { flagNames } from '../../packet/format.ts';
import type { Attempts } from './attempts.ts';
import type { ExplainedDoor } from './door.ts';
import { packetText, secondsText, stepText } from './words.ts';

/** How near a packet was to mattering, the nearest first. `running`: it would have been a step. */
export const NEAR = { running: 0, late: 1, begin: 2, step: 3, none: 4 } as const;

export interface Miss {
  /** Null where it is about no door. */
  readonly door: string | null;
  readonly near: (typeof NEAR)[keyof typeof NEAR];
  readonly text: string;
}

export interface Scene {
  readonly doors: readonly ExplainedDoor[];
  readonly switches: Switches;
  readonly attempts: Attempts;
  readonly sight: DoorMatcher;
  /** Whether another attempt of the source was running when the packet came. */
  readonly isBusy: boolean;
  /** The packet ahead of this one in the log; null for the first. */
  readonly previous: Packet | null;
}

/** As in `duplicate-filter.ts`: two rules that log a packet do so within this. */
const SAME_PACKET_US = 2 * US_PER_MS;

/**
 * Why each door made nothing of a packet, the nearest first; never none. Holds for those doors alone of which the
 * engine has decided nothing.
 *
 * @param key as of `portKey`
 */
export function missesOf(packet: Packet, key: number | null, scene: Scene): readonly Miss[] {
  if (key === null)
    return [{ door: null, near: NEAR.none, text: `${packetText(packet)} is no knock, unseen` }];
  const misses = scene.doors.flatMap((door) => missAt(door, packet, key, scene) ?? []);
  misses.sort((a, b) => a.near - b.near);
  if (misses.length > 0) return misses;
  const whose = scene.sight.fitsOf(key) === undefined ? 'of no door' : 'of no door that sees it';
  return [{ door: null, near: NEAR.none, text: `${packetText(packet)} is ${whose}, unseen` }];
}

function missAt(door: ExplainedDoor, packet: Packet, key: number, scene: Scene): Miss | null {
  const { name } = door.lock;
  const say = (near: Miss['near'], text: string): Miss => ({ door: name, near, text });
  const { attempt: last, expired } = scene.attempts.at(packet, name);
  const tracks = scene.sight.tracks.filter(({ lock }) => lock === door.lock);
  // With a one-time sequence that another source has used up, its attempts go.
  const attempt = tracks.some(({ sequence }) => sequence === last?.sequence) ? last : null;
  const awaited = attempt?.sequence[attempt.stage];
  const steps = scene.sight.fitsOf(key)?.find(({ track }) => track.lock === door.lock)?.steps ?? 0;
  if (steps === 0) {
    const other = otherProtocol(packet, awaited === undefined ? [] : [awaited]);
    if (other !== null) return say(NEAR.running, `${packetText(packet)}, and the door waits for ${other}`);
    const begins = otherProtocol(
      packet,
      tracks.flatMap(({ sequence }) => sequence.slice(0, 1)),
    );
    if (begins !== null) return say(NEAR.begin, `${packetText(packet)}, and the door begins with ${begins}`);
    const any = otherProtocol(
      packet,
      tracks.flatMap(({ sequence }) => sequence),
    );
    return any === null ? null : say(NEAR.step, `${packetText(packet)}, and the door has ${any}`);
  }
  const isAwaited = attempt !== null && (steps & (1 << attempt.stage)) !== 0;
  const near = isAwaited ? NEAR.running : (steps & 1) !== 0 ? NEAR.begin : NEAR.step;
  const unseen = whyUnseen(door, packet);
  if (unseen !== null) return say(near, `${packetText(packet)} is unseen by the door: ${unseen}`);
  if (scene.switches.doubleLog === 'once' && isTwice(packet, scene.previous))
    return say(near, `${packetText(packet)} is the same packet, logged by two rules: counts once`);
  if (attempt !== null) return say(NEAR.running, whyNoStep(packet, steps));
  if (expired !== null && (steps & (1 << expired.stage)) !== 0) {
    const late = secondsText(Math.max(0, packet.time - expired.at));
    const window = secondsText(door.lock.seqTimeoutUs);
    return say(NEAR.late, `${packetText(packet)} came ${late} after the ${window} window had ended`);
  }
  if ((steps & 1) !== 0)
    return say(NEAR.running, `${packetText(packet)} begins nothing: ${whyNotBegun(scene)}`);
  const { sequence = [] } = tracks[0] ?? {};
  return say(NEAR.step, notBegun(packet, steps, sequence));
}

function whyUnseen({ lock, refusal }: ExplainedDoor, packet: Packet): string | null {
  if (flagsFit(packet, lock.tcpflags)) return refusal(packet);
  const flags = flagNames(packet) ?? [];
  return `its flags (${flags.join(' ') || 'none'}) do not fit tcpflags`;
}

/** The door sees it, and its attempt has stayed what it was: the packet fits a step that the attempt has taken. */
function whyNoStep(packet: Packet, steps: number): string {
  return (steps & 1) === 0
    ? `${packetText(packet)} repeats a step already taken: ignored`
    : `${packetText(packet)} repeats the first step: ignored, or the start of another knock`;
}

function whyNotBegun({ isBusy, switches }: Scene): string {
  if (switches.doors === 'exclusive' && isBusy)
    return 'another attempt of the source is running, and under compat: knockd no other begins';
  return `the source is ignored, as it has touched more than ${switches.sweepGuard} ports of no door, or sent too many packets to them`;
}

function notBegun(packet: Packet, steps: number, sequence: Sequence): string {
  const step = 32 - Math.clz32(steps & -steps);
  const [first] = sequence;
  const begin = first === undefined ? '' : `, and the door waits for ${stepText(first)} first`;
  return `${packetText(packet)} is step ${step} of ${sequence.length}${begin}`;
}

/** The step that the packet would have been over the other protocol, or with another size. */
function otherProtocol({ proto, dpt, icmp }: Packet, steps: readonly Step[]): string | null {
  const near = steps.find((step) =>
    step.proto === 'icmp' ? icmp !== null : step.port === dpt && step.proto !== proto,
  );
  return near === undefined ? null : stepText(near);
}

function isTwice(packet: Packet, previous: Packet | null): boolean {
  if (previous === null || packet.time - previous.time > SAME_PACKET_US) return false;
  const { id, src, spt, dpt, proto } = packet;
  return (
    id === previous.id &&
    src === previous.src &&
    spt === previous.spt &&
    dpt === previous.dpt &&
    proto === previous.proto
  );
}
