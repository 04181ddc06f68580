/** Says which doors stay open for good: those that open something which nothing closes. */

import type { Family } from '../model.ts';
import { deletesOneRule, readRuleForm, sameRule } from './iptables-form.ts';
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

/** What is wrong with how a door ends what it opens. */
export function closingProblems(name: string, config: Config): string[] {
  const door = config.doors[name];
  if (door === undefined) return [];
  const problems: string[] = [];
  if (door.open !== null && door.open.forUs === null && !isClosed(name, door, config))
    problems.push('open: has no for:, and no door closes it, so the port stays open for good');
  const families = familiesOf(door, config);
  const commands = families.map((family) => commandsFor(door, family));
  if (commands.some(({ start, stop }) => stop === '' && opens(start) && !isUndone(name, start, config)))
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

/** Whether something closes what `open:` has opened. */
function isClosed(name: string, door: DoorConfig, config: Config): boolean {
  const closers = Object.values(config.doors).filter(({ close }) => close === name);
  return config.firewall.flush !== null || closers.some((closer) => shareClients(closer, door, config));
}

function opens(command: string): boolean {
  return TOOLS.some(([opens]) => opens.test(command)) && !ENDS_BY_ITSELF.test(command) && !closes(command);
}

function closes(command: string): boolean {
  return TOOLS.some(([, closes]) => closes.test(command));
}

/** Whether a command of another door may take back what this one has done. */
function isUndone(name: string, start: string, { doors }: Config): boolean {
  const rule = readRuleForm(start);
  const tools = TOOLS.filter(([opens]) => opens.test(start));
  return Object.entries(doors).some(([other, door]) => {
    if (other === name) return false;
    const { startCommand, startCommand6, stopCommand, stopCommand6 } = door;
    return [startCommand, startCommand6, stopCommand, stopCommand6].some((command) => {
      if (command === null || command === '') return false;
      const form = readRuleForm(command);
      if (rule !== null && form !== null) return form.verb === 'delete' && sameRule(form, rule);
      if (tools.some(([, closes]) => closes.test(command))) return true;
      const isKnown = TOOLS.some(([opens, closes]) => opens.test(command) || closes.test(command));
      return !isKnown && MAY_CLOSE.test(`${other} ${command}`);
    });
  });
}

/** Whether a stop command is for another rule than the one that the start command adds. */
function undoesAnother(start: string, stop: string): boolean {
  const [added, removed] = [readRuleForm(start), readRuleForm(stop)];
  if (added === null || added.verb !== 'add') return false;
  if (removed !== null)
    return removed.verb !== 'delete' || removed.family !== added.family || !sameRule(added, removed);
  return deletesOneRule(stop);
}
