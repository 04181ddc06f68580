/** Finds the files that are installed with this program. */

import { fileURLToPath } from 'node:url';

/** Built, this is in dist/; the tests run it from src/lib/. */
const ROOT = import.meta.url.endsWith('/src/lib/install-path.ts') ? '../..' : '..';
const fileAt = (path: string): string => fileURLToPath(new URL(`${ROOT}/${path}`, import.meta.url));

export const PROGRAM = fileAt('dist/main.js');
export const CLIENT = fileAt('dist/knock.js');
export const SCHEMA = fileAt('knock.schema.json');
export const MANIFEST = fileAt('package.json');
