/** Packets, openings and the lack of them -> what a person or a program reads. */

import { type Micros, type Opening, type Packet, US_PER_MS, US_PER_SECOND } from '../model.ts';
import { spanText } from '../time.ts';
import { endOf, untilText, wholeSeconds } from '../words.ts';

/** Said where reading was ended by a signal, or as nothing can be written: what is told then looks whole. */
export const CUT_SHORT = 'ended early: this is of the part that was read, run it again for the whole';

/** What is said of a log from which nothing can be told. */
export function noLineCounts(prefix: string): string {
  const remedy = 'see with knocktail parse which it has, and name one with --prefix';
  return `no line counts: none is the kernel's with the prefix "${prefix}", ${remedy}`;
}

/** `192.0.2.1:40000 -> 192.0.2.2:7000 tcp SYN` */
export function describePacket(packet: Packet, flags: readonly string[]): string {
  const end = (address: string, port: number | null): string => {
    if (port === null) return address;
    return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  };
  const icmp = packet.icmp === null ? [] : [`type ${packet.icmp.type} code ${packet.icmp.code}`];
  return [
    end(packet.src, packet.spt),
    '->',
    end(packet.dst, packet.dpt),
    packet.proto,
    ...flags,
    ...icmp,
  ].join(' ');
}

/** `ssh  10.0.0.7  22/tcp  until 21:14:30 (23 s left)` */
export function describeOpening(opening: Opening, now: Micros): string {
  const { door, source, until } = opening;
  const left = until === null ? '' : ` (${spanText(wholeSeconds(until * US_PER_SECOND - now))} left)`;
  return `${door}  ${source}  ${endOf(opening)}  ${untilText(opening, now)}${left}`;
}

export function openingJson({ door, source, port, proto, to, until }: Opening, now: Micros): string {
  const family = source.includes(':') ? 6 : 4;
  return JSON.stringify({
    door,
    source,
    family,
    port,
    proto,
    ...(to === null ? {} : { to }),
    until: until === null ? null : secondIso(until),
    secondsLeft: until === null ? null : secondsLeft(until, now),
  });
}

function secondsLeft(until: number, now: Micros): number {
  return wholeSeconds(until * US_PER_SECOND - now) / US_PER_SECOND;
}

function secondIso(second: number): string {
  return new Date((second * US_PER_SECOND) / US_PER_MS).toISOString();
}
