/** Reads what a syslog daemon writes between the stamp and the message: host, facility, severity and tag. */

import { BLANK, digitsEnd, fieldEnd, isFieldEnd, standsAt, TAB } from './bytes.ts';

export interface Host {
  /** Where the host name stands in the line; both are equal when the line names no host. */
  readonly hostAt: number;
  readonly hostEnd: number;
}

export interface Tag extends Host {
  /** Why the tag is not one that a logger gives to what the kernel says; null when it is. */
  readonly doubt: string | null;
  /** Where the message begins; where the search began when there is no tag of the kernel. */
  readonly end: number;
}

export const NO_HOST: Host = { hostAt: 0, hostEnd: 0 };
export const NO_TAG = 'it has no kernel: tag';
export const OTHER_TAG = 'its tag is not kernel:';

const COLON = 0x3a;
const NONE = -1;
const SEVERITIES = [
  'emerg',
  'panic',
  'alert',
  'crit',
  'err',
  'error',
  'warning',
  'warn',
  'notice',
  'info',
  'debug',
];

/**
 * What stands ahead of the tag decides which spellings of it a logger can have written: no stamp, the kernel's own, a
 * date, all of RFC 5424's stamp, or the stamp of svlogd, multilog or s6-log.
 */
export type StampKind = 'none' | 'uptime' | 'date' | 'full' | 'supervised';

/**
 * Only here is the tag the logger's: further right the sender's text begins. So each spelling is taken only where
 * the logger that writes it has nothing of a sender's ahead of it.
 */
export function readTag(bytes: Buffer, start: number, end: number, kind: StampKind): Tag {
  const hostless = tagWithoutHost(bytes, start, end, kind);
  if (hostless >= 0) return { doubt: null, end: hostless, ...NO_HOST };
  if (kind === 'none' || standsAt(bytes, 'kern.', start, end))
    return otherTag(bytes, start, start, end, NO_HOST);
  const hostEnd = fieldEnd(bytes, start, end);
  if (bytes[hostEnd - 1] === COLON) return { doubt: OTHER_TAG, end: start, ...NO_HOST };
  const host = { hostAt: start, hostEnd };
  const at = Math.min(hostEnd + 1, end);
  const tagged = tagAfterHost(bytes, at, end, kind);
  return tagged < 0 ? otherTag(bytes, start, at, end, host) : { doubt: null, end: tagged, ...host };
}

/**
 * `kernel: ` and `kern.warn kernel: ` (OpenWrt), `[kernel] ` and `[kernel][warning] ` (metalog), `kern.warn: ` (socklog,
 * from /proc/kmsg or from a klogd); -1 where there is none.
 */
function tagWithoutHost(bytes: Buffer, at: number, end: number, kind: StampKind): number {
  if (standsAt(bytes, 'kernel:', at, end)) return messageAt(bytes, at + 'kernel:'.length, end);
  if (kind !== 'none' && kind !== 'uptime' && standsAt(bytes, '[kernel]', at, end))
    return metalogEnd(bytes, at + '[kernel]'.length, end);
  if (!standsAt(bytes, 'kern.', at, end)) return NONE;
  const severity = severityEnd(bytes, at + 'kern.'.length, end);
  const isSocklog = kind === 'none' || kind === 'supervised';
  if (isSocklog && bytes[severity] === COLON && severity < end) {
    const message = messageAt(bytes, severity + 1, end);
    const tagged = kernelTagEnd(bytes, message, end);
    return tagged < 0 ? message : tagged;
  }
  return kernelTagEnd(bytes, fieldEnd(bytes, at, end) + 1, end);
}

/**
 * `kernel: `, `kern.warn kernel: ` (busybox), `user.warn kernel: ` (UniFi gateways, whose klogd loses the facility),
 * `warning.kernel: ` (templates with the severity), and `kernel - - - ` (RFC 5424 without its priority).
 */
function tagAfterHost(bytes: Buffer, at: number, end: number, kind: StampKind): number {
  if (standsAt(bytes, 'kernel:', at, end)) return messageAt(bytes, at + 'kernel:'.length, end);
  if (kind === 'full' && standsAt(bytes, 'kernel - - ', at, end))
    return dataEnd(bytes, at + 'kernel - - '.length, end);
  if (standsAt(bytes, 'kern.', at, end)) return kernelTagEnd(bytes, fieldEnd(bytes, at, end) + 1, end);
  if (standsAt(bytes, 'user.', at, end)) {
    const severity = severityEnd(bytes, at + 'user.'.length, end);
    return isFieldEnd(bytes, severity, end) ? kernelTagEnd(bytes, severity + 1, end) : NONE;
  }
  const severity = severityEnd(bytes, at, end);
  if (severity === at || !standsAt(bytes, '.kernel:', severity, end)) return NONE;
  return messageAt(bytes, severity + '.kernel:'.length, end);
}

/** Where the structured data of RFC 5424 ends that can stand in a line of the kernel's: none, or the counter of syslog-ng. */
export function dataEnd(bytes: Buffer, at: number, end: number): number {
  if (standsAt(bytes, '- ', at, end)) return at + 2;
  const counter = '[meta sequenceId="';
  if (!standsAt(bytes, counter, at, end)) return NONE;
  const place = digitsEnd(bytes, at + counter.length, end);
  return standsAt(bytes, '"] ', place, end) ? place + 3 : NONE;
}

function otherTag(bytes: Buffer, start: number, at: number, end: number, host: Host): Tag {
  const tagEnd = fieldEnd(bytes, at, end);
  const doubt = tagEnd < end && bytes[tagEnd - 1] === COLON ? OTHER_TAG : NO_TAG;
  return { doubt, end: start, ...host };
}

function metalogEnd(bytes: Buffer, at: number, end: number): number {
  const severity = standsAt(bytes, '[', at, end) ? severityEnd(bytes, at + 1, end) : at;
  const close = severity > at && standsAt(bytes, ']', severity, end) ? severity + 1 : at;
  return bytes[close] === BLANK && close < end ? close + 1 : NONE;
}

function kernelTagEnd(bytes: Buffer, at: number, end: number): number {
  return standsAt(bytes, 'kernel:', at, end) ? messageAt(bytes, at + 'kernel:'.length, end) : NONE;
}

/** Past the blank after a tag, the tab, or both. */
function messageAt(bytes: Buffer, at: number, end: number): number {
  const blank = at < end && bytes[at] === TAB ? at + 1 : at;
  return bytes[blank] === BLANK && blank < end ? blank + 1 : blank;
}

/** The end of the longest name of a severity that stands here; `at` where none does. */
function severityEnd(bytes: Buffer, at: number, end: number): number {
  const lengths = SEVERITIES.filter((name) => standsAt(bytes, name, at, end)).map(({ length }) => length);
  return at + Math.max(0, ...lengths);
}
