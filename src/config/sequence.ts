/** Parses and prints steps in knockd's notation, such as 8000:udp. */

import { toPort } from '../lib/address.ts';
import type { Step } from '../model.ts';

export const STEP_PATTERN = /^\s*(?:(\d{1,5})\s*(?::\s*(tcp|udp)\s*)?|icmp\s*(?::\s*(\d{1,5})\s*)?)$/i;

/** The largest payload that an echo request over IPv4 can have. */
const MAX_ECHO_BYTES = 65_507;

/** One step, or null when the text is none: a port from 1 to 65535, tcp unless it says `:udp`; `icmp` or `icmp:SIZE`. */
export function parseStep(text: string): Step | null {
  const match = STEP_PATTERN.exec(text);
  if (match === null) return null;
  const [, digits, proto, size] = match;
  if (digits === undefined) return echoStep(size);
  const port = toPort(Number(digits));
  if (port === null || port === 0) return null;
  return { proto: proto?.toLowerCase() === 'udp' ? 'udp' : 'tcp', port };
}

/** The spelling that `parseStep` reads; tcp goes without saying. */
export function formatStep(step: Step): string {
  if (step.proto === 'icmp') return step.size === null ? 'icmp' : `icmp:${step.size}`;
  return step.proto === 'tcp' ? String(step.port) : `${step.port}:${step.proto}`;
}

function echoStep(size: string | undefined): Step | null {
  if (size === undefined) return { proto: 'icmp', size: null };
  return Number(size) <= MAX_ECHO_BYTES ? { proto: 'icmp', size: Number(size) } : null;
}
