#!/usr/bin/env node
/** argv of the client -> one knock -> exit code. */

import { runKnock } from './client/program.ts';
import { VERSION } from './version.ts';

// A reader of our output that leaves early does not cut a knock short.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

process.exitCode = await runKnock(process.argv.slice(2), VERSION, process);
