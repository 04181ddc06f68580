/** `list`, `open`, `close` and `flush` on a real chain, without a daemon. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { Lab, until } from '../lab.ts';

const TIME = /\d\d:\d\d:\d\d/;
/** A rule as a daemon makes it where the kernel lacks xt_time. */
const WITHOUT_END = '-A KNOCKD -s 10.77.0.9/32 -p tcp -m tcp --dport 22 -m comment --comment';

describeWith(['root', 'ip', 'nft'], 'openings by hand', () => {
  let lab: Lab;
  let config: string;
  beforeEach(() => {
    lab = new Lab();
    config = join(lab.folder, 'knock.yaml');
    writeFileSync(
      config,
      `log: { path: ${lab.log} }
firewall: { iptables: nft }
doors:
  ssh: { sequence: [4438, 1813:udp, 8235], open: { port: 22, for: 30s } }
  web: { sequence: [8235, 1813:udp, 4438], open: { port: 443, for: 30s, to: 192.0.2.1 } }
`,
    );
  });
  afterEach(() => lab.close());

  const cli = (...argv: string[]) =>
    lab.exec('server', [process.execPath, 'dist/main.js', ...argv, '-c', config]);
  const rules = async () => (await lab.exec('server', ['iptables-nft', '-S', 'KNOCKD'])).stdout;

  it('open says until when, and close how early', async () => {
    expect(await cli('open', 'ssh', '10.77.0.2')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        new RegExp(`^ssh: opened 22/tcp for 10\\.77\\.0\\.2 until ${TIME.source} \\(30 s\\)\\n$`),
      ),
    });
    const { stdout: closed } = await cli('close', 'ssh', '10.77.0.2');
    const [, early] = /^ssh: closed 22\/tcp for 10\.77\.0\.2 \((\d+) s early\)\n$/.exec(closed) ?? [];
    expect(Number(early), closed).toBeGreaterThan(0);
    expect(Number(early), closed).toBeLessThanOrEqual(30);
    expect((await cli('open', 'web', '10.77.0.2', '--for', '5m')).stdout).toMatch(
      /^web: opened 443\/tcp on 192\.0\.2\.1 for 10\.77\.0\.2 until .* \(5 min\)\n$/,
    );
    // The kernel counts whole seconds, so the door is open for up to one second more, which is not shown.
    expect((await cli('list')).stdout).toMatch(
      /^web {2}10\.77\.0\.2 {2}443\/tcp on 192\.0\.2\.1 {2}until .* \((?:4 min \d+ s|5 min) left\)\n$/,
    );
    expect((await cli('flush')).stdout).toMatch(
      /^web: closed 443\/tcp on 192\.0\.2\.1 for 10\.77\.0\.2 \((?:4 min \d+ s|5 min) early\)\n$/,
    );
  });

  it('open never shortens what is open', async () => {
    await cli('open', 'ssh', '10.77.0.2', '--for', '1h');
    expect((await cli('open', 'ssh', '10.77.0.2')).stdout).toMatch(
      /^ssh: 22\/tcp is already open for 10\.77\.0\.2 until /,
    );
  });

  it('list leaves out what has expired, and close does not count it', async () => {
    await cli('open', 'ssh', '10.77.0.2', '--for', '1s');
    await until(async () => (await cli('list')).stdout === '', 'it expires');
    expect(await rules()).toContain('10.77.0.2/32');
    expect((await cli('list', '--json')).stdout).toBe('');
    expect(await cli('close', 'ssh', '10.77.0.2')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: 'ssh is not open for 10.77.0.2\n',
    });
    expect(await rules()).not.toContain('10.77.0.2/32');
  });

  it('list shows what should have closed and is open, as the kernel does not end it', async () => {
    await cli('open', 'ssh', '10.77.0.2');
    const past = Math.floor(Date.now() / 1000) - 60;
    const argv = [...WITHOUT_END.split(' '), `knocktail:ssh until=${past}`, '-j', 'ACCEPT'];
    expect(await lab.exec('server', ['iptables-nft', ...argv])).toMatchObject({ status: 0 });
    const { stdout } = await cli('list');
    expect(stdout).toMatch(/^ssh {2}10\.77\.0\.9 .* but is open: knocktail close ssh 10\.77\.0\.9$/m);
    expect((await cli('close', 'ssh', '10.77.0.9')).stdout).toBe('ssh: closed 22/tcp for 10.77.0.9\n');
    expect(await rules()).not.toContain('10.77.0.9');
  });

  it('close knows the doors, and those that are gone but still open', async () => {
    expect(await cli('close', 'shs', '10.77.0.2')).toMatchObject({
      status: 64,
      stderr: `no such door (shs), ${config} has ssh, web\n`,
    });
    await cli('open', 'ssh', '10.77.0.2');
    writeFileSync(
      config,
      'firewall: { iptables: nft }\ndoors: { web: { sequence: [1, 9, 5], open: { port: 80 } } }\n',
    );
    expect(await cli('close', 'ssh', '10.77.0.2')).toMatchObject({ status: 0 });
    expect(await cli('close', 'ssh', '10.77.0.2')).toMatchObject({ status: 64 });
  });
});
