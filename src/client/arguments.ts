/** Parses the steps of a knock and the delay between them. */

import { parseStep } from '../config/sequence.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import type { Sequence, Step } from '../model.ts';

/** A timer holds no more. */
const MAX_DELAY_MS = 2_147_483_647;

/**
 * As with knockd's client, `udp` overrules even a port that says `:tcp`.
 *
 * @throws KnocktailError 64 at the first text that is no step
 */
export function parseSteps(texts: readonly string[], udp: boolean): Sequence {
  const steps = texts.map(stepOf);
  return udp ? steps.map((step) => (step.proto === 'icmp' ? step : { ...step, proto: 'udp' })) : steps;
}

/** @throws KnocktailError 64 unless the text is a whole number of milliseconds that a timer can hold */
export function parseDelay(text: string): number {
  const ms = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (ms <= MAX_DELAY_MS) return ms;
  throw new KnocktailError('not a delay', {
    exitCode: EXIT.USAGE,
    value: text,
    where: '--delay',
    remedy: `write whole milliseconds, from 0 to ${MAX_DELAY_MS}`,
  });
}

function stepOf(text: string): Step {
  const step = parseStep(text);
  if (step !== null) return step;
  throw new KnocktailError('not a step', {
    exitCode: EXIT.USAGE,
    value: text,
    remedy: 'write a port from 1 to 65535, PORT:tcp, PORT:udp, icmp or icmp:SIZE, with a space between two',
  });
}
