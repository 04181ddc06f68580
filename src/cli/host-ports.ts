/** Reads from /proc which ports this host uses. */

import { readFile } from 'node:fs/promises';
import { type HostPorts, listenedPorts } from '../tools/setup/ports.ts';

const SOCKETS = [
  { proto: 'tcp', path: '/proc/net/tcp' },
  { proto: 'tcp', path: '/proc/net/tcp6' },
  { proto: 'udp', path: '/proc/net/udp' },
  { proto: 'udp', path: '/proc/net/udp6' },
] as const;

export async function hostPorts(): Promise<HostPorts> {
  const [services, localRange, ...sockets] = await Promise.all([
    textOf('/etc/services'),
    textOf('/proc/sys/net/ipv4/ip_local_port_range'),
    ...SOCKETS.map(({ path }) => textOf(path)),
  ]);
  return { services, localRange, sockets };
}

/** `22/tcp`: the ports of this host on which a program listens for others. */
export async function listenedHere(): Promise<ReadonlySet<string>> {
  return listenedPorts(
    await Promise.all(SOCKETS.map(async ({ proto, path }) => ({ proto, text: await textOf(path) }))),
  );
}

function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
