/** Writes an nftables table that logs the watched packets. */

import { EXIT, KnocktailError } from '../../errors.ts';
import { type FlagRule, TCP_FLAGS } from '../../model.ts';
import { IPV6_SOURCE_BITS, strayLimits } from '../../sweep-limits.ts';
import { distinct, type Line, type LogSettings, STEPS_AT_ONCE, STEPS_PER_SECOND } from './chains.ts';
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
/** Whether a program listens there; the kernel answers neither where none does. */
const LISTENS = ['socket transparent 0 return', 'socket transparent 1 return'];
const WITHOUT_SOCKET = [
  '# A kernel without nft_socket refuses it at "socket": take those two lines out, and where ports are open to all, also the',
  '# lines "goto rest", or their clients are taken for sweepers. Without those lines no port sweep is seen.',
];
/** 16 bits a group. */
const SOURCE_MASK = `${'ffff:'.repeat(IPV6_SOURCE_BITS / 16)}:`;
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
  const guard = sweepGuard > 0 ? strayLimits(sweepGuard) : null;
  const limited = (name: string, perSecond: number, atOnce: number): string[] => {
    const rate = `${perSecond}/second burst ${atOnce} packets`;
    return [
      `update @${name}4 { ip saddr limit rate over ${rate} } return`,
      `update @${name}6 { ip6 saddr & ${SOURCE_MASK} limit rate over ${rate} } return`,
      ...targets,
    ];
  };
  const nftHooks = [...new Set(hooks.map(nftHook))];
  const strays = (hook: string): string[] => [
    '# Ports of no door, so that a port sweep is seen.',
    'iifname "lo" return',
    ...(hook === 'input' ? LISTENS : []),
    ...families.flatMap(straysOf).map((match) => `${match} goto rest`),
  ];
  return [
    '# Logs what knocktail has to see: nft -f FILE. Loaded again, it takes the place of what was there.',
    `# To take it away: nft delete table inet ${table}`,
    ...(guard !== null && nftHooks.includes('input') ? WITHOUT_SOCKET : []),
    `table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    '\t# How often each source was logged of late: nobody can use up the log, or the lines of others.',
    ...['line', ...(guard === null ? [] : ['rest'])].flatMap((name) => [
      `\tset ${name}4 { type ipv4_addr; size 65535; flags dynamic; timeout 10s; }`,
      `\tset ${name}6 { type ipv6_addr; size 65535; flags dynamic; timeout 10s; }`,
    ]),
    ...chain('line', limited('line', STEPS_PER_SECOND, STEPS_AT_ONCE)),
    ...(guard === null ? [] : chain('rest', limited('rest', guard.perSecond, guard.atOnce))),
    // Ahead of what drops, which is at the priority "filter" as a rule.
    ...nftHooks.flatMap((hook) =>
      chain(hook, [
        `type filter hook ${hook} priority filter - 1; policy accept;`,
        // As in the chain of iptables: to log is not to decide.
        'ct state established,related return',
        ...(guard === null ? [] : ['meta pkttype != host return']),
        ...families.flatMap(choicesOf).map((match) => `${match} goto line`),
        ...(guard === null ? [] : strays(hook)),
      ]),
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
  const scansPings = watched.echoes.some((size) => size !== null);
  return [
    ...views.map((view) => `${ends(view, watched)} ${flagMatch(view.flags) || 'meta l4proto tcp'}`.trim()),
    ...withoutFlags(views).flatMap((view) => [
      `${ends(view, watched)} meta l4proto udp`,
      ...(scansPings ? [`${ends(view, watched)} ${echoRequest(watched)}`] : []),
    ]),
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

function echoRequest({ family }: Watched): string {
  return family === 4 ? 'icmp type echo-request' : 'icmpv6 type echo-request';
}

function echoMatches(watched: Watched): string[] {
  const { family, echoes } = watched;
  const request = echoRequest(watched);
  return echoes.flatMap((size) => {
    if (size === null) return [request];
    const length = echoLength(size, family);
    if (length === null) return [];
    return [
      `${request} ${family === 4 ? `ip length ${length}` : `ip6 length ${length - IPV6_HEADER_BYTES}`}`,
    ];
  });
}
