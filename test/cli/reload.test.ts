/** Files of the daemon that cannot be looked at, while it runs. */

import { renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Served } from '../lab/served.ts';

let daemon: Served;
beforeEach(() => {
  daemon = new Served();
});
afterEach(() => daemon.close());

it.each([
  ['a symlink onto itself', () => symlinkSync(daemon.config, daemon.config)],
  ['something else', () => writeFileSync(daemon.config, 'doors: 7')],
])('a configuration that has become %s changes nothing', async (_, become) => {
  daemon.configure({ cmd: `sequence: [4001], start_command: "echo %IP% >> ${daemon.out}"` });
  await daemon.start();
  renameSync(daemon.config, `${daemon.config}.old`);
  become();
  daemon.hangUp();
  await daemon.says(/was not loaded, going on as before/);
  daemon.knock('10.0.0.7', 4001);
  await daemon.says(/running command/);
  expect(await daemon.end()).toBe(0);
});
