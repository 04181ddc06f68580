/** Our client beside knockd's: the same arguments, the same packets in the kernel's log, the same words. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { type Executed, Lab, linesOf, SERVER, until } from '../lab.ts';
import { asLogged, stampOf } from './logged.ts';

const KNOCKD_CLIENT = ['knock'];
const OURS = [process.execPath, fileURLToPath(new URL('../../dist/knock.js', import.meta.url))];
/** Linux sends a SYN that nothing answers again after 1 s. */
const RETRANSMISSION_MS = 1_500;
const UNROUTED = { v4: '192.0.2.1', v6: '2001:db8::1' } as const;
const REJECTED_PORT = '24';
/** Echo requests of this length, headers included, have no answer. */
const UNANSWERED_BYTES = 128;
const ECHO_HEADER_BYTES = { v4: 28, v6: 48 } as const;

describeWith(['root', 'ip', 'iptables', 'kernel log', 'knock', 'ping'], 'the client', () => {
  let lab: Lab;
  let seenCount = 0;

  beforeAll(async () => {
    lab = new Lab();
    await logPings('iptables', ['-p', 'icmp', '--icmp-type', '8']);
    await logPings('ip6tables', ['-p', 'icmpv6', '--icmpv6-type', '128']);
    await lab.logAndDrop();
    await lab.pumpLog();
    writeFileSync(join(lab.folder, 'hosts'), `${SERVER.v4} both four\n${SERVER.v6} both six\n`);
    const { stdout } = await lab.exec('client', [...KNOCKD_CLIENT, '-V']);
    expect(stdout, "the other client is knockd's").toContain('Judd Vinet');
  });
  afterAll(() => lab.close());

  async function logPings(tool: string, echoRequest: readonly string[]): Promise<void> {
    const length = ['-m', 'length', '--length', String(UNANSWERED_BYTES)];
    await serverRule(tool, [...echoRequest, ...length, '-j', 'DROP']);
    await serverRule(tool, [...echoRequest, '-j', 'LOG', '--log-prefix', lab.prefix]);
  }

  async function serverRule(tool: string, words: readonly string[]): Promise<void> {
    const { status, stderr } = await lab.exec('server', [tool, '-w', '-I', 'INPUT', ...words]);
    expect(status, stderr).toBe(0);
  }

  /** Runs a client, with names of ours in /etc/hosts. */
  function run(client: readonly string[], argv: readonly string[]): Promise<Executed> {
    const withHosts = 'mount --bind "$0" /etc/hosts && exec "$@"';
    return lab.exec('client', ['sh', '-c', withHosts, join(lab.folder, 'hosts'), ...client, ...argv]);
  }

  /** The lines logged since the last time: at least so many, and those that come in this time after. */
  async function logged(count: number, waitMs = RETRANSMISSION_MS): Promise<readonly string[]> {
    await until(() => linesOf(lab.log).length >= seenCount + count, `${count} more lines in the log`);
    await sleep(waitMs);
    const lines = linesOf(lab.log).slice(seenCount);
    seenCount += lines.length;
    return lines;
  }

  describe.each(['v4', 'v6'] as const)('over IP%s', (family) => {
    const host = SERVER[family];

    it.each([
      ['TCP', ['7003', '7001', '7002:tcp', '7001'], 4],
      ['UDP', ['7003:udp', '7001:udp', '7001:udp', '65535:udp'], 4],
      ['mixed', ['1', '7001:udp', '7002:tcp', '7003:udp', '7004', '7005'], 6],
      ['-u', ['-u', '7001', '7002:tcp', '7003:udp'], 3],
      ['-u behind', ['7001', '7002:tcp', '-u'], 2],
      ['-d', ['-d', '120', '7001', '7002:udp', '7003'], 3],
    ])("sends what knockd's client sends, and says what it says: %s", async (_, argv, count) => {
      const knockds = await run(KNOCKD_CLIENT, ['-v', host, ...argv]);
      const ours = await run(OURS, ['-v', host, ...argv]);
      expect(ours).toEqual(knockds);
      expect(ours.stdout.split('\n')).toHaveLength(count + 1);
      const packets = (await logged(2 * count)).map(asLogged);
      expect(packets).toHaveLength(2 * count);
      expect(packets.slice(count)).toEqual(packets.slice(0, count));
    });

    it('sends one SYN and one datagram of one byte, and says nothing unless it is told to', async () => {
      expect(await run(OURS, [host, '7001', '7002:udp'])).toEqual({ status: 0, stdout: '', stderr: '' });
      const [syn, datagram] = family === 'v4' ? [60, 29] : [80, 49];
      expect((await logged(2)).map(asLogged)).toMatchObject([
        { proto: 'TCP', dpt: '7001', flags: 'SYN', lengths: [syn] },
        { proto: 'UDP', dpt: '7002', lengths: [datagram, 9] },
      ]);
    });

    it('waits between knocks', async () => {
      await run(OURS, ['-d', '300', host, '7001', '7002:udp', '7003']);
      const stamps = (await logged(3)).map(stampOf);
      expect(stamps.slice(1).map((stamp, i) => stamp - (stamps[i] ?? 0) >= 299)).toEqual([true, true]);
    });

    it('pings with as many bytes as it is told, be there an answer or none', async () => {
      const headers = ECHO_HEADER_BYTES[family];
      const unanswered = UNANSWERED_BYTES - headers;
      const argv = ['-v', host, 'icmp:64', '7001', `icmp:${unanswered}`, 'icmp', 'icmp:0'];
      expect(await run(OURS, argv)).toEqual({
        status: 0,
        stdout: [
          `hitting icmp ${host} (64 bytes)\nhitting tcp ${host}:7001\n`,
          `hitting icmp ${host} (${unanswered} bytes)\nhitting icmp ${host}\nhitting icmp ${host} (0 bytes)\n`,
        ].join(''),
        stderr: '',
      });
      const packets = (await logged(5)).map(asLogged);
      expect(packets.map(({ proto, lengths }) => [proto.slice(0, 4), lengths[0]])).toEqual([
        ['ICMP', 64 + headers],
        ['TCP', expect.any(Number)],
        ['ICMP', UNANSWERED_BYTES],
        ['ICMP', 56 + headers],
        ['ICMP', headers],
      ]);
    });

    it.each(['7001', '7001:udp', 'icmp'])('ends with 69 when there is no route: %s', async (step) => {
      const { status, stdout, stderr } = await run(OURS, [UNROUTED[family], step, '7002']);
      expect({ status, stdout }).toEqual({ status: 69, stdout: '' });
      expect(stderr).toMatch(/network is unreachable.*, see to the routes/i);
    });
  });

  it('takes it for a knock when the other side answers that there is no route', async () => {
    const reject = ['-j', 'REJECT', '--reject-with', 'icmp-net-unreachable'];
    await serverRule('iptables', ['-p', 'tcp', '--dport', REJECTED_PORT, ...reject]);
    const argv = [SERVER.v4, REJECTED_PORT, REJECTED_PORT];
    expect(await run(OURS, argv)).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it.each([
    [['both']],
    [['four']],
    [['six']],
    [['-4', 'both']],
    [['-6', 'both']],
    [['-4', '-6', 'both']],
    [['-6', '-4', 'both']],
    [['FD77:0::1']],
    [['10.77.1']],
  ])("%j is the same address as for knockd's client", async (argv) => {
    const knockds = await run(KNOCKD_CLIENT, ['-v', ...argv, '7001:udp']);
    expect(await run(OURS, ['-v', ...argv, '7001:udp'])).toEqual(knockds);
    const [first, second] = (await logged(2, 0)).map(asLogged);
    expect(second).toEqual(first);
  });

  it.each([[['-6', 'four']], [['-4', 'six']], [['-4', SERVER.v6]], [['-6', SERVER.v4]]])(
    "%j is no address, as for knockd's client",
    async (argv) => {
      expect(await run(KNOCKD_CLIENT, ['-v', ...argv, '7001'])).toMatchObject({ status: 1, stdout: '' });
      expect(await run(OURS, ['-v', ...argv, '7001'])).toMatchObject({ status: 68, stdout: '' });
    },
  );
});
