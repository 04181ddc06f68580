/** Which of two iptables an opening is made with, on a host that has rules in both. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { Lab } from '../lab.ts';

describeWith(['root', 'ip', 'nft', 'legacy', 'setpriv'], 'on a host with both', () => {
  let lab: Lab;
  beforeEach(() => {
    lab = new Lab();
  });
  afterEach(() => lab.close());

  /** `knocktail open`, which says what it chooses, as a program whose `iptables` is that of nft. */
  async function open(...wrapper: readonly string[]) {
    const config = join(lab.folder, 'knock.yaml');
    writeFileSync(config, 'doors: { ssh: { sequence: [4438, 1813], open: { port: 22, for: 60s } } }\n');
    const argv = [process.execPath, 'dist/main.js', 'open', 'ssh', '192.0.2.9', '-c', config];
    const { status, stderr } = await lab.exec('server', [...wrapper, ...argv]);
    expect(status, stderr).toBe(0);
    return stderr;
  }
  const rulesOf = async (tool: string) =>
    (await lab.exec('server', [tool, '-w', '-S'])).stdout
      .split('\n')
      .filter((line) => line.includes('192.0.2.9'));
  const drop = (tool: string) => lab.exec('server', [tool, '-w', '-A', 'INPUT', '-p', 'tcp', '-j', 'DROP']);

  it('an opening goes where the rules of others are, and stays there', async () => {
    await drop('iptables-legacy');
    expect(await open()).toContain('are in iptables-legacy');
    await open();
    expect(await rulesOf('iptables-nft')).toEqual([]);
    expect(await rulesOf('iptables-legacy')).toHaveLength(1);
  });

  it('with rules in both it goes to the usual one, and says so', async () => {
    await drop('iptables-nft');
    await drop('iptables-legacy');
    expect(await open()).toContain('a packet has to pass both');
    expect(await rulesOf('iptables-nft')).toHaveLength(1);
  });

  it('without CAP_NET_RAW it goes to nft, and says what it could not see', async () => {
    await drop('iptables-legacy');
    expect(await open('setpriv', '--bounding-set', '-all,+net_admin')).toContain('CAP_NET_RAW');
    expect(await rulesOf('iptables-nft')).toHaveLength(1);
  });
});
