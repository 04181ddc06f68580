import { describe, expect, it } from 'vitest';
import { fileWith, knocktail } from './terminal.ts';

const CONFIG = fileWith('doors: { ssh: { sequence: [4438, 1813, 8235], open: { port: 22, for: 30s } } }\n');

describe('knocktail rules', () => {
  it('prints a shell script that names the configuration', async () => {
    const { code, stdout } = await knocktail(['rules', '-c', CONFIG]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^#!\/bin\/sh\n/);
    expect(stdout).toContain(`# What ${CONFIG} needs`);
  });

  it('names networks as iptables does, whichever of their addresses was written', async () => {
    const door = '{ sequence: [3, 1, 2], from: [10.1.2.3/8, 10.0.0.0/8], open: { port: 22, for: 1s } }';
    const { stdout } = await knocktail(['rules', '-c', fileWith(`sweep_guard: 0\ndoors: { a: ${door} }\n`)]);
    expect(stdout.match(/-s \S+/g)).toEqual(['-s 10.0.0.0/8']);
  });

  it('prints a flush at night for cron, by absolute paths', async () => {
    const { stdout } = await knocktail(['rules', '-c', CONFIG, '--format', 'cron']);
    expect(stdout).toMatch(
      new RegExp(`^0 3 \\* \\* \\* {2}root {2}/\\S+ /\\S+/main.js flush -c ${CONFIG}$`, 'm'),
    );
  });

  it('says which sequences are left of a one-time door, and logs the others no more', async () => {
    const once = fileWith('#5001,5002,5003\n6001,6002,6003\n', 'once.seq');
    const config = fileWith(`doors: { a: { one_time_sequences: ${once}, open: { port: 22, for: 30s } } }\n`);
    const { stdout } = await knocktail(['rules', '-c', config]);
    expect(stdout).toContain('--dports 6001,6002,6003 ');
    expect(stdout).not.toContain('5001');
  });

  it.each([
    [['--apply', '--remove']],
    [['--apply', '--format', 'nft']],
    [['--remove', '--format', 'cron']],
    [['--format', 'pf']],
    [['--format', 'iptables-restore', '--family', '5']],
    [['--format', 'nft', '--family', '6']],
    [['--apply', '--family', '6']],
  ])('exits with 64 on %j', async (options) => {
    expect((await knocktail(['rules', '-c', CONFIG, ...options])).code).toBe(64);
  });

  it('exits with 69 where there is no iptables to apply them by', async () => {
    const config = fileWith(
      'firewall: { iptables: /nonexistent/iptables }\ndoors: { a: { sequence: [3, 1, 2], open: { port: 22, for: 1s } } }\n',
    );
    const { code, stderr } = await knocktail(['rules', '-c', config, '--apply']);
    expect(code).toBe(69);
    expect(stderr).toContain('no such program (/nonexistent/iptables)');
  });

  it('exits with 78 where the configuration wants a dry run', async () => {
    const config = fileWith(
      'firewall: { backend: dry-run }\ndoors: { a: { sequence: [3, 1, 2], open: { port: 22, for: 1s } } }\n',
    );
    const { code, stderr } = await knocktail(['rules', '-c', config, '--apply']);
    expect(code).toBe(78);
    expect(stderr).toContain('firewall.backend is dry-run, so nothing is changed');
  });

  it('leaves a dry run alone where it is to apply what is managed', async () => {
    const config = fileWith(
      'firewall: { backend: dry-run }\ndoors: { a: { sequence: [3, 1, 2], open: { port: 22, for: 1s } } }\n',
    );
    const { code, stdout, stderr } = await knocktail(['rules', '-c', config, '--apply', '--if-managed']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(`nothing was changed, as ${config} says backend: dry-run\n`);
  });

  it('exits with 78 for a prefix that iptables cannot write', async () => {
    const config = fileWith(
      `log: { prefix: "${'x'.repeat(40)}" }\ndoors: { a: { sequence: [3, 1, 2], open: { port: 22, for: 1s } } }\n`,
    );
    expect((await knocktail(['rules', '-c', config])).code).toBe(78);
    expect((await knocktail(['rules', '-c', config, '--format', 'nft'])).code).toBe(0);
  });
});
