/** Sends one SYN. */

import { connect } from 'node:net';
import type { Port } from '../model.ts';
import type { Target } from './host.ts';
import { unsent } from './unsent.ts';

/** The kernel sends the SYN within connect(2), and would send it again after a second. */
const SOCKET_LIFE_MS = 10;

/**
 * Resolves whatever comes back, be it nothing.
 *
 * @throws KnocktailError 69 when this machine did not send it
 */
export function sendSyn({ address }: Target, port: Port): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    // An ICMP answer has the same errors as the own kernel, but never within connect(2), a tick before this.
    let isRefusedHere = false;
    process.nextTick(() => {
      isRefusedHere = socket.destroyed;
    });
    const end = setTimeout(() => socket.destroy(), SOCKET_LIFE_MS);
    let refusal: Error | null = null;
    socket.on('connect', () => socket.destroy());
    socket.on('error', (error) => {
      if (isRefusedHere) refusal = unsent(`tcp ${address}:${port}`, error);
    });
    socket.on('close', () => {
      clearTimeout(end);
      if (refusal === null) resolve();
      else reject(refusal);
    });
  });
}
