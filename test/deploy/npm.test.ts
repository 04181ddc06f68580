/** What npm makes of this package, beside the programs of others. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { scratchFolder } from '../lab/scratch-folder.ts';

const { bin, man } = JSON.parse(readFileSync('package.json', 'utf8'));

it('a page of the manual has the name of its program', () => {
  const pages = man.map((path: string) => path.replace('dist/man/', ''));
  expect(pages.sort()).toEqual([...Object.keys(bin).map((name) => `${name}.1`), 'knock.yaml.5'].sort());
});

it.each([[['link']], [['install', '--global', '.']]])(
  'npm %s leaves the `knock` of knockd as it is',
  (command) => {
    const prefix = scratchFolder();
    const programs = join(prefix, 'bin');
    mkdirSync(programs);
    writeFileSync(join(programs, 'knock'), 'that of knockd', { mode: 0o755 });
    execFileSync('npm', [...command, '--offline', '--ignore-scripts', '--no-audit'], {
      env: { ...process.env, npm_config_prefix: prefix },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 60_000,
    });
    expect(readFileSync(join(programs, 'knock'), 'utf8')).toBe('that of knockd');
    expect(readdirSync(programs).sort()).toEqual(['knock', 'knocktail', 'knocktail-knock']);
    expect(readlinkSync(join(programs, 'knocktail-knock'))).toMatch(/knocktail\/dist\/knock\.js$/);
  },
  60_000,
);
