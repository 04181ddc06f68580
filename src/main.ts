#!/usr/bin/env node
/** The program `knocktail`: runs one command, and is the only place that calls process.exit. */

import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { basename } from 'node:path';
import { zoneOfMachine } from './cli/local-zone.ts';
import { runProgram } from './cli/program.ts';
import { EXIT, type ExitCode } from './errors.ts';
import { VERSION } from './lib/version.ts';

const STDIN = 0;
/** What a printer, a mail and a pipe are taken to have. */
const PLAIN_COLUMNS = 80;
const ENDINGS = ['SIGTERM', 'SIGINT'] as const;
/** What a command may take to tell what it has found so far. */
const GRACE_MS = 3_000;

// The path as it was called, a symlink by its own name.
const [, self = '', ...argv] = process.argv;
const name = basename(self);
const isDaemon = name === 'knockd' || argv[0] === 'run';
const ending = new AbortController();
let isToStay = false;
const end = (signal: NodeJS.Signals): void => {
  ending.abort();
  // What waits for something that never comes, such as the writer of a pipe, has not heard of it.
  setTimeout(() => {
    if (!isToStay) process.kill(process.pid, signal);
  }, GRACE_MS).unref();
};
// By the second it ends at once.
for (const signal of ENDINGS) process.once(signal, end);
let failed: ExitCode | null = null;
// The reader of our output may leave early, as `head` does. That ends a filter, but never the daemon.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (isDaemon || failed !== null) return;
  failed = error.code === 'EPIPE' ? EXIT.OK : EXIT.IO;
  if (failed === EXIT.OK) process.exit(failed);
  process.stderr.write(`the output cannot be written: ${error.message}, see where it goes\n`);
  ending.abort();
});
// One that comes before the daemon can load anything anew is not to end it.
if (isDaemon) process.on('SIGHUP', () => undefined);
// By default Node would let every local user in as a debugger, who is then whoever runs this: root, most likely. Whoever can
// send the signal in the moments before this line needs no debugger.
process.on('SIGUSR1', () => undefined);
process.stderr.on('error', () => undefined);

// Node reads its zone again when this is set.
const zone = zoneOfMachine();
if (zone !== null) process.env['TZ'] = zone;

/** A closed one is none. */
function isPiped(): boolean {
  try {
    const stats = fstatSync(STDIN);
    return stats.isFIFO() || stats.isSocket() || stats.isFile();
  } catch {
    return false;
  }
}

const code = await runProgram(
  { name, argv, version: VERSION },
  {
    stdin: process.stdin,
    isPiped: isPiped(),
    stdout: process.stdout,
    stderr: process.stderr,
    columns: process.stdout.columns ?? PLAIN_COLUMNS,
    isTerminal: process.stdout.isTTY === true,
    drained: async () => {
      // Of an error it is told above.
      if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain').catch(() => undefined);
    },
    signal: ending.signal,
    stay: (reload) => {
      isToStay = true;
      for (const signal of ENDINGS) process.on(signal, end);
      process.on('SIGHUP', reload);
    },
  },
);
// Not at once: what was written to a pipe may still be on its way.
process.stdout.write('', () => setImmediate(() => process.exit(failed ?? code)));
