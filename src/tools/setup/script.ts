/** Writes a shell script that adds the chains on any host. */

import { GOES_ON } from '../../firewall/target.ts';
import { commandLine } from '../../lib/shell-quote.ts';
import { chainNames, LISTENS, LOCAL_HOOK, type LogChain, type LogChains, type RestChains } from './chains.ts';
import { noRest, noSocketMatch, restInside } from './rest-place.ts';

export interface ScriptParts {
  /** The path of the configuration, for whoever reads the script. */
  readonly path: string;
  /** Names or paths of iptables and ip6tables. */
  readonly tools: { readonly v4: string; readonly v6: string };
  readonly chain: string;
  readonly hooks: readonly string[];
  /** Null where the family is not watched. */
  readonly v4: LogChains | null;
  readonly v6: LogChains | null;
}

export function rulesScript(parts: ScriptParts): string {
  const { path, tools, v4, v6 } = parts;
  return [
    '#!/bin/sh',
    `# What ${path.replaceAll(/[\r\n]/g, '?')} needs of the packet filter, by \`knocktail rules\`. To be run as root.`,
    '# Run again, it changes nothing. `knocktail rules --remove` takes it all away.',
    'set -e',
    FUNCTIONS,
    ...(v4 === null ? [] : ['', `t=${commandLine([tools.v4])}`, ...family(v4, parts, '')]),
    ...(v6 === null
      ? []
      : [
          '',
          `t=${commandLine([tools.v6])}`,
          'if command -v "$t" >/dev/null && "$t" -w -S INPUT >/dev/null 2>&1; then',
          ...family(v6, parts, '  '),
          'else',
          '  echo "no packet filter for IPv6 here, its rules are left out" >&2',
          'fi',
        ]),
    '',
  ].join('\n');
}

/** The same as `restPlace` and what is around it, for a host that may have nothing but iptables. */
const FUNCTIONS = `
# CHAIN: makes it, or empties the one that is there
fresh() {
  "$t" -w -N "$1" 2>/dev/null || "$t" -w -F "$1"
}

# HOOK CHAIN PLACE: makes the jump from one to the other at this place, where there is none
jump() {
  "$t" -w -C "$1" -j "$2" 2>/dev/null || "$t" -w -I "$1" "$3" -j "$2"
}

# HOOK CHAIN: the place behind the jump from one to the other
behind() {
  "$t" -w -S "$1" | awk -v chain="$2" '
    $1 == "-A" { n++; for (i = 3; i < NF; i++) if ($i == "-j" && $(i + 1) == chain) at = n }
    END { print at + 1 }'
}

# CHAIN: takes away the jumps to it
unjump() {
  "$t" -w -S 2>/dev/null | awk -v chain="$1" '$1 == "-A" && NF == 4 && $3 == "-j" && $4 == chain { print $2 }' |
    while read -r from; do "$t" -w -D "$from" -j "$1"; done
}

# HOOK: the place behind the last rule that may let a packet in; nothing where nothing is dropped; the chain that decides
# all packets, where one does
rest() {
  { "$t" -w -S 2>/dev/null || "$t" -w -S "$1"; } | awk -v hook="$1" '
    function target(c, i,   n, f, j) {
      n = split(rule[c, i], f, " ")
      for (j = 3; j < n; j++) if (f[j] == "-j" || f[j] == "-g") return f[j + 1]
      return ""
    }
    function wide(c, i) { return rule[c, i] ~ ("^-A " c " (-p [^ ]+ |! -i lo )?-[jg] ") }
    function whole(c, i) { return rule[c, i] ~ ("^-A " c " -[jg] ") }
    # Whether a chain drops all, and lets nothing in from elsewhere; "some" where it lets some in.
    function closes(c,   i, t, lets, how) {
      for (i = 1; i <= size[c]; i++) {
        t = target(c, i)
        if (t == "DROP" || t == "REJECT") { if (whole(c, i)) return lets ? "some" : "all"; continue }
        if (t ~ /^(${[...GOES_ON].join('|')})?$/) continue
        if (t == "ACCEPT" && rule[c, i] ~ / (-i lo|--(ct)?state (RELATED|ESTABLISHED|RELATED,ESTABLISHED)) -j ACCEPT$/) continue
        how = (t in size) ? closes(t) : ""
        if (how != "" && whole(c, i)) return lets || how == "some" ? "some" : "all"
        if (how == "all") continue
        if (t == "RETURN") return ""
        lets = 1
      }
      return ""
    }
    $1 == "-P" { policy[$2] = $3 }
    $1 == "-N" { size[$2] += 0 }
    $1 == "-A" { rule[$2, ++size[$2]] = $0 }
    END {
      for (i = 1; i <= size[hook] && !end; i++) {
        t = target(hook, i)
        how = (t in size) ? closes(t) : ""
        if (how == "some" && wide(hook, i)) { print t; exit }
        drops = t == "DROP" || t == "REJECT" || how == "all"
        if (drops && wide(hook, i)) dropping = 1
        if (!drops && t !~ /^(${[...GOES_ON].join('|')})?$/) last = i
        end = whole(hook, i) && (how == "all" || t ~ /^(ACCEPT|DROP|REJECT|RETURN|QUEUE|NFQUEUE)$/)
      }
      if (dropping || (!end && policy[hook] == "DROP")) print last + 1
    }'
}`;

function family({ line, log, rest }: LogChains, parts: ScriptParts, indent: string): string[] {
  const { chain, hooks } = parts;
  const chains = [line, log, ...(rest === null ? [] : [rest.stray, rest.rest])];
  return [
    `"$t" -w -N ${chain} 2>/dev/null || "$t" -w -S ${chain} >/dev/null`,
    ...chains.flatMap(filled),
    // Where Docker has made its chain for IPv4 alone, the other family has to do without.
    ...[...hooks].sort(localFirst).flatMap((hook) => {
      const jumps = hooked(hook, chain, rest);
      if (indent === '') return jumps;
      return [`if "$t" -w -S ${hook} >/dev/null 2>&1; then`, ...jumps.map((text) => `  ${text}`), 'fi'];
    }),
  ].map((text) => indent + text);
}

/** There jumps of an older version go, which are those that other hooks need. */
function localFirst(one: string, other: string): number {
  return Number(other === LOCAL_HOOK) - Number(one === LOCAL_HOOK);
}

function filled({ name, rules }: LogChain): string[] {
  return [`fresh ${name}`, ...rules.map((spec) => `"$t" -w -A ${name} ${commandLine(spec)}`)];
}

function hooked(hook: string, chain: string, rest: RestChains | null): string[] {
  const names = chainNames(chain);
  const jumps = [`jump ${hook} ${chain} 1`, `jump ${hook} ${names.log} "$(behind ${hook} ${chain})"`];
  if (rest === null) return jumps;
  const atTheEnd = [
    `place=$(rest ${hook})`,
    'case $place in',
    `[0-9]*) jump ${hook} ${names.rest} "$place" ;;`,
    `"") echo ${commandLine([noRest(hook)])} >&2 ;;`,
    `*) echo "${restInside(hook, '$place', names.rest)}" >&2 ;;`,
    'esac',
  ];
  if (hook !== LOCAL_HOOK) return [...jumps, ...atTheEnd];
  const { closed } = rest;
  return [
    ...jumps,
    `fresh ${closed.name}`,
    `if "$t" -w -A ${closed.name} ${commandLine(LISTENS)} 2>/dev/null; then`,
    ...[
      `"$t" -w -F ${closed.name}`,
      ...closed.rules.map((spec) => `"$t" -w -A ${closed.name} ${commandLine(spec)}`),
      `unjump ${names.rest}`,
      `jump ${hook} ${closed.name} "$(behind ${hook} ${names.log})"`,
    ].map((text) => `  ${text}`),
    'else',
    ...[
      `echo ${commandLine([noSocketMatch(hook)])} >&2`,
      `unjump ${closed.name}`,
      `"$t" -w -X ${closed.name}`,
      ...atTheEnd,
    ].map((text) => `  ${text}`),
    'fi',
  ];
}
