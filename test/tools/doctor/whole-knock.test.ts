/** Which doors a whole knock may be tried at. */

import { expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { type Circumstances, wholeKnock } from '../../../src/tools/doctor/whole-knock.ts';
import { address } from '../../openings.ts';

const ENDS = {
  4: { ours: address('198.18.0.1'), theirs: address('198.18.0.2') },
  6: { ours: address('fd00::1'), theirs: address('fd00::2') },
} as const;

function tried(door: string, more = '', given: Partial<Circumstances> = {}) {
  const { config } = loadConfig(`${more}\ndoors: { ssh: { sequence: [4438, 1813:udp, 8235], ${door} } }\n`);
  const settings = config?.doors.get('ssh');
  if (settings === undefined || config === null) throw new Error('not a configuration');
  const family = given.family ?? 4;
  const isLocal = (it: string): boolean => it === '192.0.2.1';
  return wholeKnock('ssh', settings, config, {
    ...{ family, ends: ENDS[family], isLocal, mayRunCommands: false },
    ...given,
  });
}

const OPEN = 'open: { port: 22, for: 30s }';

it('a door that opens a port is knocked from the scratch network', () => {
  expect(tried(OPEN)).toMatchObject({ door: 'ssh', from: '198.18.0.2', to: '198.18.0.1' });
  expect(tried(OPEN, '', { family: 6 })).toMatchObject({ from: 'fd00::2', to: 'fd00::1' });
  expect(tried(`target: 192.0.2.1, ${OPEN}`)).toMatchObject({ to: '192.0.2.1' });
  expect(tried(`start_command: x, ${OPEN}`, '', { mayRunCommands: true })).toMatchObject({ door: 'ssh' });
});

it.each([
  ['start_command: x', '', 4, /no open:/],
  [`start_command: x, ${OPEN}`, '', 4, /runs a command/],
  [OPEN, 'firewall: { backend: dry-run }', 4, /dry-run/],
  [OPEN, 'ipv6: false', 6, /ipv6: false/],
  [OPEN, 'interface: eth0', 4, /on eth0 alone/],
  [OPEN, 'firewall: { hooks: [FORWARD] }', 4, /hosts behind this one/],
  [`from: [10.0.0.0/8], ${OPEN}`, '', 4, /does not admit 198\.18\.0\.2/],
  [`target: 192.0.2.9, ${OPEN}`, '', 4, /no IPv4 address of this host/],
  ['open: { port: 22, for: 30s, to: "2001:db8::1" }', '', 4, /IPv6 address/],
  [`tcpflags: [syn, ack], ${OPEN}`, '', 4, /more than a SYN/],
] as const)('%s with %j is not tried over IPv%d', (door, more, family, what) => {
  expect(tried(door, more, { family })).toMatchObject({
    what: expect.stringMatching(what),
    remedy: expect.stringMatching(/\w/),
  });
});

it('a sequence that works once is not used up by a test', () => {
  const { config } = loadConfig(`doors: { a: { one_time_sequences: /x, ${OPEN} } }\n`);
  const door = config?.doors.get('a');
  if (config === null || door === undefined) throw new Error('not a configuration');
  const given = { family: 4, ends: ENDS[4], isLocal: () => false, mayRunCommands: false } as const;
  expect(wholeKnock('a', door, config, given)).toMatchObject({ what: expect.stringMatching(/work once/) });
});
