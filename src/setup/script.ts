/** The chains of both families -> a shell script that puts them there, on whatever host it is run. */

import { commandLine } from '../command-line.ts';
import { GOES_ON } from '../rule/target.ts';
import { chainNames, type LogChain, type LogChains } from './chains.ts';
import { noRest } from './rest-place.ts';

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

# HOOK: the place behind the last rule that may let a packet in; nothing where nothing is dropped
rest() {
  "$t" -w -S "$1" | awk '
    $1 == "-P" { policy = $3 }
    $1 == "-A" && !end {
      n++
      target = ""
      for (i = 3; i < NF; i++) if ($i == "-j" || $i == "-g") target = $(i + 1)
      drops = target == "DROP" || target == "REJECT"
      if (drops && ($3 == "-j" || ($3 == "-p" && $5 == "-j"))) dropping = 1
      if (!drops && target !~ /^(${[...GOES_ON].join('|')})?$/) last = n
      end = $3 == "-j" && target ~ /^(ACCEPT|DROP|REJECT|RETURN|QUEUE|NFQUEUE)$/
    }
    END { if (dropping || (!end && policy == "DROP")) print last + 1 }'
}`;

function family({ line, log, rest }: LogChains, { chain, hooks }: ScriptParts, indent: string): string[] {
  const chains = [line, log, ...(rest === null ? [] : [rest])];
  return [
    `"$t" -w -N ${chain} 2>/dev/null || "$t" -w -S ${chain} >/dev/null`,
    ...chains.flatMap(filled),
    // Where Docker has made its chain for IPv4 alone, the other family has to do without.
    ...hooks.flatMap((hook) => {
      const jumps = hooked(hook, chain, rest !== null);
      if (indent === '') return jumps;
      return [`if "$t" -w -S ${hook} >/dev/null 2>&1; then`, ...jumps.map((text) => `  ${text}`), 'fi'];
    }),
  ].map((text) => indent + text);
}

function filled({ name, rules }: LogChain): string[] {
  return [`fresh ${name}`, ...rules.map((spec) => `"$t" -w -A ${name} ${commandLine(spec)}`)];
}

function hooked(hook: string, chain: string, withRest: boolean): string[] {
  const names = chainNames(chain);
  return [
    `jump ${hook} ${chain} 1`,
    `jump ${hook} ${names.log} "$(behind ${hook} ${chain})"`,
    ...(withRest
      ? [
          `place=$(rest ${hook})`,
          `if [ -n "$place" ]; then jump ${hook} ${names.rest} "$place"`,
          `else echo "${noRest(hook)}" >&2; fi`,
        ]
      : []),
  ];
}
