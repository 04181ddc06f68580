#!/usr/bin/env node
/** argv -> knock -> exit code. */

import { readFileSync } from 'node:fs';
import { runKnock } from './client/program.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
process.exitCode = await runKnock(process.argv.slice(2), version, process);
