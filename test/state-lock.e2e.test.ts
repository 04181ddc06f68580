/** Daemons that share a state folder, as a user starts them. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from './lab/describe.ts';
import { Lab, until } from './lab.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

describeWith(['root', 'ip', 'iptables', 'unshare'], 'a second daemon', () => {
  let lab: Lab;
  let run: readonly string[];
  beforeEach(() => {
    lab = new Lab();
    const config = join(lab.folder, 'knock.yaml');
    writeFileSync(lab.log, '');
    writeFileSync(
      config,
      `log: { path: ${lab.log}, prefix: "${lab.prefix}" }\nstate: state\ndoors: { ssh: { sequence: [4438, 1813:udp, 8235], open: { port: 22, for: 30s } } }\n`,
      { mode: 0o600 },
    );
    run = [process.execPath, MAIN, 'run', '-c', config];
  });
  afterEach(() => lab.close());

  async function start(more: readonly string[] = []): Promise<ChildProcess> {
    const child = lab.spawn('server', [...run, ...more]);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += text));
    await until(() => /\bready: /.test(said), `the daemon is ready:\n${said}`);
    return child;
  }

  it('with the same state folder ends with 69, and may run with another', async () => {
    const { pid } = await start();
    const { status, stderr } = await lab.exec('server', run);
    expect(status).toBe(69);
    expect(stderr).toContain(
      `state: another knocktail (pid ${pid}) uses this state folder (${join(lab.folder, 'state')}), ` +
        'stop it, or give this one a folder of its own with --state',
    );
    await start(['--state', join(lab.folder, 'other')]);
    await start(['--dry-run']);
  });

  it('starts once the first was killed', async () => {
    const first = await start();
    first.kill('SIGKILL');
    await once(first, 'exit');
    await start();
    expect((await lab.exec('server', run)).status).toBe(69);
  });

  it('in another container that shares the folder ends with 69', async () => {
    await start();
    const inside = ['unshare', '-m', '-p', '-n', '-i', '-u', '-f', '--mount-proc', ...run];
    const { status, stderr } = await lab.exec('server', inside);
    expect(status).toBe(69);
    expect(stderr).toMatch(/another knocktail \(pid \d+ in another container\) uses this state folder/);
  });
});
