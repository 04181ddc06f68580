import { describe, expect, it } from 'vitest';
import { lossesIn } from '../../src/packet/loss.ts';

const losses = (...lines: string[]) => lossesIn(Buffer.from(lines.map((line) => `${line}\n`).join('')));

describe('a line that tells of missing lines', () => {
  it.each([
    ['Nov 21 00:00:00 vm kernel: [1.0] net_ratelimit: 12 callbacks suppressed', 12],
    ['Nov 21 00:00:00 vm kernel: [1.0] nf_log_syslog: 7 callbacks suppressed', 7],
    ['Nov 21 vm rsyslogd: imuxsock lost 123 messages from pid 4711 due to rate-limiting', 123],
    ['Nov 21 vm rsyslogd: imjournal: 20000 messages lost due to rate-limiting', 20_000],
    ['Nov 21 vm rsyslogd: imjournal: begin to drop messages due to rate-limiting', 0],
    ['Nov 21 vm systemd-journald[99]: Missed 42 kernel messages', 42],
    ['Nov 21 vm last message repeated 3 times', 3],
    ['Nov 21 vm kernel: message repeated 5 times: [ [1.0] KNOCK IN=eth0 OUT= ]', 5],
    ['<4>1 2026-11-21T00:00:00Z vm kernel - - - message repeated 5 times: [ KNOCK IN=eth0 OUT= ]', 5],
  ])('%s', (line, count) => {
    expect(losses('before', line, 'after')).toEqual([{ text: expect.any(String), count }]);
  });

  it('is found wherever it stands, as often as it stands there', () => {
    const line = 'vm kernel: net_ratelimit: 12 callbacks suppressed';
    expect(losses(line, 'x', line, line)).toHaveLength(3);
  });
});

it.each([
  'Nov 21 vm kernel: KNOCK IN=eth0 OUT= SRC=192.0.2.7',
  'vm sshd[1]: Suppressed by policy',
  'vm app: Missed the bus',
  'vm app: rate-limiting is on',
  'Nov 21 vm sshd[1]: message repeated 2 times: [ Failed password for root]',
  'Nov 21 vm systemd-journald[99]: Suppressed 1500 messages from session-1.scope',
  '',
])('%j tells of none', (line) => expect(losses(line)).toEqual([]));
