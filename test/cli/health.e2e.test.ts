import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { Lab, until } from '../lab.ts';

describeWith(['root', 'ip', 'nft'], 'knocktail health', () => {
  let lab: Lab;
  let config: string;
  beforeEach(() => {
    lab = new Lab();
    config = join(lab.folder, 'knock.yaml');
    writeFileSync(lab.log, '');
    const settings = `log: { path: ${lab.log} }\nstate: state\nfirewall: { iptables: nft, manage: true }\n`;
    writeFileSync(
      config,
      `${settings}doors: { ssh: { sequence: [4438, 8235], open: { port: 22, for: 60s } } }\n`,
    );
  });
  afterEach(() => lab.close());

  const health = async () => {
    const { status, stdout } = await lab.exec('server', [
      process.execPath,
      'dist/main.js',
      'health',
      '-c',
      config,
    ]);
    return `${status} ${stdout.trim()}`;
  };

  const start = async (...options: string[]) => {
    const daemon = lab.spawn('server', [process.execPath, 'dist/main.js', 'run', '-c', config, ...options]);
    let said = '';
    daemon.stdout?.on('data', (text) => (said += text));
    await until(() => /\bready: /.test(said), 'ready');
    return daemon;
  };

  it('asks for a daemon, a log and a jump to its chain', async () => {
    expect(await health()).toBe('1 no knocktail runs here, so no door opens');
    const dry = await start('--dry-run');
    expect(await health()).toBe(`1 knocktail runs as ${dry.pid} with --dry-run alone, so no door opens`);
    const daemon = await start();
    expect(await health()).toMatch(
      /^1 door ssh is deaf: 4438\/tcp is not logged: knocktail rules -c \S+ --apply$/,
    );
    await lab.exec('server', [process.execPath, 'dist/main.js', 'rules', '-c', config, '--apply']);
    expect(await health()).toBe(
      `0 well: knocktail runs as ${daemon.pid}, 1 door, reads ${lab.log}, opens in KNOCKD (INPUT), 0 open now`,
    );
    // A daemon that is stopped mends nothing.
    daemon.kill('SIGSTOP');
    await lab.exec('server', ['iptables-nft', '-w', '-D', 'INPUT', '-j', 'KNOCKD']);
    expect(await health()).toBe('1 INPUT: no jump to KNOCKD where it has to stand');
    await lab.exec('server', ['mv', lab.log, `${lab.log}.1`]);
    expect(await health()).toBe(`1 ${lab.log} does not exist`);
  });
});
