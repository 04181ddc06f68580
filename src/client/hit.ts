/** One step of a knock -> one packet on the wire: a SYN, a datagram of one NUL byte, or an echo request. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { familyOf } from '../address.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import type { Address, Step } from '../model.ts';
import { ping } from './ping.ts';

/** Long enough for the SYN to go, and far too short for it to be sent again (1 s by RFC 6298). */
const SYN_MS = 10;

/** @throws KnocktailError when this host could not send it; that it is not answered is as it should be */
export async function hit(to: Address, step: Step): Promise<void> {
  try {
    if (step.proto === 'icmp') await ping(to, step.size);
    else if (step.proto === 'tcp') await sendSyn(to, step.port);
    else await sendDatagram(to, step.port);
  } catch (cause) {
    if (cause instanceof KnocktailError) throw cause;
    throw new KnocktailError('the packet was not sent', {
      where: describeHit(to, step),
      value: cause instanceof Error ? cause.message : String(cause),
      exitCode: EXIT.IO,
      remedy: 'see whether this host has a route there',
      cause,
    });
  }
}

/** `tcp 10.0.0.7:7000`, in the words of knockd's client. */
export function describeHit(to: Address, step: Step): string {
  if (step.proto !== 'icmp') return `${step.proto} ${to}:${step.port}`;
  return step.size === null ? `icmp ${to}` : `icmp ${to} (${step.size} bytes)`;
}

async function sendSyn(host: Address, port: number): Promise<void> {
  const socket = connect({ host, port });
  const failure = new Promise<Error | null>((resolve) => {
    socket.on('error', resolve);
    socket.on('connect', () => resolve(null));
  });
  const error = await Promise.race([failure, sleep(SYN_MS, null)]);
  socket.destroy();
  // A port that refuses has been hit, too.
  if (error !== null && !('code' in error && error.code === 'ECONNREFUSED')) throw error;
}

async function sendDatagram(host: Address, port: number): Promise<void> {
  const socket = createSocket(familyOf(host) === 4 ? 'udp4' : 'udp6');
  const failed = once(socket, 'error').then(([error]) => {
    throw error;
  });
  const sent = new Promise<void>((resolve, reject) => {
    socket.send(Buffer.alloc(1), port, host, (error) => (error === null ? resolve() : reject(error)));
  });
  await Promise.race([sent, failed]).finally(() => socket.close());
}
