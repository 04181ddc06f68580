// src/ -> dist/: one file a program. Node starts it in half the time that it takes to find 200 modules.

import { defineConfig } from 'rolldown';

export default defineConfig({
  input: ['src/main.ts', 'src/knock.ts'],
  platform: 'node',
  logLevel: 'warn',
  output: { dir: 'dist', format: 'esm', sourcemap: true, cleanDir: true, chunkFileNames: '[name].js' },
});
