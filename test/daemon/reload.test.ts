/** Files of the daemon that cannot be looked at, while it runs. */

import { renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { Reload } from '../../src/daemon/reload.ts';
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

it('however often it is asked to load the configuration while it does, it does so once more', async () => {
  const { config } = loadConfig('doors: { a: { sequence: [7000] } }');
  if (config === null) expect.fail();
  let loads = 0;
  let load: () => void = () => undefined;
  const read = () => {
    loads++;
    return new Promise<typeof config>((resolve) => (load = () => resolve(config)));
  };
  const nothing = () => undefined;
  const log = { use: nothing, info: nothing, warn: nothing, error: nothing };
  const parts = { path: '/nowhere', read, log, oneTime: { isCurrent: async () => true } };
  const reload = new Reload({ ...parts, daemon: { reload: async () => undefined } }, config);
  reload.now();
  await expect.poll(() => loads).toBe(1);
  for (let hangUp = 0; hangUp < 100; hangUp++) reload.now();
  load();
  await expect.poll(() => loads).toBe(2);
  load();
  await reload.stop();
  expect(loads).toBe(2);
});
