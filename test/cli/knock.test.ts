import { describe, expect, it } from 'vitest';
import { listenForDatagrams } from '../client/knocking.ts';
import { knocktail } from './terminal.ts';

describe('knocktail knock', () => {
  it('knocks as the client does', async () => {
    await using port = await listenForDatagrams();
    const { code, stdout } = await knocktail(['knock', '-v', '127.0.0.1', `${port.port}:udp`]);
    expect(code).toBe(0);
    expect(stdout).toBe(`hitting udp 127.0.0.1:${port.port}\n`);
    await expect.poll(() => port.received).toHaveLength(1);
  });

  it('calls itself by the words that were typed', async () => {
    const { code, stderr } = await knocktail(['knock']);
    expect(code).toBe(64);
    expect(stderr).toMatch(/\(knocktail knock --help tells more\)\n$/);
    const help = await knocktail(['knock', '--help']);
    expect(help.stdout).toMatch(/^Usage: knocktail knock /);
    expect(help.stdout).toContain('Examples:\n  knocktail knock myserver.example.com');
  });
});
