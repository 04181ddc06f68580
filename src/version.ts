/** package.json -> the version of this program. */

import { readFileSync } from 'node:fs';
import { MANIFEST } from './home.ts';

const { version } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as {
  version: string;
};

export const VERSION = version;
