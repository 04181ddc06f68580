/** Finds start commands whose rule comes after one that drops the packets that it is to let in. */

import { type RuleForm, readRuleForm } from '../../config/iptables-form.ts';
import type { Config } from '../../config/schema.ts';
import type { PacketFilter } from '../../firewall/stages.ts';
import { walk } from '../../firewall/walk.ts';
import { TCP_FLAGS, US_PER_SECOND } from '../../model.ts';
import { type Finding, fail, ok } from './finding.ts';

/** The chain in which such commands make their rule. */
const CHAIN = 'INPUT';
/** What a door without a stop command is open for when it gets an `open:`. */
const USUAL_SECONDS = 30;

interface Start {
  readonly door: string;
  readonly key: 'start_command' | 'start_command_6';
  readonly command: string;
  readonly rule: RuleForm;
  readonly seconds: number;
}

/** Nothing where no door has such a command for this family. */
export function checkLateStarts(
  { family, iptables }: PacketFilter,
  { doors, interface: name }: Pick<Config, 'doors' | 'interface'>,
  interfaces: readonly string[],
): readonly Finding[] {
  const check = `start commands, IPv${family}`;
  const starts = startsIn(doors).filter(({ rule }) => rule.family === family);
  if (iptables === null || starts.length === 0) return [];
  const late = starts.flatMap((start): Finding[] => {
    const { proto, port, to, at } = start.rule;
    const { end } = walk(iptables, CHAIN, {
      ...{ family, proto, port, to, flags: TCP_FLAGS.SYN, length: null, from: 'stranger' },
      interface: name ?? (interfaces.length > 0 ? interfaces : null),
    });
    const isLate = end.verdict === 'drop' && end.at !== null && (at === null || at - 1 > end.at);
    if (!isLate) return [];
    const what =
      `door ${start.door}: the rule that its ${start.key} adds comes too late: ` +
      `${end.rule?.text ?? CHAIN} is before it`;
    return [fail(check, what, remedyFor(start))];
  });
  return late.length > 0 ? late : [ok(check, 'their rules come before any rule that drops the packets')];
}

function startsIn(doors: Config['doors']): readonly Start[] {
  return [...doors].flatMap(([door, { startCommand, startCommand6, stopCommand, cmdTimeoutUs }]) => {
    const seconds = stopCommand === null ? USUAL_SECONDS : Math.ceil(cmdTimeoutUs / US_PER_SECOND);
    const commands = [
      ['start_command', startCommand],
      ['start_command_6', startCommand6],
    ] as const;
    return commands.flatMap(([key, command]): Start[] => {
      const rule = command === null ? null : readRuleForm(command);
      return command === null || rule?.verb !== 'add' ? [] : [{ door, key, command, rule, seconds }];
    });
  });
}

function remedyFor({ key, command, rule, seconds }: Start): string {
  const { port, proto, to } = rule;
  const first = command
    .replace(/(\s)(?:-A|--append)\s/, '$1-I ')
    .replace(/(\s(?:-I|--insert)\s+INPUT)\s+\d+/, '$1');
  const opens = `{ port: ${port}, proto: ${proto},${to === null ? '' : ` to: ${to},`} for: ${seconds}s }`;
  return `write ${key}: ${first}, or in place of the commands open: ${opens}`;
}
