/** Draws a random sequence from ports that nothing on this host is likely to use. */

import { randomInt } from 'node:crypto';
import type { Port, Sequence } from '../model.ts';
import { freePorts } from '../tools/setup/ports.ts';
import { drawSequence } from '../tools/setup/sequence.ts';
import { hostPorts } from './host-ports.ts';

/** @param taken ports that it is not to have: those of other doors */
export async function drawFresh(taken: ReadonlySet<Port>): Promise<Sequence> {
  const ports = freePorts(await hostPorts()).filter((port) => !taken.has(port));
  return drawSequence(ports, randomInt);
}
