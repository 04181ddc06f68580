/** Sends the packets of a knock, one after the other. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Sequence, Step } from '../model.ts';
import type { Target } from './host.ts';
import { ping } from './ping.ts';
import { sendSyn } from './tcp.ts';
import { sendDatagram } from './udp.ts';

export interface Knock {
  readonly target: Target;
  readonly steps: Sequence;
  readonly delayMs: number;
}

/**
 * Tells of each step before it is done, in the words of knockd's client.
 *
 * @throws KnocktailError 69 at the first step whose packet this machine does not send; no later one is sent
 */
export async function knock({ target, steps, delayMs }: Knock, tell: (line: string) => void): Promise<void> {
  for (const step of steps) {
    tell(describeHit(target, step));
    await hit(target, step);
    // After the last one, too: scripts rely on knockd's client for a pause before what comes next.
    await sleep(delayMs);
  }
}

function describeHit({ address }: Target, step: Step): string {
  if (step.proto !== 'icmp') return `hitting ${step.proto} ${address}:${step.port}`;
  return `hitting icmp ${address}${step.size === null ? '' : ` (${step.size} bytes)`}`;
}

function hit(target: Target, step: Step): Promise<void> {
  if (step.proto === 'icmp') return ping(target, step.size);
  return step.proto === 'tcp' ? sendSyn(target, step.port) : sendDatagram(target, step.port);
}
