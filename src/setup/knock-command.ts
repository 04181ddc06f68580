/** A sequence -> the command lines that knock it. */

import { formatStep } from '../config/sequence.ts';
import type { Sequence } from '../model.ts';

/** A host says nothing to a knock: this is how long bash is let wait for an answer to a SYN before it is ended. */
const WAIT_SECONDS = 0.3;

/** For the client of knockd or knocktail. */
export function knockCommand(host: string, sequence: Sequence): string {
  return ['knock', host, ...sequence.map(formatStep)].join(' ');
}

/** For a machine that has no knock client but bash. It cannot ping. */
export function bashCommand(host: string, sequence: Sequence): string {
  const paths = sequence.flatMap((step) =>
    step.proto === 'icmp' ? [] : [`${step.proto}/${host}/${step.port}`],
  );
  return `for p in ${paths.join(' ')}; do timeout ${WAIT_SECONDS} bash -c "echo >/dev/$p"; done 2>/dev/null`;
}
