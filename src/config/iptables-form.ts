/** A start or stop command -> what it does to the firewall, where it is one of the usual iptables commands. */

import { parseAddress, parsePort } from '../address.ts';
import type { Address, Family, Port } from '../model.ts';

/** The rule that lets the source in at one port. */
export interface RuleForm {
  readonly verb: 'add' | 'delete';
  readonly family: Family;
  readonly port: Port;
  readonly proto: 'tcp' | 'udp';
  readonly to: Address | null;
}

/** Anything that the shell would not pass on as it stands. */
const SHELL = /[^\w\s%./:@=,+-]/;
const CHAIN = 'INPUT';
const HOST_BITS = { 4: '32', 6: '128' };

/**
 * Reads `iptables -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT` in its usual spellings. Null for whatever says
 * more than that, `--syn` and `-i` among it: an `open:` would not mean the same.
 */
export function readRuleForm(command: string): RuleForm | null {
  if (SHELL.test(command)) return null;
  const [program = '', ...words] = command.trim().split(/\s+/);
  const tool = /^(?:\/\S*\/)?(ip6?tables)(?:-nft|-legacy)?$/.exec(program)?.[1];
  if (tool === undefined) return null;
  const family = tool === 'iptables' ? 4 : 6;
  const said = readWords(words, family);
  const { verb, source, proto, port, target } = said ?? {};
  const isWhole = source === true && target === true;
  if (!isWhole || verb === undefined || proto === undefined || port === undefined) return null;
  return { verb, family, proto, port, to: said?.to ?? null };
}

export function sameRule(a: RuleForm, b: RuleForm): boolean {
  return a.port === b.port && a.proto === b.proto && a.to === b.to;
}

/** Whether a command may delete a rule that another command has added in one of the usual forms. */
export function mayDelete(command: string): boolean {
  if (!/ip6?tables/.test(command)) return false;
  if (/\s(-F|--flush|(-D|--delete)\s+\S+\s+\d+)\b/.test(command)) return true;
  // A rule is deleted by saying it as it was added, unless the shell has its hands in it.
  return SHELL.test(command) ? /\s(-D|--delete)\b/.test(command) : readRuleForm(command)?.verb === 'delete';
}

interface Said {
  verb?: RuleForm['verb'];
  source?: true;
  target?: true;
  proto?: RuleForm['proto'];
  port?: Port;
  to?: Address;
}

/** Null when a word is none of those that say no more than an `open:` does. */
function readWords(words: readonly string[], family: Family): Said | null {
  const said: Said = {};
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === '-w' || word === '--wait') {
      if (/^\d+$/.test(left[0] ?? '')) left.shift();
    } else if (!take(said, word, left.shift() ?? '', family)) return null;
    // The place of an inserted rule: the chain of openings has no other order.
    if (/^(-I|--insert)$/.test(word) && /^\d+$/.test(left[0] ?? '')) left.shift();
  }
  return said;
}

function take(said: Said, word: string, value: string, family: Family): boolean {
  switch (word) {
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
      said.source = true;
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
    case '--proto':
      if (value !== 'tcp' && value !== 'udp') return false;
      said.proto = value;
      return true;
    case '-m':
    case '--match':
      return value === said.proto;
    case '--dport':
    case '--destination-port': {
      const port = parsePort(value);
      if (port === null || port === 0) return false;
      said.port = port;
      return true;
    }
    case '-j':
    case '--jump':
      said.target = true;
      return value === 'ACCEPT';
    default:
      return false;
  }
}
