/** Generates a random sequence that no scan runs into. */

import { isMonotonic } from '../../config/weak.ts';
import type { Port, Sequence } from '../../model.ts';

const PROTOS = ['tcp', 'tcp', 'udp', 'udp'] as const;

/**
 * Four steps at ports of their own, two over TCP and two over UDP, neither rising nor falling.
 *
 * @param below a number from 0 up to its argument, each as likely
 */
export function drawSequence(ports: readonly Port[], below: (limit: number) => number): Sequence {
  for (;;) {
    const left = [...ports];
    const protos = [...PROTOS];
    const steps = PROTOS.flatMap(() => {
      const [port] = left.splice(below(left.length), 1);
      const [proto] = protos.splice(below(protos.length), 1);
      return port === undefined || proto === undefined ? [] : [{ proto, port }];
    });
    // 2 of the 24 orders of four ports rise or fall all the way.
    if (!isMonotonic(steps)) return steps;
  }
}
