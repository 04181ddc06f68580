/** The daemon beside others who change the firewall: its chain deleted, flushed, unhooked and locked. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from './lab/describe.ts';
import { restoresOf } from './lab/processes.ts';
import { Lab, SERVER, until } from './lab.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const KNOCK = ['4438', '1813:udp', '8235'];

for (const backend of ['nft', 'legacy'] as const) {
  describeWith(
    ['root', 'ip', backend, 'kernel log', 'knock'],
    `the chain beside others, through ${backend}`,
    () => {
      let lab: Lab;
      let said: string;
      let daemon: ChildProcess;

      beforeEach(async () => {
        lab = new Lab();
        await lab.logAndDrop(backend);
        await lab.listen(22);
        await lab.pumpLog();
        const config = join(lab.folder, 'knock.yaml');
        writeFileSync(
          config,
          `log: { path: ${lab.log}, prefix: "${lab.prefix}" }
state: state
firewall: { iptables: ${backend} }
doors:
  ssh: { sequence: [${KNOCK}], seq_timeout: 5s, open: { port: 22, for: 600s } }
  web: { sequence: [5001, 5002], seq_timeout: 5s, open: { port: 80, for: 600s } }
`,
        );
        said = '';
        daemon = lab.spawn('server', [process.execPath, MAIN, 'run', '-c', config]);
        for (const stream of [daemon.stdout, daemon.stderr]) stream?.on('data', (text) => (said += text));
        await says(/\bready: /);
      });
      afterEach(() => lab.close());

      const says = (text: RegExp): Promise<unknown> => until(() => said.match(text), `${text} in:\n${said}`);
      const knock = (host: string, ports: readonly string[] = KNOCK) =>
        lab.exec('client', ['knock', '-d', '20', host, ...ports]);
      const opens = async (host: string) => (await lab.connect('client', host, 22)).outcome === 'open';
      const openOnceKnocked = async (host: string) => {
        await knock(host);
        await until(() => opens(host), `the door to open for ${host}`);
      };
      async function run(tool: 'iptables' | 'ip6tables', ...argv: readonly string[]): Promise<string> {
        const { stdout } = await lab.exec('server', [
          join(dirname(lab.iptables(backend)), tool),
          '-w',
          ...argv,
        ]);
        return stdout;
      }
      async function restore(
        tool: `${'iptables' | 'ip6tables'}-restore`,
        rules: string,
        ...flags: readonly string[]
      ) {
        const path = join(lab.folder, 'rules');
        writeFileSync(path, `*filter\n${rules}\nCOMMIT\n`);
        const argv = [join(dirname(lab.iptables(backend)), tool), ...flags, path];
        expect(await lab.exec('server', argv)).toMatchObject({ status: 0, stderr: '' });
      }
      const rules = async (tool: 'iptables' | 'ip6tables' = 'iptables') =>
        (await run(tool, '-S', 'KNOCKD')).split('\n').filter((line) => line.startsWith('-A'));
      const pid = (): number => daemon.pid ?? 0;

      it.each([
        ['iptables', SERVER.v4],
        ['ip6tables', SERVER.v6],
      ] as const)(
        'deleted in %s, it is there again at the next knock, with all that was open',
        async (tool, host) => {
          await openOnceKnocked(host);
          // At one blow, as the daemon may look at the chain in between.
          await restore(`${tool}-restore`, '-D INPUT -j KNOCKD\n-F KNOCKD\n-X KNOCKD', '--noflush');
          await knock(host, ['5001', '5002']);
          await says(/web: opened 80\/tcp/);
          expect(await opens(host)).toBe(true);
          expect((await rules(tool)).map((line) => /knocktail:(\w+)/.exec(line)?.[1]).sort()).toEqual([
            'ssh',
            'web',
          ]);
          expect(said.match(/openings put back: 1/g)).toHaveLength(1);
        },
      );

      it('unhooked, it is hooked again soon after a knock', async () => {
        await run('iptables', '-D', 'INPUT', '-j', 'KNOCKD');
        await openOnceKnocked(SERVER.v4);
        expect(said.match(/made the jump from INPUT/g)).toHaveLength(3);
      });

      it('replaced by what iptables-restore loads, it is there again after the next knock', async () => {
        await openOnceKnocked(SERVER.v4);
        await restore('iptables-restore', ':INPUT ACCEPT\n-A INPUT -p tcp -j DROP');
        await run('iptables', '-I', 'INPUT', '-j', 'LOG', '--log-prefix', lab.prefix);
        await knock(SERVER.v4, ['5001', '5002']);
        await until(() => opens(SERVER.v4), 'what was open before');
        expect(said.match(/made the chain KNOCKD/g)).toHaveLength(3);
      });

      it('flushed by somebody, it stays empty until the next knock', async () => {
        await openOnceKnocked(SERVER.v4);
        await run('iptables', '-F', 'KNOCKD');
        await knock(SERVER.v4, ['5001', '5002']);
        await says(/web: opened 80\/tcp/);
        expect(await opens(SERVER.v4)).toBe(false);
        expect(await rules()).toEqual([expect.stringContaining('web')]);
        await openOnceKnocked(SERVER.v4);
      });

      it('is changed through one process for each family, which ends with the daemon however that ends', async () => {
        const helpers = restoresOf(pid());
        expect(helpers).toHaveLength(2);
        await openOnceKnocked(SERVER.v4);
        await openOnceKnocked(SERVER.v6);
        expect(restoresOf(pid())).toEqual(helpers);
        daemon.kill('SIGKILL');
        await until(() => helpers.every(hasEnded), 'the end of both');
      });

      it('leaves no process when the daemon is told to end', async () => {
        const helpers = restoresOf(pid());
        daemon.kill('SIGTERM');
        await once(daemon, 'exit');
        expect(helpers.every(hasEnded)).toBe(true);
      });

      it('locked by somebody, it takes openings late, and loses none', async () => {
        const lock = spawn('flock', ['/run/xtables.lock', 'sleep', '3'], { stdio: 'ignore' });
        try {
          await knock(SERVER.v4);
          await knock(SERVER.v4, ['5001', '5002']);
          await says(/ssh: opened 22\/tcp[\s\S]*web: opened 80\/tcp/);
          expect(await rules()).toHaveLength(2);
          expect(said).not.toContain('was not opened');
        } finally {
          lock.kill();
        }
      });
    },
  );
}

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
