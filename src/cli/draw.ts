/** Draws a random sequence from ports that nothing on this host is likely to use. */

import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Port, Sequence } from '../model.ts';
import { freePorts, type HostPorts } from '../setup/ports.ts';
import { drawSequence } from '../setup/sequence.ts';

const SOCKETS = ['tcp', 'tcp6', 'udp', 'udp6'].map((name) => `/proc/net/${name}`);

/** @param taken ports that it is not to have: those of other doors */
export async function drawFresh(taken: ReadonlySet<Port>): Promise<Sequence> {
  const ports = freePorts(await hostPorts()).filter((port) => !taken.has(port));
  return drawSequence(ports, randomInt);
}

async function hostPorts(): Promise<HostPorts> {
  const [services = '', localRange = '', ...sockets] = await Promise.all(
    ['/etc/services', '/proc/sys/net/ipv4/ip_local_port_range', ...SOCKETS].map((path) =>
      readFile(path, 'utf8').catch(() => ''),
    ),
  );
  return { services, localRange, sockets };
}
