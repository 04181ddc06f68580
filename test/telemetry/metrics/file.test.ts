/** The file of metrics. */

import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MetricsFile } from '../../../src/telemetry/metrics/file.ts';
import { scratchFolder } from '../../lab/scratch-folder.ts';
import { linesOf, until } from '../../lab.ts';

it('is written again and again and once more at the end, for all to read', async () => {
  const folder = scratchFolder();
  const path = join(folder, 'knocktail.prom');
  const complaints: string[] = [];
  let writes = 0;
  const file = new MetricsFile({
    path: () => path,
    text: () => `${++writes}\n`,
    warn: (text) => void complaints.push(text),
  });
  file.start(10);
  await until(() => Number(linesOf(path)[0] ?? 0) >= 3, 'a third writing');
  await file.close();
  expect(readFileSync(path, 'utf8')).toBe(`${writes}\n`);
  expect(statSync(path).mode & 0o777).toBe(0o644);
  expect(readdirSync(folder)).toEqual(['knocktail.prom']);
  expect(complaints).toEqual([]);
});

it('that cannot be written is told once, and written when it can be', async () => {
  const folder = join(scratchFolder(), 'later');
  const path = join(folder, 'knocktail.prom');
  const complaints: string[] = [];
  let tries = 0;
  const file = new MetricsFile({
    path: () => {
      tries++;
      return path;
    },
    text: () => 'text\n',
    warn: (text) => void complaints.push(text),
  });
  file.start(10);
  await until(() => tries > 3, 'some tries');
  mkdirSync(folder);
  await until(() => linesOf(path).length > 0, 'the file');
  await file.close();
  expect(complaints).toEqual([
    expect.stringMatching(/^metrics cannot be written: ENOENT.*, see to the folder of \//),
  ]);
});

it('is none where none is named', async () => {
  let asked = 0;
  const file = new MetricsFile({
    path: () => null,
    text: () => {
      asked++;
      return '';
    },
    warn: () => undefined,
  });
  file.start(10);
  await file.close();
  expect(asked).toBe(0);
});
