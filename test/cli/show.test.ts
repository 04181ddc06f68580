import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../lab/scratch-folder.ts';
import { fileWith, knocktail } from './terminal.ts';

const QR_LINE = /^[█▀▄ ]+$/;
const show = (doors: string, ...argv: readonly string[]) =>
  knocktail(['show', '-c', fileWith(`doors: { ${doors} }\n`), ...argv]);

describe('knocktail show', () => {
  it('prints the knock for each kind of client', async () => {
    const { code, stdout } = await show(
      'ssh: { sequence: [4438, 1813:udp, "icmp:64"], open: { port: 22, for: 10m } }',
      ...['--host', 'bastion.example', 'ssh'],
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ssh: opens 22\/tcp for 10 min\n {2}all steps within 25 s\n\n/);
    expect(stdout).toContain('\n  knock bastion.example 4438 1813:udp icmp:64\n');
    expect(stdout).toContain('timeout 0.3 bash -c "echo >/dev/udp/bastion.example/1813"');
    expect(stdout).toContain('timeout 0.3 ping -c 1 -s 64 bastion.example');
    expect(stdout).toContain("foreach ($step in '4438/tcp', '1813/udp', '64/icmp')");
  });

  it('prints a square QR code of whole lines', async () => {
    const { stdout } = await show(
      'ssh: { sequence: [4438, 1813, 8235], open: { port: 22, for: 30s } }',
      'ssh',
    );
    const lines = stdout.split('\n').filter((line) => QR_LINE.test(line));
    const widths = new Set(lines.map(({ length }) => length));
    expect(widths.size).toBe(1);
    // Two rows of modules a line.
    expect(lines.length).toBe(Math.ceil(([...widths][0] ?? 0) / 2));
  });

  it('colours the QR code on a terminal, whose background may be of any colour', async () => {
    const { stdout } = await knocktail(
      [
        'show',
        '-c',
        fileWith('doors: { ssh: { sequence: [4438, 1813, 8235], open: { port: 22, for: 30s } } }\n'),
        'ssh',
      ],
      { isTerminal: true },
    );
    expect(stdout).toMatch(/^\u001b\[97;40m█+\u001b\[0m$/m);
  });

  it('says who may knock, how, and what it does', async () => {
    const door =
      'sequence: [4438, 1813], from: [192.0.2.0/24, "2001:db8::1"], target: 203.0.113.1, tcpflags: [ack], start_command: "true"';
    const { stdout } = await show(`web: { ${door} }`, 'web');
    expect(stdout).toMatch(/^web: runs a command\n/);
    expect(stdout).toContain('  only from 192.0.2.0/24, 2001:db8::1/128\n  only at 203.0.113.1\n');
    expect(stdout).toContain('TCP flags that none of these clients sends');
  });

  it('shows the next of the one-time sequences, and none when they are used up', async () => {
    const folder = scratchFolder();
    const path = join(folder, 'once.seq');
    writeFileSync(path, '#1111,2222,3333\n4444,5555:udp,6666\n7777,8888,9999\n');
    const doors = `once: { one_time_sequences: ${path}, open: { port: 22, for: 30s } }`;
    const { stdout } = await show(doors, 'once');
    expect(stdout).toContain(`  once: the next of 2 sequences in ${path}\n`);
    expect(stdout).toContain('knock HOST 4444 5555:udp 6666\n');
    writeFileSync(path, '#1111,2222,3333\n');
    expect(await show(doors, 'once')).toMatchObject({
      code: 1,
      stderr: `its one-time sequences are used up (once), add some to ${path}\n`,
    });
  });

  it('refuses what is no door, and a host that a shell could take for more', async () => {
    const door = 'ssh: { sequence: [4438, 1813, 8235], open: { port: 22, for: 30s } }';
    expect(await show(door, 'shs')).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('no such door (shs)'),
    });
    expect((await show(door, '--host', '$(id)', 'ssh')).code).toBe(64);
  });
});
