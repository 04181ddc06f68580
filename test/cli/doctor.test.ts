import { describe, expect, it } from 'vitest';
import { fileWith, knocktail } from './terminal.ts';

describe('knocktail doctor', () => {
  it('tells what is wrong with a configuration, and exits with 2', async () => {
    const config = fileWith('doors: { a: { sequence: [99999], frob: 1 } }\n');
    const { code, stdout } = await knocktail(['doctor', '-c', config]);
    expect(code).toBe(2);
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringContaining(`FAIL  config: ${config}:1:26: doors.a.sequence.0: not a step (99999)`),
      '      -> knocktail check',
      expect.stringContaining(`FAIL  config: ${config}:1:34: unknown key (doors.a.frob)`),
      '      -> knocktail check',
    ]);
  });

  it('tells of all that it can look at without an iptables, one JSON object a line', async () => {
    const config = fileWith(
      'firewall: { iptables: /nonexistent/iptables }\nlog: { path: /nonexistent/log }\ndoors: { a: { sequence: [1, 2], open: { port: 22, for: 1s } } }\n',
    );
    const { code, objects } = await knocktail(['doctor', '-c', config, '--json']);
    expect(code).toBe(2);
    expect(objects.map(({ check, status }) => `${check} ${status}`)).toEqual(
      expect.arrayContaining(['config warn', 'log fail', 'clock ok', 'iptables fail']),
    );
    for (const { check, status, detail, remedy, ...rest } of objects) {
      expect([typeof check, typeof detail, rest]).toEqual(['string', 'string', {}]);
      expect(typeof remedy === 'string').toBe(status === 'warn' || status === 'fail');
    }
  });
});
