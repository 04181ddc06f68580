import { expect, it } from 'vitest';
import { extensionsOf, lackOf, lackRemedy } from '../../src/firewall/extension.ts';

it('a rule is parted into what it needs of the kernel', () => {
  const rule =
    '-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment x -m time --datestop 2038-01-01T00:00:00 -j ACCEPT';
  expect(
    extensionsOf(rule.split(' ')).map(({ kind, name, spec }) => `${kind} ${name}: ${spec.join(' ')}`),
  ).toEqual([
    'match tcp: -s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j RETURN',
    'match comment: -s 192.0.2.7/32 -p tcp -m comment --comment x -j RETURN',
    'match time: -s 192.0.2.7/32 -p tcp -m time --datestop 2038-01-01T00:00:00 -j RETURN',
  ]);
  const log =
    '-m hashlimit --hashlimit-upto 20/sec --hashlimit-name x -j LOG --log-prefix KNOCK --log-level 6';
  expect(extensionsOf(log.split(' ')).map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    'match hashlimit',
    'target LOG',
  ]);
  expect(extensionsOf(['-p', 'udp', '-g', 'KNOCKD-LINE'])).toEqual([]);
});

it.each([
  ['target', 'LOG', 'this kernel has no LOG target (xt_LOG, nf_log_syslog)', 'xt_LOG'],
  ['match', 'hashlimit', 'this kernel has no hashlimit match (xt_hashlimit)', 'xt_hashlimit'],
  ['match', 'udp', 'this kernel has no udp match (xt_tcpudp)', 'xt_tcpudp'],
] as const)('the kernel modules of a %s are named: %s', (kind, name, text, module) => {
  expect(lackOf({ kind, name, spec: [] })).toBe(text);
  expect(lackRemedy({ kind, name, spec: [] })).toContain(`modprobe ${module}`);
});
