/** Tells from what a host says of its ports which of them a knock may use, and which a program listens on. */

import { toPort } from '../../lib/address.ts';
import type { Port } from '../../model.ts';

/** Texts as the kernel and the distribution write them; empty where a host has no such file. */
export interface HostPorts {
  /** /proc/net/tcp, tcp6, udp and udp6. */
  readonly sockets: readonly string[];
  /** /etc/services. */
  readonly services: string;
  /** /proc/sys/net/ipv4/ip_local_port_range. */
  readonly localRange: string;
}

/** Those below are for services (IANA's system ports), and scanned all day. */
const FIRST_PORT = 1_024;
const LAST_PORT = 65_535;
/** A sequence drawn from fewer could be guessed: a host may take nearly all ports for its own connections. */
const FEWEST_PORTS = 10_000;

/**
 * Ports that nothing else on this host is likely to use: no socket has them, no service is known for them, and
 * connections from here do not begin at them, so that no reply to one is taken for a knock.
 */
export function freePorts({ sockets, services, localRange }: HostPorts): readonly Port[] {
  const used = new Set([...sockets.flatMap(socketPorts), ...servicePorts(services)]);
  const [low, high] = rangeOf(localRange);
  const unused = numbers(FIRST_PORT, LAST_PORT).filter((port) => !used.has(port));
  const outside = unused.filter((port) => port < low || port > high);
  return outside.length >= FEWEST_PORTS ? outside : unused;
}

/** The states in which a socket waits for anyone: TCP_LISTEN, and that of UDP without a peer (net/tcp_states.h). */
const LISTENING = { tcp: '0A', udp: '07' } as const;
const LOOPBACK = /^(?:[0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F)$/;

/** `22/tcp`, `53/udp`: what programs of this host listen on, where others can reach it. */
export function listenedPorts(
  sockets: readonly { readonly proto: 'tcp' | 'udp'; readonly text: string }[],
): ReadonlySet<string> {
  const listened = sockets.flatMap(({ proto, text }) =>
    [...text.matchAll(/^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /gm)].flatMap(
      ([, address = '', hex = '', state]) =>
        state === LISTENING[proto] && !LOOPBACK.test(address) ? [`${parseInt(hex, 16)}/${proto}`] : [],
    ),
  );
  return new Set(listened);
}

/** The local port of each line: `   0: 0100007F:0016 00000000:0000 0A ...`. */
function socketPorts(text: string): number[] {
  return [...text.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) /gm)].map(([, hex = '']) => parseInt(hex, 16));
}

/** Of lines like `http-alt	8080/tcp	webcache`. */
function servicePorts(text: string): number[] {
  return [...text.matchAll(/^[\w+.-]+\s+(\d{1,5})\/(?:tcp|udp)\b/gm)].map(([, digits]) => Number(digits));
}

function rangeOf(text: string): readonly [low: number, high: number] {
  const [, low, high] = /^(\d+)\s+(\d+)/.exec(text) ?? [];
  // What Linux has where nobody has set it (net/ipv4/af_inet.c).
  return [Number(low ?? 32_768), Number(high ?? 60_999)];
}

function numbers(first: number, last: number): Port[] {
  return Array.from({ length: last - first + 1 }, (_, index) => toPort(first + index)).filter(
    (port) => port !== null,
  );
}
