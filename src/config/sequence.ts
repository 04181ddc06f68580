/** "8000:udp" -> Step, in knockd's spelling. */

import { toPort } from '../address.ts';
import type { Step } from '../model.ts';

export const STEP_PATTERN = /^\s*(\d{1,5})\s*(?::\s*(tcp|udp)\s*)?$/i;

/** One step, or null when the text is none: a port from 1 to 65535, tcp unless it says `:udp`. */
export function parseStep(text: string): Step | null {
  const [, digits, proto] = STEP_PATTERN.exec(text) ?? [];
  if (digits === undefined) return null;
  const port = toPort(Number(digits));
  if (port === null || port === 0) return null;
  return { proto: proto?.toLowerCase() === 'udp' ? 'udp' : 'tcp', port };
}

/** The spelling that `parseStep` reads; tcp goes without saying. */
export function formatStep({ proto, port }: Step): string {
  return proto === 'tcp' ? String(port) : `${port}:${proto}`;
}
