/** Reads the kernel's own stamp of a message. */

import { US_PER_SECOND } from '../model.ts';
import { BLANK, decimal, digitsEnd, isDigit, skipBlanks, standsAt } from './bytes.ts';

export interface Uptime {
  /** Microseconds since boot. */
  readonly us: number;
  /** The offset of the first byte after it. */
  readonly end: number;
}

const [OPEN, CLOSE, DOT, LESS, GREATER] = [0x5b, 0x5d, 0x2e, 0x3c, 0x3e];
/** printk prints microseconds. */
const UPTIME_DIGITS = 6;

/** `[  133.315636] `, and with PRINTK_CALLER `[  147.444368][  T11] `. */
export function readUptime(bytes: Buffer, at: number, end: number): Uptime | null {
  if (bytes[at] !== OPEN || at >= end) return null;
  const seconds = skipBlanks(bytes, at + 1, end);
  const point = digitsEnd(bytes, seconds, end);
  const fractionEnd = digitsEnd(bytes, point + 1, end);
  if (bytes[point] !== DOT || fractionEnd !== point + 1 + UPTIME_DIGITS) return null;
  const whole = decimal(bytes, seconds, point);
  const close = bytes[fractionEnd] === CLOSE ? fractionEnd : deltaEnd(bytes, fractionEnd, end);
  if (whole < 0 || bytes[close] !== CLOSE || close >= end) return null;
  const after = callerEnd(bytes, close + 1, end);
  const us = whole * US_PER_SECOND + decimal(bytes, point + 1, fractionEnd);
  return { us, end: bytes[after] === BLANK && after < end ? after + 1 : after };
}

/** `[ 1818.179814 <    0.000123 >]` of journalctl -o short-delta, blank for the first line; dmesg -d has `<    0.000123>]`. */
function deltaEnd(bytes: Buffer, at: number, end: number): number {
  const open = skipBlanks(bytes, at, end);
  if (bytes[open] !== LESS) return open;
  const point = digitsEnd(bytes, skipBlanks(bytes, open + 1, end), end);
  const close = skipBlanks(bytes, digitsEnd(bytes, point + 1, end), end);
  return bytes[point] === DOT && bytes[close] === GREATER ? close + 1 : end;
}

/** `[  T11]` of a thread or `[    C0]` of a CPU (kernel/printk/printk.c). */
function callerEnd(bytes: Buffer, at: number, end: number): number {
  if (bytes[at] !== OPEN || at >= end) return at;
  const name = skipBlanks(bytes, at + 1, end);
  const isCaller = standsAt(bytes, 'T', name, end) || standsAt(bytes, 'C', name, end);
  const close = digitsEnd(bytes, name + 1, end);
  return isCaller && isDigit(bytes[name + 1]) && bytes[close] === CLOSE ? close + 1 : at;
}
