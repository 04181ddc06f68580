/** Packets to watch -> a table of nftables that logs them, for hosts whose firewall is made of such tables. */

import { EXIT, KnocktailError } from '../errors.ts';
import { type FlagRule, TCP_FLAGS } from '../model.ts';
import { distinct, type Line, type LogSettings } from './chains.ts';
import { isNftName } from './nft-words.ts';
import { echoLength, type View, type Watched, withoutFlags } from './watched.ts';

/** nftables has no name for AE. */
const NFT_FLAGS = {
  FIN: 'fin',
  SYN: 'syn',
  RST: 'rst',
  PSH: 'psh',
  ACK: 'ack',
  URG: 'urg',
  ECE: 'ecn',
  CWR: 'cwr',
};
const HOOKS: Readonly<Record<string, string>> = {
  INPUT: 'input',
  FORWARD: 'forward',
  'DOCKER-USER': 'forward',
};
/** What nftables does not count in the length of an IPv6 packet. */
const IPV6_HEADER_BYTES = 40;

/** @throws KnocktailError 78 when nftables cannot write the prefix or the name of the table, or has no such hook */
export function nftText(
  families: readonly Watched[],
  settings: LogSettings,
  hooks: readonly string[],
): string {
  const { chain: table, sweepGuard } = settings;
  if (!isNftName(table)) {
    throw new KnocktailError('nftables can have no table of this name', {
      exitCode: EXIT.CONFIG,
      value: table,
      remedy: 'give firewall.chain a name that begins with a letter and is no word of nft',
    });
  }
  const targets = distinct(settings.logs).map(logStatement);
  const limited = (name: string, rate: string): string[] => [
    `update @${name}4 { ip saddr limit rate over ${rate} packets } return`,
    `update @${name}6 { ip6 saddr & ffff:ffff:ffff:ffff:: limit rate over ${rate} packets } return`,
    ...targets,
  ];
  const strays = families.flatMap(straysOf).map((match) => `${match} goto rest`);
  const guard = ['# Ports of no door, so that a port sweep can be told.', 'iifname "lo" return', ...strays];
  const nftHooks = [...new Set(hooks.map(nftHook))];
  return [
    '# Logs what knocktail has to see: nft -f FILE. Loaded again, it takes the place of what was there.',
    `# To take it away: nft delete table inet ${table}`,
    `table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    '\t# How often each source was logged of late: nobody can use up the log, or the lines of others.',
    ...['line', ...(sweepGuard > 0 ? ['rest'] : [])].flatMap((name) => [
      `\tset ${name}4 { type ipv4_addr; size 65535; flags dynamic; timeout 10s; }`,
      `\tset ${name}6 { type ipv6_addr; size 65535; flags dynamic; timeout 10s; }`,
    ]),
    ...chain('line', limited('line', '20/second burst 40')),
    ...(sweepGuard > 0 ? chain('rest', limited('rest', `2/second burst ${2 * (sweepGuard + 1)}`)) : []),
    ...chain('steps', [
      // As in the chain of iptables: to log is not to decide.
      'ct state established,related return',
      ...families.flatMap(choicesOf).map((match) => `${match} goto line`),
      ...(sweepGuard > 0 ? guard : []),
    ]),
    // Ahead of what drops, which is at the priority "filter" as a rule.
    ...nftHooks.flatMap((hook) =>
      chain(hook, [`type filter hook ${hook} priority filter - 1; policy accept;`, 'jump steps']),
    ),
    '}',
    '',
  ].join('\n');
}

function chain(name: string, lines: readonly string[]): string[] {
  return [`\tchain ${name} {`, ...lines.map((line) => `\t\t${line}`), '\t}'];
}

function nftHook(hook: string): string {
  const known = HOOKS[hook];
  if (known !== undefined) return known;
  throw new KnocktailError('nftables has no hook for this chain', {
    exitCode: EXIT.CONFIG,
    value: hook,
    remedy: `use one of ${Object.keys(HOOKS).join(', ')} in firewall.hooks, or another --format`,
  });
}

function logStatement({ prefix, format }: Line): string {
  if (/["\\$]/.test(prefix)) {
    throw new KnocktailError('nftables cannot write this log.prefix', {
      exitCode: EXIT.CONFIG,
      value: prefix,
      remedy: 'leave out ", \\ and $',
    });
  }
  const words = prefix === '' ? [] : [`prefix "${prefix}"`];
  return ['log', ...words, format === 'ulogd' ? 'group 0' : 'level info'].join(' ');
}

function choicesOf(watched: Watched): string[] {
  const { views, tcp, udp } = watched;
  return [
    ...(tcp.length === 0
      ? []
      : views.map(
          (view) => `${ends(view, watched)} ${flagMatch(view.flags)}tcp dport { ${tcp.join(', ')} }`,
        )),
    ...withoutFlags(views).flatMap((view) => [
      ...(udp.length === 0 ? [] : [`${ends(view, watched)} udp dport { ${udp.join(', ')} }`]),
      ...echoMatches(watched).map((match) => `${ends(view, watched)} ${match}`),
    ]),
  ];
}

function straysOf(watched: Watched): string[] {
  const { views } = watched;
  const toUs = 'meta pkttype host';
  return [
    ...views.map((view) =>
      `${ends(view, watched)} ${toUs} ${flagMatch(view.flags) || 'meta l4proto tcp'}`.trim(),
    ),
    ...withoutFlags(views).map((view) => `${ends(view, watched)} ${toUs} meta l4proto udp`),
  ];
}

function ends({ from, to }: View, { interface: name, family }: Watched): string {
  const ip = family === 4 ? 'ip' : 'ip6';
  return [
    `meta nfproto ipv${family}`,
    ...(from === null ? [] : [`${ip} saddr ${from}`]),
    ...(to === null ? [] : [`${ip} daddr ${to}`]),
    ...(name === null ? [] : [`iifname "${name}"`]),
  ].join(' ');
}

/** Ends in a blank where it is not empty. */
function flagMatch(flags: FlagRule | null): string {
  if (flags === null) return '';
  const named = (bits: number): string[] =>
    Object.entries(NFT_FLAGS).flatMap(([name, word]) =>
      bits & TCP_FLAGS[name as keyof typeof NFT_FLAGS] ? [word] : [],
    );
  const mask = named(flags.set | flags.clear);
  if (mask.length === 0) return '';
  return `tcp flags & (${mask.join(' | ')}) == ${named(flags.set).join(' | ') || '0x0'} `;
}

function echoMatches({ family, echoes }: Watched): string[] {
  const request = family === 4 ? 'icmp type echo-request' : 'icmpv6 type echo-request';
  return echoes.flatMap((size) => {
    if (size === null) return [request];
    const length = echoLength(size, family);
    if (length === null) return [];
    return [
      `${request} ${family === 4 ? `ip length ${length}` : `ip6 length ${length - IPV6_HEADER_BYTES}`}`,
    ];
  });
}
