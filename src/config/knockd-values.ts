/** Parses the values of a knockd.conf as knockd 0.8 does (observed; see docs/knockd.md). */

import { toPort } from '../lib/address.ts';
import { type FlagRule, type Step, TCP_FLAGS } from '../model.ts';
import { MAX_STEPS } from './values.ts';

/** A value, or what is wrong with it; and what is odd about one that knockd accepts all the same. */
export type Read<T> =
  | { readonly value: T; readonly problem: null; readonly oddities: readonly string[] }
  | { readonly value: null; readonly problem: string; readonly oddities?: never };

const MAX_PORT = 65_535;
/** Those that knockd has names for. */
const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;

/** `7000, 8000:udp`: ports by atoi, with what comes after a second colon left out. */
export function readSequence(text: string): Read<Step[]> {
  const words = text.split(',');
  if (words.length > MAX_STEPS) {
    return wrong(`too many steps (${words.length}), write at most ${MAX_STEPS}`);
  }
  const steps: Step[] = [];
  const oddities: string[] = [];
  for (const word of words) {
    const [digits = '', name = 'tcp', ...more] = word.split(':');
    const proto = name.trim().toLowerCase();
    if (proto !== 'tcp' && proto !== 'udp') return wrong(`not a protocol (${name}), write tcp or udp`);
    const number = atoi(digits);
    // What is below zero wraps round: knockd keeps ports in 16 bits.
    const port = number > MAX_PORT ? null : toPort(number & MAX_PORT);
    if (port === null) return wrong(`not a port (${digits.trim()}), write a number from 1 to ${MAX_PORT}`);
    if (!isPlain(digits) || port === 0) oddities.push(`"${word.trim()}" is taken for port ${port}`);
    else if (more.length > 0) oddities.push(`"${word.trim()}" is taken for ${port}:${proto}`);
    steps.push({ proto, port });
  }
  return { value: steps, problem: null, oddities };
}

/** `syn,!ack`: no blanks inside; added to what the door has already. */
export function readFlags(text: string, before: FlagRule | null): Read<FlagRule> {
  let rule = before ?? { set: 0, clear: 0 };
  for (const word of text.split(',')) {
    const isClear = word.startsWith('!');
    const flag = FLAGS.find((name) => name === word.slice(isClear ? 1 : 0).toUpperCase());
    if (flag === undefined) {
      const right = FLAGS.join(', ').toLowerCase();
      return wrong(
        `not a TCP flag ("${word}"), write flags out of ${right} without blanks, with ! for clear`,
      );
    }
    const bit = TCP_FLAGS[flag];
    rule = isClear ? { ...rule, clear: rule.clear | bit } : { ...rule, set: rule.set | bit };
  }
  return { value: rule, problem: null, oddities: [] };
}

/** Whole seconds by atoi; what is below zero is none. */
export function readSeconds(text: string): Read<number> {
  const seconds = Math.max(atoi(text), 0);
  const oddities = isPlain(text) ? [] : [`"${text}" is taken for ${seconds} s`];
  return { value: seconds, problem: null, oddities };
}

/** The leading number of a text as C's atoi gives it on 64-bit Linux: 0 for none, cut to 32 bits. */
function atoi(text: string): number {
  const [digits = '0'] = /^[+-]?\d+/.exec(text.trimStart()) ?? [];
  const long = BigInt.asIntN(64, clamp(BigInt(digits.replace('+', ''))));
  return Number(BigInt.asIntN(32, long));
}

const LONG_MAX = 2n ** 63n - 1n;

function clamp(number: bigint): bigint {
  if (number > LONG_MAX) return LONG_MAX;
  return number < -LONG_MAX - 1n ? -LONG_MAX - 1n : number;
}

function isPlain(digits: string): boolean {
  return /^\s*\d{1,9}\s*$/.test(digits);
}

function wrong(problem: string): { readonly value: null; readonly problem: string } {
  return { value: null, problem };
}
