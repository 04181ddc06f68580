/** What arrives of a knock on the loopback. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { knock, listenForDatagrams } from './knocking.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/knock.js', import.meta.url));
const TIME_LIMIT_MS = 10_000;

it.each(['127.0.0.1', '::1'])('a UDP knock at %s is one datagram of one NUL byte', async (host) => {
  await using datagrams = await listenForDatagrams(host);
  const step = `${datagrams.port}:udp`;
  expect(await knock(host, step, step, step)).toEqual({ code: 0, stdout: '', stderr: '' });
  await expect.poll(() => datagrams.received).toEqual(['00', '00', '00']);
});

it('TCP knocks at open ports are connections in the order of the arguments, closed at once', async () => {
  const arrivals: number[] = [];
  const listen = async () => {
    const server = createServer((socket) => {
      arrivals.push((server.address() as AddressInfo).port);
      socket.on('error', () => undefined).resume();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { server, port: String((server.address() as AddressInfo).port) };
  };
  const [first, second] = [await listen(), await listen()];
  // With time between them, as the order in which one process accepts at two sockets says little.
  const { code } = await knock('-d', '30', '127.0.0.1', second.port, first.port, second.port);
  expect(code).toBe(0);
  await expect.poll(() => arrivals.map(String)).toEqual([second.port, first.port, second.port]);
  for (const { server } of [first, second]) {
    server.close();
    await once(server, 'close');
  }
});

it('a refused knock is a knock', async () => {
  expect(await knock('-v', '127.0.0.1', '1', '1:udp')).toEqual({
    code: 0,
    stdout: 'hitting tcp 127.0.0.1:1\nhitting udp 127.0.0.1:1\n',
    stderr: '',
  });
});

it('a delay follows each knock', async () => {
  const startedAt = performance.now();
  await knock('--delay=100', '127.0.0.1', '9:udp', '9:udp', '9:udp');
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(297);
});

it('a packet that the kernel does not send is told in words, and ends the knock', async () => {
  // The kernel refuses a datagram to a broadcast address from a socket that did not ask for it.
  const { code, stdout, stderr } = await knock('-v', '127.255.255.255', '9:udp', '10:udp');
  expect({ code, stdout }).toEqual({ code: 69, stdout: 'hitting udp 127.255.255.255:9\n' });
  expect(stderr).toBe(
    'udp 127.255.255.255:9: not sent: permission denied (EACCES), see to the routes and the firewall of this machine\n',
  );
});

it('the program knocks and ends by itself', async () => {
  await using datagrams = await listenForDatagrams();
  const step = `${datagrams.port}:udp`;
  const { code, stdout } = await run(['-v', '127.0.0.1', step, '1']);
  expect(stdout).toBe(`hitting udp 127.0.0.1:${datagrams.port}\nhitting tcp 127.0.0.1:1\n`);
  expect(code).toBe(0);
  await expect.poll(() => datagrams.received).toHaveLength(1);
});

it('the program goes on knocking when nobody reads what it says', async () => {
  await using datagrams = await listenForDatagrams();
  const step = `${datagrams.port}:udp`;
  const child = execFile(process.execPath, [PROGRAM, '-v', '-d', '50', '127.0.0.1', step, step, step], {
    timeout: TIME_LIMIT_MS,
  });
  child.stdout?.destroy();
  expect((await once(child, 'exit'))[0]).toBe(0);
  await expect.poll(() => datagrams.received).toHaveLength(3);
});

it('without a ping program an icmp step fails in words', async () => {
  const { code, stderr } = await run(['127.0.0.1', 'icmp'], { PATH: '/nonexistent' });
  expect(code).toBe(69);
  expect(stderr).toMatch(
    /^ping .*127\.0\.0\.1: cannot be run: ENOENT, install ping or leave the icmp step\n$/,
  );
});

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ran> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [PROGRAM, ...argv],
      { env, timeout: TIME_LIMIT_MS },
      (error, stdout, stderr) => {
        if (error === null) resolve({ code: 0, stdout, stderr });
        else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
        else reject(error);
      },
    );
  });
}
