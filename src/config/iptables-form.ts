/** Reads a start or stop command as the one rule it adds or deletes, where it is one of the usual iptables commands. */

import { parseAddress, parsePort } from '../lib/address.ts';
import type { Address, Family, Port } from '../model.ts';

/** The rule that lets the client in at one port. */
export interface RuleForm {
  readonly verb: 'add' | 'delete';
  /** The number that the rule gets in the chain, from 1; null where it is appended, or deleted. */
  readonly at: number | null;
  readonly family: Family;
  readonly port: Port;
  readonly proto: 'tcp' | 'udp';
  readonly to: Address | null;
  /** `--ctstate NEW`, as it is written: the rule is for packets in these states only. */
  readonly states: string | null;
  /** What `--comment` says. A rule is deleted by its comment, too. */
  readonly comment: string | null;
}

/** Anything that the shell would not pass on as it is; in quotes, what it still expands. */
const SHELL = /[^\w\s%./:@=,+-]/;
const QUOTED = /"[^"$`\\]*"|'[^']*'/g;
const CHAIN = 'INPUT';
const HOST_BITS = { 4: '32', 6: '128' };
const PROTOCOLS: ReadonlyMap<string, RuleForm['proto']> = new Map([
  ['tcp', 'tcp'],
  ['6', 'tcp'],
  ['udp', 'udp'],
  ['17', 'udp'],
]);
const STATE_OPTIONS: ReadonlyMap<string, string> = new Map([
  ['--state', 'state'],
  ['--ctstate', 'conntrack'],
]);
const STATES: ReadonlySet<string> = new Set(['NEW', 'ESTABLISHED', 'RELATED', 'UNTRACKED', 'INVALID']);
/** Services that people put behind a knock, as /etc/services names them. */
const SERVICES: ReadonlyMap<string, number> = new Map([
  ['ftp', 21],
  ['ssh', 22],
  ['telnet', 23],
  ['smtp', 25],
  ['domain', 53],
  ['http', 80],
  ['pop3', 110],
  ['imap2', 143],
  ['imap', 143],
  ['https', 443],
  ['submission', 587],
  ['rsync', 873],
  ['imaps', 993],
  ['pop3s', 995],
  ['openvpn', 1194],
  ['mysql', 3306],
  ['postgresql', 5432],
]);

/**
 * Reads `iptables -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT` in its usual spellings. Null for a command that says
 * more than that, such as `--syn` and `-i`: an `open:` would not mean the same. A match for new connections is accepted.
 */
export function readRuleForm(command: string): RuleForm | null {
  const [program = '', ...words] = wordsOf(command) ?? [];
  const tool = /^(?:\/\S*\/)?(ip6?tables)(?:-nft|-legacy)?$/.exec(program)?.[1];
  if (tool === undefined) return null;
  const family = tool === 'iptables' ? 4 : 6;
  const said = readWords(words, family);
  if (said === null || !areModulesNamed(said)) return null;
  const { verb, isForClient, proto, port, isAccept } = said;
  const isWhole = isForClient && isAccept;
  if (!isWhole || verb === undefined || proto === undefined || port === undefined) return null;
  const { at = null, to = null, states = null, comment = null } = said;
  return { verb, at, family, proto, port, to, states, comment };
}

export function sameRule(a: RuleForm, b: RuleForm): boolean {
  return ruleKey(a) === ruleKey(b);
}

/** The same for two forms of one rule, whether they add or delete it. */
export function ruleKey({ port, proto, to, states, comment }: RuleForm): string {
  return JSON.stringify([port, proto, to, states, comment]);
}

/** Whether a command may delete a rule that another command has added in one of the usual forms. */
export function mayDelete(command: string): boolean {
  if (!/ip6?tables/.test(command)) return false;
  if (/\s(-F|--flush|(-D|--delete)\s+\S+\s+\d+)\b/.test(command)) return true;
  // A rule is deleted by repeating how it was added, unless the shell changes the words.
  return wordsOf(command) === null
    ? /\s(-D|--delete)\b/.test(command)
    : readRuleForm(command)?.verb === 'delete';
}

/** Whether a command does no more than delete the one rule that it spells out. */
export function deletesOneRule(command: string): boolean {
  return wordsOf(command) !== null && /^\S*ip6?tables\S*\s.*(-D|--delete)\s+\S+\s+-/.test(command.trim());
}

/** The words that the shell would make of a command; null where it would do more than split them. */
function wordsOf(command: string): string[] | null {
  if (SHELL.test(command.replace(QUOTED, ''))) return null;
  const words = command.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words
    .map((word) => word.replace(QUOTED, (quoted) => quoted.slice(1, -1)))
    .flatMap((word) => {
      const [, option, value] = /^(--[\w-]+)=(.*)$/.exec(word) ?? [];
      return option === undefined || value === undefined ? [word] : [option, value];
    });
}

interface Said {
  verb?: RuleForm['verb'];
  at?: number;
  isForClient: boolean;
  isAccept: boolean;
  proto?: RuleForm['proto'];
  port?: Port;
  to?: Address;
  states?: string;
  comment?: string;
  /** Those of `-m`, and those that options need. */
  readonly modules: Set<string>;
  readonly needed: Set<string>;
}

/** Null when some word says more than an `open:` does. */
function readWords(words: readonly string[], family: Family): Said | null {
  const said: Said = { isForClient: false, isAccept: false, modules: new Set(), needed: new Set() };
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === '-w' || word === '--wait') {
      if (/^\d+$/.test(left[0] ?? '')) left.shift();
    } else if (!take(said, word, left.shift() ?? '', family)) return null;
    if (/^(-I|--insert)$/.test(word)) said.at = /^\d+$/.test(left[0] ?? '') ? Number(left.shift()) : 1;
  }
  return said;
}

/** iptables wants each module named that an option belongs to, and each option of a module that is named. */
function areModulesNamed({ modules, needed, proto }: Said): boolean {
  const named = [...modules].filter((name) => name !== proto);
  return named.length === needed.size && named.every((name) => needed.has(name));
}

function take(said: Said, word: string, value: string, family: Family): boolean {
  const module = STATE_OPTIONS.get(word);
  if (module !== undefined) return takeStates(said, module, word, value);
  switch (word) {
    case '-t':
    case '--table':
      return value === 'filter';
    case '-A':
    case '--append':
    case '-I':
    case '--insert':
      said.verb = 'add';
      return value === CHAIN;
    case '-D':
    case '--delete':
      said.verb = 'delete';
      return value === CHAIN;
    case '-s':
    case '--source':
    case '--src':
      said.isForClient = true;
      return value === '%IP%' || value === `%IP%/${HOST_BITS[family]}`;
    case '-d':
    case '--destination':
    case '--dst': {
      const address = parseAddress(value.replace(new RegExp(`/${HOST_BITS[family]}$`), ''));
      if (address !== null) said.to = address;
      return address !== null;
    }
    case '-p':
    case '--protocol':
    case '--proto': {
      const proto = PROTOCOLS.get(value.toLowerCase());
      if (proto !== undefined) said.proto = proto;
      return proto !== undefined;
    }
    case '-m':
    case '--match':
      said.modules.add(value);
      return true;
    case '--comment':
      said.comment = value;
      said.needed.add('comment');
      return true;
    case '--dport':
    case '--destination-port': {
      const port = parsePort(String(SERVICES.get(value) ?? value));
      if (port === null || port === 0) return false;
      said.port = port;
      return true;
    }
    case '-j':
    case '--jump':
      said.isAccept = true;
      return value === 'ACCEPT';
    default:
      return false;
  }
}

/** States that include new connections. */
function takeStates(said: Said, module: string, option: string, value: string): boolean {
  const names = value.toUpperCase().split(',');
  said.states = `${option} ${names.sort().join(',')}`;
  said.needed.add(module);
  return names.includes('NEW') && names.every((name) => STATES.has(name));
}
