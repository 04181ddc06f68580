/** What `open` takes, with the firewall that prints; the rules themselves are tried in daemon.e2e.test.ts. */

import { describe, expect, it } from 'vitest';
import { fileWith, knocktail } from './terminal.ts';

const open = (source: string, to = '') => {
  const config = fileWith(
    `firewall: { backend: dry-run }\ndoors: { ssh: { sequence: [4438, 1813:udp, 8235], open: { port: 22, for: 30s${to} } } }\n`,
  );
  return knocktail(['open', '-c', config, '--json', 'ssh', source]);
};

describe('knocktail open', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:207', '192.0.2.7'],
    ['2001:DB8::07', '2001:db8::7'],
  ])('opens to %s as %s', async (typed, source) => {
    const { objects } = await open(typed);
    expect(objects).toEqual([expect.objectContaining({ door: 'ssh', source })]);
  });

  it('opens no host of one family to an address of the other', async () => {
    expect(await open('2001:db8::7', ', to: 192.0.2.1')).toMatchObject({
      ...{ code: 64, stdout: '' },
      stderr:
        'the door leads to a host of the other family (2001:db8::7), take an IPv4 address, as 192.0.2.1 is one\n',
    });
    expect((await open('192.0.2.7', ', to: 192.0.2.1')).code).toBe(0);
  });

  it.each(['0', '0s', 'soon', '-5m', '11y'])('--for %s is no duration', async (text) => {
    const { code, stderr } = await knocktail(['open', `--for=${text}`, 'ssh', '192.0.2.7']);
    expect([code, stderr]).toEqual([64, expect.stringContaining('such as 30s, 5m or 2h')]);
  });
});
