/** Looks up names of ports in /etc/services. */

import type { PortName } from './traffic.ts';

/** Null where the port has none. */
export type ServiceOf = (port: PortName) => string | null;

/** What is scanned for, and what /etc/services of Debian 12 does not have or calls by a name few know. */
const KNOWN: Readonly<Record<string, string>> = {
  '21/tcp': 'ftp',
  '22/tcp': 'ssh',
  '23/tcp': 'telnet',
  '25/tcp': 'smtp',
  '53/tcp': 'domain',
  '53/udp': 'domain',
  '80/tcp': 'http',
  '110/tcp': 'pop3',
  '123/udp': 'ntp',
  '135/tcp': 'msrpc',
  '139/tcp': 'netbios-ssn',
  '143/tcp': 'imap2',
  '161/udp': 'snmp',
  '389/tcp': 'ldap',
  '443/tcp': 'https',
  '443/udp': 'https',
  '445/tcp': 'microsoft-ds',
  '1433/tcp': 'ms-sql-s',
  '1900/udp': 'ssdp',
  '2375/tcp': 'docker',
  '2376/tcp': 'docker-tls',
  '3306/tcp': 'mysql',
  '3389/tcp': 'rdp',
  '5060/udp': 'sip',
  '5353/udp': 'mdns',
  '5432/tcp': 'postgresql',
  '5555/tcp': 'adb',
  '5900/tcp': 'vnc',
  '5985/tcp': 'winrm',
  '6379/tcp': 'redis',
  '6443/tcp': 'kubernetes',
  '8080/tcp': 'http-alt',
  '8443/tcp': 'https-alt',
  '8728/tcp': 'mikrotik',
  '9200/tcp': 'elasticsearch',
  '11211/udp': 'memcached',
  '27017/tcp': 'mongodb',
};

/** @param text that of /etc/services; where it has no name for a port, a list of our own may */
export function servicesOf(text: string): ServiceOf {
  const names = new Map(Object.entries(KNOWN));
  // Backwards, as of two names for a port the first is the usual one.
  for (const [, name = '', port = ''] of [...text.matchAll(LINE)].reverse()) names.set(port, name);
  return ({ port, proto }) => names.get(`${port}/${proto}`) ?? null;
}

/** `http-alt	8080/tcp	webcache` */
const LINE = /^([\w+.-]+)\s+(\d{1,5}\/(?:tcp|udp))\b/gm;
