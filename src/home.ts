/** Where this program is installed -> the files that belong to it. */

import { fileURLToPath } from 'node:url';

/** From src/ and from dist/ alike. */
const fileAt = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

export const PROGRAM = fileAt('dist/main.js');
export const CLIENT = fileAt('dist/knock.js');
export const SCHEMA = fileAt('knock.schema.json');
export const MANIFEST = fileAt('package.json');
