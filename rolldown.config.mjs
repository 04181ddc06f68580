// src/ -> dist/: the programs, and a chunk for each command, so that one loads no more than it needs. What several of them
// share is in few chunks, as Node needs a millisecond for each file that it has to find.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'rolldown';

export default defineConfig({
  input: ['src/main.ts', 'src/knock.ts'],
  platform: 'node',
  logLevel: 'warn',
  output: {
    dir: 'dist',
    format: 'esm',
    sourcemap: true,
    cleanDir: true,
    chunkFileNames: '[name].js',
    codeSplitting: {
      groups: [
        // Each with all that it imports.
        { name: 'base', test: /src\/(lib\/version|cli\/local-zone|(cli|client)\/program)\.ts$/, priority: 3 },
        { name: 'daemon', test: /src\/cli\/run\.ts$/, priority: 2 },
        { name: 'shared', minShareCount: 2, priority: 1 },
      ],
    },
  },
  plugins: [
    {
      name: 'licences',
      generateBundle(_, bundle) {
        const modules = Object.values(bundle).flatMap((output) =>
          'moduleIds' in output ? output.moduleIds : [],
        );
        this.emitFile({ type: 'asset', fileName: 'LICENCES', source: licencesOf(modules) });
      },
    },
  ],
});

/**
 * Whoever hands on the bundle hands on the packages in it, and their licences have to come along.
 *
 * @param {string[]} modules
 */
function licencesOf(modules) {
  const folders = modules.map((path) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? '.');
  return [...new Set(folders)]
    .sort()
    .map((folder) => {
      const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((it) => /^licen[cs]e/i.test(it));
      if (file === undefined) throw new Error(`${folder}: no licence`);
      return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    })
    .join('\n----\n\n');
}
