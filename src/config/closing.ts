/** Says which doors stay open for good: those that open something which nothing closes. */

import type { Family } from '../model.ts';
import type { NamedDoor } from './door-index.ts';
import { deletesOneRule, readRuleForm, ruleKey, sameRule } from './iptables-form.ts';
import { familiesOf, shareClients } from './reach.ts';
import type { Config, DoorConfig } from './schema.ts';

/** Commands that let somebody in, and what takes that back, by tool. */
const TOOLS: readonly (readonly [opens: RegExp, closes: RegExp])[] = [
  [
    /\bip6?tables\b.*\s(-[AI]|--append|--insert)\s.*(-j|--jump)[\s=]+(ACCEPT|DNAT|REDIRECT)\b/,
    /\bip6?tables\b.*\s(-[DF]|--delete|--flush)\b/,
  ],
  [/\bufw\s.*\ballow\b/, /\bufw\s.*\b(delete|reset|deny)\b/],
  [/\bfirewall-cmd\s.*--add-/, /\bfirewall-cmd\s.*--(remove-|reload)/],
  [/\bnft\s.*\b(add|insert)\s+rule\b.*\b(accept|dnat|redirect)\b/, /\bnft\s.*\b(delete|flush)\b/],
];
/** A command that waits, or sets a time, may close what it has opened. */
const ENDS_BY_ITSELF = /\b(sleep|timeout|datestop|systemd-run|at\s+now)\b/;
/** A script of which no more is known. */
const MAY_CLOSE = /(close|remove|delete|revoke|block|deny|drop|lock|disable|stop|off)/i;

/** Whether a command is one rule in a usual form, or anything else. */
const KIND = { rule: 'rule', free: 'free' } as const;

/** What is wrong with how a door ends what it opens. */
export function closingProblems(config: Config): (one: NamedDoor) => string[] {
  const closers = closersOf(config);
  const undoers = new Undoers(config);
  return (one) => problemsOf(one, config, closers.get(one.name) ?? [], undoers);
}

function problemsOf(
  { name, door }: NamedDoor,
  config: Config,
  closers: readonly DoorConfig[],
  undoers: Undoers,
): string[] {
  const problems: string[] = [];
  if (door.open !== null && door.open.forUs === null && !isClosed(door, config, closers))
    problems.push('open: has no for:, and no door closes it, so the port stays open for good');
  const families = familiesOf(door, config);
  const commands = families.map((family) => commandsFor(door, family));
  if (commands.some(({ start, stop }) => stop === '' && opens(start) && !undoers.mayUndo(name, start)))
    problems.push('nothing in it ends the opening, give it a stop_command');
  if (commands.some(({ start, stop }) => undoesAnother(start, stop)))
    problems.push('its stop_command does not delete the rule that its start_command adds, so that stays');
  const runsBoth = commands.some(({ start, stop }) => start !== '' && stop !== '');
  if (runsBoth && door.cmdTimeoutUs === 0)
    problems.push('cmd_timeout is 0, so stop_command runs as soon as start_command has ended');
  return problems;
}

/** The commands that run for a client of this family; empty for none. */
function commandsFor(door: DoorConfig, family: Family): { readonly start: string; readonly stop: string } {
  const { startCommand, startCommand6, stopCommand, stopCommand6 } = door;
  const start = family === 6 ? (startCommand6 ?? startCommand) : startCommand;
  const stop = family === 6 ? (stopCommand6 ?? stopCommand) : stopCommand;
  return { start: start ?? '', stop: stop ?? '' };
}

/** The doors with `close:`, by what they close. */
function closersOf({ doors }: Config): ReadonlyMap<string, readonly DoorConfig[]> {
  const closers = new Map<string, DoorConfig[]>();
  for (const door of doors.values()) {
    if (door.close === null) continue;
    const others = closers.get(door.close);
    if (others === undefined) closers.set(door.close, [door]);
    else others.push(door);
  }
  return closers;
}

/** Whether something closes what `open:` has opened. */
function isClosed(door: DoorConfig, config: Config, closers: readonly DoorConfig[]): boolean {
  return config.firewall.flush !== null || closers.some((closer) => shareClients(closer, door, config));
}

function opens(command: string): boolean {
  return TOOLS.some(([opens]) => opens.test(command)) && !ENDS_BY_ITSELF.test(command) && !closes(command);
}

function closes(command: string): boolean {
  return TOOLS.some(([, closes]) => closes.test(command));
}

/** What the commands of all doors may take back. */
class Undoers {
  /** The first two doors that have a command which does a thing. */
  readonly #doing = new Map<string, string[]>();

  constructor({ doors }: Config) {
    for (const [name, { startCommand, startCommand6, stopCommand, stopCommand6 }] of doors) {
      for (const command of new Set([startCommand, startCommand6, stopCommand, stopCommand6]))
        if (command !== null && command !== '') this.#add(name, command);
    }
  }

  /** Whether a command of another door may take back what this one has done. */
  mayUndo(name: string, start: string): boolean {
    const rule = readRuleForm(start);
    const tools = TOOLS.flatMap(([opens], tool) => (opens.test(start) ? [tool] : []));
    const deletes = rule === null ? [] : [`delete ${ruleKey(rule)}`];
    // A command of which the rule is known is no more than that rule, where the other's is known, too.
    const kinds = rule === null ? [KIND.rule, KIND.free] : [KIND.free];
    const others = kinds.flatMap((kind) => [`${kind} maybe`, ...tools.map((tool) => `${kind} ${tool}`)]);
    return [...deletes, ...others].some((what) => this.#doing.get(what)?.some((door) => door !== name));
  }

  #add(name: string, command: string): void {
    const form = readRuleForm(command);
    if (form?.verb === 'delete') this.#note(`delete ${ruleKey(form)}`, name);
    const kind = form === null ? KIND.free : KIND.rule;
    TOOLS.forEach(([, closes], tool) => {
      if (closes.test(command)) this.#note(`${kind} ${tool}`, name);
    });
    const isKnown = TOOLS.some(([opens, closes]) => opens.test(command) || closes.test(command));
    if (!isKnown && MAY_CLOSE.test(`${name} ${command}`)) this.#note(`${kind} maybe`, name);
  }

  #note(what: string, name: string): void {
    const doors = this.#doing.get(what) ?? [];
    if (doors.length < 2 && !doors.includes(name)) doors.push(name);
    this.#doing.set(what, doors);
  }
}

/** Whether a stop command is for another rule than the one that the start command adds. */
function undoesAnother(start: string, stop: string): boolean {
  const [added, removed] = [readRuleForm(start), readRuleForm(stop)];
  if (added === null || added.verb !== 'add') return false;
  if (removed !== null)
    return removed.verb !== 'delete' || removed.family !== added.family || !sameRule(added, removed);
  return deletesOneRule(stop);
}
