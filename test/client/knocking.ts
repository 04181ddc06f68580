/** One command line of the client, run in this process -> its exit code and what it wrote. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { runKnock } from '../../src/client/program.ts';

export interface Knocked {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function knock(...argv: readonly string[]): Promise<Knocked> {
  let stdout = '';
  let stderr = '';
  const code = await runKnock(
    { name: 'knock', argv, version: '1.2.3' },
    {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
    },
  );
  return { code, stdout, stderr };
}

export interface Datagrams extends AsyncDisposable {
  readonly port: number;
  /** What has come in so far, in hexadecimal. */
  readonly received: readonly string[];
}

/** Listens for datagrams on a free port of the loopback. */
export async function listenForDatagrams(address = '127.0.0.1'): Promise<Datagrams> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const received: string[] = [];
  socket.on('message', (bytes) => received.push(bytes.toString('hex')));
  socket.bind(0, address);
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    received,
    [Symbol.asyncDispose]: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}
