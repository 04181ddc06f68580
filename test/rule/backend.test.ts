import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pickBackend } from '../../src/rule/backend.ts';
import { describeWith } from '../lab/describe.ts';
import { Lab } from '../lab.ts';

describe('of nft and legacy', () => {
  it.each([
    ['nft', { nft: 0, legacy: 'absent' }, 'nft'],
    ['nft', { nft: 3, legacy: 0 }, 'nft'],
    ['legacy', { nft: 0, legacy: 0 }, 'legacy'],
    ['legacy', { nft: 'absent', legacy: 2 }, 'legacy'],
  ] as const)('the usual one, %s, is taken with %o', (usual, held, backend) => {
    expect(pickBackend(usual, held)).toEqual({ backend, told: [] });
  });

  it('the other is taken where it alone has rules, which is told', () => {
    const other = pickBackend('nft', { nft: 0, legacy: 3 });
    expect(other.backend).toBe('legacy');
    expect(other.told[0]).toContain('are in iptables-legacy');
    expect(pickBackend('legacy', { nft: 1, legacy: 'absent' }).backend).toBe('nft');
  });

  it('the usual one is taken with a warning where both have rules', () => {
    const both = pickBackend('nft', { nft: 1, legacy: 3 });
    expect(both.backend).toBe('nft');
    expect(both.told[0]).toContain('a packet has to pass both');
  });

  it('one that may not be read counts as one without rules, with a warning where no other has any', () => {
    expect(pickBackend('nft', { nft: 1, legacy: 'unreadable' })).toEqual({ backend: 'nft', told: [] });
    const { backend, told } = pickBackend('nft', { nft: 0, legacy: 'unreadable' });
    expect(backend).toBe('nft');
    expect(told[0]).toContain('CAP_NET_RAW');
  });
});

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
