/** Reads a port as someone types it. */

import { InvalidArgumentError } from 'commander';
import { parsePort } from '../lib/address.ts';
import type { Port } from '../model.ts';

export function toPort(text: string): Port {
  const port = parsePort(text);
  if (port === null || port === 0) throw new InvalidArgumentError('Not a port from 1 to 65535.');
  return port;
}
