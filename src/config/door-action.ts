/** Finds what the commands of a door open and close, if that is all they do. */

import type { Micros } from '../model.ts';
import { mayDelete, type RuleForm, readRuleForm, ruleKey, sameRule } from './iptables-form.ts';
import type { Config, DoorConfig } from './schema.ts';

/** What takes the place of a door's commands. */
export type Action =
  | { readonly open: RuleForm; readonly forUs: Micros | null }
  /** The door whose opening is taken away. */
  | { readonly close: string };

/** Which doors do no more than open or close a port: all those of one rule, or none of them. */
export function actionsOf({ doors }: Config): ReadonlyMap<string, Action> {
  const forms = [...doors].map(([name, door]) => ({ name, door, form: ownRule(door) }));
  const actions = new Map<string, Action>();
  const byRule = new Map<string, typeof forms>();
  for (const each of forms) {
    if (each.form === null) continue;
    const key = ruleKey(each.form);
    const others = byRule.get(key);
    if (others === undefined) byRule.set(key, [each]);
    else others.push(each);
  }
  // A command that may take away what another door has added would not find it any more.
  if (forms.some(({ door, form }) => form === null && commandsOf(door).some(mayDelete))) return actions;
  for (const { name, door, form } of forms) {
    if (form === null) continue;
    const others = byRule.get(ruleKey(form)) ?? [];
    const [opener, ...more] = others.filter(({ form }) => form?.verb === 'add');
    // Several doors that open one port have an opening each, and a door closes that of one other alone.
    const isClear =
      opener !== undefined && (more.length === 0 || others.every(({ form }) => form?.verb === 'add'));
    if (!isClear) continue;
    const forUs = door.stopCommand === null ? null : door.cmdTimeoutUs;
    actions.set(name, form.verb === 'add' ? { open: form, forUs } : { close: opener.name });
  }
  return actions;
}

/** The rule that a door adds or deletes, when its commands do just that, for both families alike; else null. */
function ownRule({
  startCommand,
  stopCommand,
  startCommand6,
  stopCommand6,
  cmdTimeoutUs,
}: DoorConfig): RuleForm | null {
  const start = startCommand === null ? null : readRuleForm(startCommand);
  if (start === null || start.family !== 4) return null;
  const is = (command: string | null, verb: RuleForm['verb'], family: number): boolean => {
    const form = command === null ? null : readRuleForm(command);
    return form !== null && form.verb === verb && form.family === family && sameRule(form, start);
  };
  const fitsStop =
    stopCommand === null || (start.verb === 'add' && cmdTimeoutUs > 0 && is(stopCommand, 'delete', 4));
  const fitsStart6 = startCommand6 === null || is(startCommand6, start.verb, 6);
  const fitsStop6 = stopCommand6 === null || (stopCommand !== null && is(stopCommand6, 'delete', 6));
  const alike6 = (startCommand6 === null) === (stopCommand6 === null) || stopCommand === null;
  return fitsStop && fitsStart6 && fitsStop6 && alike6 ? start : null;
}

function commandsOf({ startCommand, stopCommand, startCommand6, stopCommand6 }: DoorConfig): string[] {
  return [startCommand, stopCommand, startCommand6, stopCommand6].filter((command) => command !== null);
}
