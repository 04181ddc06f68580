/** Formats packets and openings for people and programs, and explains why there are none. */

import { spanText } from '../lib/time.ts';
import { type Micros, type Opening, type Packet, US_PER_MS, US_PER_SECOND } from '../model.ts';
import { endOf, untilText, wholeSeconds } from '../telemetry/messages.ts';

/** Said where reading was ended by a signal, or as nothing can be written: what is told then looks whole. */
export const CUT_SHORT = 'ended early: this is of the part that was read, run it again for the whole';

/** What is said of a log from which nothing can be told. */
export function noLineCounts(prefix: string): string {
  const remedy = 'see with knocktail parse which it has, and name one with --prefix';
  return `no line counts: none is the kernel's with the prefix "${prefix}", ${remedy}`;
}

/** What is said of a log that holds nothing. */
export function noLineRead(name: string): string {
  return `0 lines read: ${name} is empty`;
}

/** What is said of lines that only look like the kernel's. */
export function notBelieved(untrusted: number): string {
  const lines = untrusted === 1 ? '1 line carried' : `${untrusted} lines carried`;
  const are = untrusted === 1 ? 'is' : 'are';
  return `${lines} the prefix but ${are} not the kernel's, and did not count: ${TRY_ANY}`;
}

/** How lines are accepted that do not show that they are the kernel's. */
export const TRY_ANY =
  'if only the firewall writes this log, read it with --format any (log.format: any); for the journal use ' +
  'journalctl -k -o short-iso-precise';

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
