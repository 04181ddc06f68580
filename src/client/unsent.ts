/** Explains why the system did not send a packet. */

import { getSystemErrorMap } from 'node:util';
import { EXIT, KnocktailError } from '../errors.ts';

/** @param where - the step and its target, as in `tcp 10.0.0.1:7000` */
export function unsent(where: string, error: NodeJS.ErrnoException): KnocktailError {
  const words = getSystemErrorMap().get(error.errno ?? 0)?.[1] ?? error.message;
  return new KnocktailError(`not sent: ${words}`, {
    exitCode: EXIT.UNAVAILABLE,
    where,
    remedy: 'see to the routes and the firewall of this machine',
    cause: error,
    ...(error.code === undefined ? {} : { value: error.code }),
  });
}
