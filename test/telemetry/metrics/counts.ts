/** The counts of a daemon that has seen something of everything. */

import type { Counts } from '../../../src/telemetry/counts.ts';

export const COUNTS: Counts = {
  logs: [
    {
      log: '/var/log/kern.log',
      ...{ trusted: 20, untrusted: 3, overwritten: 5, suppressed: 7 },
      ...{ readAt: 1_795_219_200_500_000, packetAt: 1_795_219_199_000_000 },
    },
    {
      log: 'kmsg',
      ...{ trusted: 0, untrusted: 0, overwritten: 0, suppressed: 0 },
      ...{ readAt: null, packetAt: null },
    },
  ],
  attempts: 2,
  evicted: 1,
  decisions: new Map([['ssh', { stage: 9, open: 3, reset: 1, timeout: 2, trap: 0 }]]),
  nearMisses: { 'one step short': 1, trap: 0, 'port sweep': 2, unfinished: 0 },
  openings: new Map([['ssh', 4]]),
  firewall: {
    ensure: { done: 1, failed: 0 },
    list: { done: 1, failed: 0 },
    insert: { done: 3, failed: 1 },
    remove: { done: 2, failed: 0 },
  },
  commands: { ran: 6, failed: 1, running: 1, pending: 2 },
};
export const RUN = { version: '1.2.3', startedAt: 1_795_219_000_000_000 };
