/** The client on loopback, without root: what it sends, says and refuses. */

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pingerFor } from '../../src/client/ping.ts';
import { runKnock } from '../../src/client/program.ts';
import { until } from '../lab.ts';

async function knock(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const ran = { stdout: '', stderr: '' };
  const code = await runKnock(argv, '1.2.3', {
    stdout: { write: (text) => (ran.stdout += text) },
    stderr: { write: (text) => (ran.stderr += text) },
  });
  return { code, ...ran };
}

describe('a knock', () => {
  let hits: string[];
  let udp: Socket;
  let tcp: Server;
  let ports: { udp: number; tcp: number };

  beforeEach(async () => {
    hits = [];
    udp = createSocket('udp4').on('message', (bytes) => hits.push(`udp ${bytes.toString('hex')}`));
    udp.bind(0, '127.0.0.1');
    tcp = createServer((socket) => {
      hits.push('tcp');
      socket.on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
    const address = tcp.address();
    ports = {
      udp: udp.address().port,
      tcp: typeof address === 'object' && address !== null ? address.port : 0,
    };
  });
  afterEach(() => {
    udp.close();
    tcp.close();
  });

  it('is a connection for TCP and one NUL byte for UDP, in the order that was asked for', async () => {
    const { code, stdout, stderr } = await knock(
      ...['-d', '50', '127.0.0.1', `${ports.udp}:udp`, `${ports.tcp}`, `${ports.udp}:udp`],
    );
    expect([code, stdout, stderr]).toEqual([0, '', '']);
    await until(() => hits.length >= 3, 'three packets');
    expect(hits).toEqual(['udp 00', 'tcp', 'udp 00']);
  });

  it('-u makes all of them UDP, even one that says tcp', async () => {
    await knock('-u', '127.0.0.1', `${ports.udp}`, `${ports.udp}:tcp`);
    await until(() => hits.length >= 2, 'two packets');
    expect(hits).toEqual(['udp 00', 'udp 00']);
  });

  it('-v tells of each in the words of knockd, by the address of the host', async () => {
    const { stdout } = await knock('-v', '-4', 'localhost', `${ports.tcp}`, `${ports.udp}:udp`);
    expect(stdout).toBe(`hitting tcp 127.0.0.1:${ports.tcp}\nhitting udp 127.0.0.1:${ports.udp}\n`);
  });

  it('on a port that refuses is a knock', async () => {
    tcp.close();
    await once(tcp, 'close');
    expect(await knock('127.0.0.1', `${ports.tcp}`)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('whose last port is wrong sends nothing at all', async () => {
    const { code } = await knock('127.0.0.1', `${ports.udp}:udp`, '70000');
    expect(code).toBe(64);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(hits).toEqual([]);
  });
});

describe('what is wrong is said, and exits with', () => {
  it.each([
    [64, ['127.0.0.1'], /missing required argument 'port'/],
    [64, [], /missing required argument 'host'/],
    [64, ['127.0.0.1', 'abc'], /'abc' is invalid.*Write a port from 1 to 65535/],
    [64, ['127.0.0.1', '0'], /'0' is invalid/],
    [64, ['127.0.0.1', '7000:sctp'], /'7000:sctp' is invalid/],
    [64, ['127.0.0.1', 'icmp:99999'], /'icmp:99999' is invalid/],
    [64, ['-d', 'soon', '127.0.0.1', '7'], /'soon' is invalid.*milliseconds/],
    [64, ['-4', '-6', '127.0.0.1', '7'], /cannot be used with/],
    [64, ['--frob'], /unknown option '--frob'/],
    [68, ['no such host', '7'], /^no such host \(no such host\), see how it is spelled\n$/],
    [68, ['-6', '127.0.0.1', '7'], /^no such host \(127\.0\.0\.1\).*whether it has IPv6\n$/],
  ])('%i: knock %j', async (code, argv, text) => {
    const ran = await knock(...argv);
    expect([ran.code, ran.stdout]).toEqual([code, '']);
    expect(ran.stderr).toMatch(text);
  });
});

it('-h and -V are answered on stdout with 0', async () => {
  expect(await knock('-V')).toEqual({ code: 0, stdout: 'knock 1.2.3\n', stderr: '' });
  const { code, stdout } = await knock('-h');
  expect(code).toBe(0);
  for (const option of ['-u', '-d', '-4', '-6', '-v', '-V', '-h']) {
    expect(stdout).toMatch(new RegExp(`^  ${option}, --`, 'm'));
  }
});

it.each([
  ['linux', 4, '/usr/bin/ping', ['-4', '-c', '1', '-W', '1']],
  ['darwin', 4, '/sbin/ping', ['-c', '1']],
  ['darwin', 6, '/sbin/ping6', ['-c', '1']],
  ['win32', 6, 'C:\\Windows\\System32\\ping.exe', ['-6', '-n', '1', '-w', '1000']],
] as const)('a ping on %s over IPv%i is that of the system', (platform, family, program, args) => {
  const pinger = pingerFor(platform, family);
  expect([pinger.programs[0], pinger.args]).toEqual([program, args]);
});
