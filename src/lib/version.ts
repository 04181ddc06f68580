/** Reads the version of this program from package.json. */

import { readFileSync } from 'node:fs';
import { MANIFEST } from './install-path.ts';

const { version } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as {
  version: string;
};

export const VERSION = version;
