#!/usr/bin/env node
/** The program `knocktail-knock`: sends one knock. */

import { basename } from 'node:path';
import { runKnock } from './client/program.ts';
import { VERSION } from './lib/version.ts';

// A reader of our output that leaves early does not cut a knock short.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

// A symlink is known by its own name, dist/knock.js as knock.
const [, self = '', ...argv] = process.argv;
process.exitCode = await runKnock({ name: basename(self, '.js'), argv, version: VERSION }, process);
