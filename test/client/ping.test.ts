import { expect, it } from 'vitest';
import { pingCommand } from '../../src/client/ping.ts';

const V4 = { address: '10.0.0.1', family: 4 } as const;
const V6 = { address: 'fd77::1', family: 6 } as const;

it.each([
  ['linux', V4, 64, 'ping -4 -c 1 -s 64 -W 1 10.0.0.1', 1],
  ['linux', V6, null, 'ping -6 -c 1 -W 1 fd77::1', 1],
  ['darwin', V4, 64, 'ping -c 1 -s 64 10.0.0.1', 2],
  ['darwin', V6, 0, 'ping6 -c 1 -s 0 fd77::1', 2],
  ['freebsd', V4, null, 'ping -c 1 10.0.0.1', 2],
  ['win32', V4, 64, 'ping -4 -n 1 -l 64 -w 1000 10.0.0.1', 1],
  ['win32', V6, null, 'ping -6 -n 1 -w 1000 fd77::1', 1],
] as const)('on %s, %o with %s bytes is %s', (platform, target, size, line, noReply) => {
  expect(pingCommand(platform, target, size)).toEqual({ argv: line.split(' '), noReply });
});
