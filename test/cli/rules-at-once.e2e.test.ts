/** Several programs that change our chains at the same time, in the real kernel. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { Lab, until } from '../lab.ts';

const KNOCKTAIL = [process.execPath, 'dist/main.js'];
const FAMILIES = ['iptables', 'ip6tables'] as const;

for (const backend of ['nft', 'legacy'] as const) {
  describeWith(['root', 'ip', backend], `rules, changed by many at once, through ${backend}`, () => {
    let lab: Lab;
    let config: string;
    let said: string;
    beforeEach(async () => {
      lab = new Lab();
      config = join(lab.folder, 'knock.yaml');
      writeFileSync(lab.log, '');
      writeFileSync(
        config,
        `log: { path: ${lab.log} }
state: state
firewall: { iptables: ${backend} }
doors: { ssh: { sequence: [4438, 1813:udp, 8235], open: { port: 22, for: 60s } } }
`,
        { mode: 0o600 },
      );
      for (const tool of FAMILIES)
        for (const proto of ['tcp', 'udp'])
          await server(`${tool}-${backend}`, '-w', '-A', 'INPUT', '-p', proto, '-j', 'DROP');
    });
    afterEach(() => lab.close());

    async function start(): Promise<ChildProcess> {
      const daemon = lab.spawn('server', [...KNOCKTAIL, 'run', '-c', config]);
      said = '';
      for (const stream of [daemon.stdout, daemon.stderr]) stream?.on('data', (text) => (said += text));
      await until(() => / ready: /.test(said), `a daemon that is ready:\n${said}`);
      return daemon;
    }
    async function server(...argv: readonly string[]): Promise<string> {
      const { status, stdout, stderr } = await lab.exec('server', argv);
      if (status !== 0) throw new Error(`${argv.join(' ')}: ${stdout}${stderr}`);
      return stdout;
    }
    const rules = (...options: readonly string[]): Promise<string> =>
      server(...KNOCKTAIL, 'rules', '-c', config, ...options);
    const listed = (): Promise<readonly string[]> =>
      Promise.all(FAMILIES.map((tool) => server(`${tool}-${backend}`, '-w', '-S')));
    const tenTimes = <T>(act: () => Promise<T>): Promise<readonly T[]> =>
      Promise.all(Array.from({ length: 10 }, act));

    it('applied ten times, they stand once, and removed ten times, not at all', async () => {
      const before = await listed();
      await rules('--apply');
      const once = await listed();
      await rules('--remove');
      expect(await listed()).toEqual(before);
      await tenTimes(() => rules('--apply'));
      expect(await listed()).toEqual(once);
      await tenTimes(() => rules('--remove'));
      expect(await listed()).toEqual(before);
    });

    it('removed beside a daemon that makes its chain again, they are said not to be gone for long', async () => {
      const remove = [...KNOCKTAIL, 'rules', '-c', config, '--remove'];
      const daemon = await start();
      const { status, stderr } = await lab.exec('server', remove);
      expect([status, stderr]).toEqual([
        0,
        `warning: knocktail runs as ${daemon.pid} and makes KNOCKD and the jumps to it again within a minute: ` +
          `stop it (systemctl stop knocktail, or kill ${daemon.pid}), then repeat knocktail rules -c ${config} --remove\n`,
      ]);
      daemon.kill('SIGKILL');
      await once(daemon, 'exit');
      expect((await lab.exec('server', remove)).stderr).toBe('');
    });

    it('applied while a daemon makes its chain again, they stand once', async () => {
      await rules('--apply');
      const once = await listed();
      const daemon = await start();
      for (let round = 0; round < 5; round += 1) {
        await rules('--remove');
        // Told to load its configuration, it makes what is missing.
        daemon.kill('SIGHUP');
        await Promise.all([rules('--apply'), rules('--apply')]);
        const seen = said.match(/loaded/g)?.length ?? 0;
        daemon.kill('SIGHUP');
        await until(() => (said.match(/loaded/g)?.length ?? 0) > seen, `a second reload:\n${said}`);
        await until(
          async () => (await listed()).join() === once.join(),
          'the rules as they were',
          5_000,
        ).catch(async () => expect(await listed()).toEqual(once));
      }
      expect(said).not.toMatch(/error|exists|cannot/i);
    });
  });
}
