/** Formats steps, packets and times for explanations. */

import { echoSize } from '../../attempt/door-matcher.ts';
import { type Micros, type Packet, type Step, US_PER_SECOND } from '../../model.ts';

/** `8000/udp`, `a ping of 64 bytes`. */
export function stepText(step: Step): string {
  if (step.proto === 'icmp') return step.size === null ? 'a ping' : pingText(step.size);
  return `${step.port}/${step.proto}`;
}

/** `8000/udp`, `a ping of 64 bytes`, `icmp type 3`, `132`. */
export function packetText(packet: Packet): string {
  const { dpt, proto, icmp } = packet;
  if (dpt !== null) return `${dpt}/${proto}`;
  const size = echoSize(packet);
  if (size !== null) return pingText(size);
  return icmp === null ? proto || 'no protocol' : `${proto} type ${icmp.type}`;
}

/** `5 s`, `1.2 s`, `0.35 s`. */
export function secondsText(us: Micros): string {
  const seconds = us / US_PER_SECOND;
  return `${Number(seconds < 1 ? seconds.toPrecision(2) : seconds.toFixed(1))} s`;
}

function pingText(bytes: number): string {
  return `a ping of ${bytes} bytes`;
}
