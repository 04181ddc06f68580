/** Sends one datagram. */

import { createSocket } from 'node:dgram';
import type { Port } from '../model.ts';
import type { Target } from './host.ts';
import { unsent } from './unsent.ts';

/** What knockd's client sends: one NUL byte. */
const PAYLOAD = Buffer.of(0);

/** @throws KnocktailError 69 when this machine did not send it */
export function sendDatagram({ address, family }: Target, port: Port): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
    const finish = (error: Error | null) =>
      socket.close(() => (error === null ? resolve() : reject(unsent(`udp ${address}:${port}`, error))));
    // The callback is not called when the socket cannot even be bound.
    socket.once('error', finish);
    socket.send(PAYLOAD, port, address, finish);
  });
}
