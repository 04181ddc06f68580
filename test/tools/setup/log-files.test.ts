import { expect, it } from 'vitest';
import { cronText, logrotateText, ownLog, rsyslogText } from '../../../src/tools/setup/log-files.ts';

it('knocks have a file of their own, never one that everybody writes to', () => {
  expect(ownLog({ from: 'file', path: '/var/log/knocks' })).toBe('/var/log/knocks');
  expect(ownLog({ from: 'file', path: '/var/log/kern.log' })).toBe('/var/log/knock.log');
  expect(ownLog({ from: 'auto', path: '/var/log/other' })).toBe('/var/log/knock.log');
});

it('a prefix and a path are quoted as rsyslog and logrotate read them', () => {
  expect(rsyslogText('/var/log/a"b', "it's \\ ")).toContain("contains 'it\\'s \\\\ IN='");
  expect(rsyslogText('/var/log/a"b', '')).toContain('file="/var/log/a\\"b"');
  expect(logrotateText('/var/log/a b')).toContain('"/var/log/a b" {');
});

it('cron gets a line with absolute paths, in which % is no line end', () => {
  expect(cronText(['/usr/bin/node', '/opt/main.js', 'flush', '-c', "/etc/a %'b"])).toMatch(
    /^0 3 \* \* \* {2}root {2}\/usr\/bin\/node \/opt\/main\.js flush -c '\/etc\/a \\%'\\''b'$/m,
  );
});
