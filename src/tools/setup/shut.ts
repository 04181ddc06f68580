/** Plans how to shut the ports of doors to all who have not knocked: which rules go, and where the drop goes. */

import { EXIT, KnocktailError } from '../../errors.ts';
import { type Exposure, entryOf, exposureOf, namesPort, type WayIn } from '../../firewall/exposure.ts';
import { chainFrom } from '../../firewall/iptables-chains.ts';
import { argvOf, type Change } from '../../firewall/operation.ts';
import type { PacketFilter } from '../../firewall/stages.ts';
import { targetOf } from '../../firewall/target.ts';
import { type Chains, walk } from '../../firewall/walk.ts';
import { familyOf } from '../../lib/address.ts';
import { commandLine } from '../../lib/shell-quote.ts';
import { chainNames, type Spec } from './chains.ts';
import { portOf, type StrangerProbe } from './probes.ts';
import { establishedProbe } from './sessions.ts';

/** The rules of one family, which iptables can read. */
export interface IptablesFilter extends PacketFilter {
  readonly iptables: Chains;
}

export interface ShutSettings {
  readonly chain: string;
  readonly hooks: readonly string[];
}

export interface ShutPlan {
  readonly changes: readonly Change[];
  /** What is found, and what a person should know. */
  readonly told: readonly string[];
  /** The rules as they will be. */
  readonly filter: IptablesFilter;
}

/** Who reaches the port of a door by one hook. */
export interface DoorExposure {
  readonly hook: string;
  readonly probe: StrangerProbe;
  readonly exposure: Exposure;
}

/** Makes a rule ours beyond doubt, so that it can be deleted by its words. */
const COMMENT = 'knocktail-shut';
const MARK: Spec = ['-m', 'comment', '--comment', COMMENT];
const ACCEPT_ESTABLISHED: Spec = [
  '-m',
  'conntrack',
  '--ctstate',
  'RELATED,ESTABLISHED',
  ...MARK,
  '-j',
  'ACCEPT',
];
/** Chains of programs that write their rules again: ufw, firewalld, Docker, fail2ban, libvirt, Kubernetes, podman, Shorewall's. */
const MANAGED =
  /^(?:ufw6?-|DOCKER|f2b-|IN_|FWD|FWI|FWO|INPUT_|FORWARD_|LIBVIRT_|KUBE-|CNI-|NETAVARK|net-fw|net2fw)/;
const MOST_STEPS = 1_000;

/** Whether a rule was made to shut a port. */
export function isShut(spec: Spec): boolean {
  return spec[spec.indexOf('--comment') + 1] === COMMENT;
}

/**
 * What each hook lets strangers do at the port of each door.
 *
 * A door without `to:` may be for this host or for one behind it. Where both kinds of hook are configured, only rules for its
 * port tell which, so a policy that accepts, or a rule for any port, does not count.
 */
export function exposures(
  filter: PacketFilter,
  { chain, hooks }: ShutSettings,
  strangers: readonly StrangerProbe[],
): readonly DoorExposure[] {
  const present = filter.iptables === null ? hooks : hooks.filter((hook) => filter.iptables?.has(hook));
  const isForHost = (hook: string): boolean => entryOf(filter.iptables, hook) === 'INPUT';
  const isMixed = present.some(isForHost) && !present.every(isForHost);
  return strangers.flatMap((probe) =>
    present
      .filter((hook) => probe.to === null || !isMixed || !isForHost(hook))
      .map((hook) => {
        const exposure = exposureOf(filter, hook, chain, probe);
        const all = exposure.all.filter((way) => !isMixed || probe.to !== null || namesPort(way, probe));
        return { hook, probe, exposure: { ...exposure, all } };
      }),
  );
}

/** @throws KnocktailError 69 where no rule of iptables would shut a port */
export function planShut(
  filter: IptablesFilter,
  settings: ShutSettings,
  strangers: readonly StrangerProbe[],
): ShutPlan {
  const draft = new Draft(filter);
  const told: string[] = [];
  const before = exposures(filter, settings, strangers);
  for (const { hook, probe } of before) {
    let hasDrop = false;
    for (let step = 0; ; step++) {
      const found = exposures(draft.filter, settings, [probe]);
      const way = found.find((each) => each.hook === hook)?.exposure.all[0];
      if (way === undefined) break;
      if (hasDrop || step >= MOST_STEPS) throw unshuttable(probe, way);
      told.push(`${portOf(probe)} is open to everyone: ${way.text}`);
      hasDrop = !draft.narrow(way, probe);
      if (hasDrop) draft.drop(hook, probe, way, settings.chain);
    }
  }
  for (const hook of settings.hooks) if (draft.has(hook)) draft.keepEstablished(hook, strangers);
  const after = exposures(draft.filter, settings, strangers);
  for (const [index, { probe, exposure }] of before.entries()) {
    const left = after[index]?.exposure.some.map(({ text }) => text) ?? [];
    for (const { text } of exposure.some)
      if (!left.includes(text) && exposure.all.length > 0)
        told.push(`${portOf(probe)}: ${text} comes after the drop, so whom it let in has to knock`);
  }
  for (const { probe, exposure } of after) {
    const doubtful = [...exposure.unclear, ...(exposure.queue === null ? [] : [exposure.queue])];
    for (const { text } of doubtful)
      told.push(`${portOf(probe)} may still be reached without a knock by ${text}, which stays`);
  }
  return { changes: draft.changes, told: [...new Set(told)], filter: draft.filter };
}

/** The changes as commands that can be typed. */
export function commandsOf(changes: readonly Change[], tool: string): readonly string[] {
  return changes.map((change) => commandLine([tool, ...argvOf(change)]));
}

/** The rules as they will be once the changes so far are made. */
class Draft {
  readonly changes: Change[] = [];
  readonly #base: IptablesFilter;
  readonly #rules = new Map<string, readonly Spec[]>();

  constructor(filter: IptablesFilter) {
    this.#base = filter;
    for (const [name, { rules }] of filter.iptables)
      this.#rules.set(
        name,
        rules.map(({ spec }) => spec),
      );
  }

  get filter(): IptablesFilter {
    const iptables = new Map(
      [...this.#rules].map(([name, specs]) => [
        name,
        chainFrom(name, specs, this.#base.iptables.get(name)?.policy ?? null),
      ]),
    );
    return { ...this.#base, iptables };
  }

  has(chain: string): boolean {
    return this.#rules.has(chain);
  }

  /** Takes the port out of the rule, or the rule away. False where that is not for us, or would shut other ports. */
  narrow({ rule, chain }: WayIn, probe: StrangerProbe): boolean {
    const rest = rule === null || MANAGED.test(chain) ? null : withoutPort(rule.spec, probe);
    if (rule === null || rest === null) return false;
    const at = this.#delete(chain, rule.spec);
    if (rest.length > 0) this.#insert(chain, at, rest);
    return true;
  }

  /** Puts a drop before what lets the packet in, and after the jumps that openings and knocks take. */
  drop(hook: string, probe: StrangerProbe, way: WayIn, chain: string): void {
    const { iptables } = this.filter;
    const isEntry = entryOf(iptables, hook) === hook;
    const at = isEntry ? way.at : walk(iptables, hook, probe).end.at;
    let place = at ?? this.#specs(hook).length;
    for (const name of [chain, chainNames(chain).log]) {
      const found = this.#specs(hook).findIndex((spec) => targetOf(spec) === name);
      const jump = this.#specs(hook)[found];
      if (jump === undefined || found < place) continue;
      this.#delete(hook, jump);
      this.#insert(hook, place, jump);
      place++;
    }
    for (const spec of this.#drops(hook, probe)) this.#insert(hook, place, spec);
  }

  /** Accepts established connections ahead of the rule that would cut them; bans before that still do. */
  keepEstablished(hook: string, openings: readonly StrangerProbe[]): void {
    for (const opening of openings) {
      const { verdict, at } = walk(this.filter.iptables, hook, establishedProbe(opening)).end;
      if (verdict !== 'drop') continue;
      this.#insert(hook, at ?? this.#specs(hook).length, ACCEPT_ESTABLISHED);
    }
  }

  /** Never for the loopback; of what is forwarded, for what comes from outside alone, as hosts behind this one reach others. */
  #drops(hook: string, { proto, port, to, interface: names }: StrangerProbe): Spec[] {
    const known = names === null ? [] : [names].flat();
    const isForHost = entryOf(this.filter.iptables, hook) === 'INPUT';
    const isOne = typeof names === 'string';
    const sides: readonly Spec[] = isForHost
      ? [isOne ? ['-i', names] : ['!', '-i', 'lo']]
      : known.length > 0
        ? known.map((name) => ['-i', name])
        : [[]];
    return sides.map((side) => [
      ...(to === null ? [] : ['-d', `${to}/${familyOf(to) === 4 ? 32 : 128}`]),
      ...side,
      ...['-p', proto, '-m', proto, '--dport', String(port), ...MARK, '-j', 'DROP'],
    ]);
  }

  #specs(chain: string): readonly Spec[] {
    return this.#rules.get(chain) ?? [];
  }

  /** @param at an index, from 0 */
  #insert(chain: string, at: number, spec: Spec): void {
    this.changes.push({ op: 'insert', chain, at: at + 1, spec });
    this.#rules.set(chain, this.#specs(chain).toSpliced(at, 0, spec));
  }

  /** @returns the index that it had */
  #delete(chain: string, spec: Spec): number {
    this.changes.push({ op: 'delete', chain, spec });
    const at = this.#specs(chain).findIndex((other) => JSON.stringify(other) === JSON.stringify(spec));
    this.#rules.set(chain, this.#specs(chain).toSpliced(at, 1));
    return at;
  }
}

/** The rule without the port; empty where it is for that port alone, null where its words do not tell. */
export function withoutPort(spec: Spec, { port }: StrangerProbe): Spec | null {
  const at = spec.findIndex((word) => word === '--dport' || word === '--dports');
  if (at < 0 || spec[at - 1] === '!') return null;
  const ports = (spec[at + 1] ?? '').split(',');
  const left = ports.filter((each) => each !== String(port));
  if (left.length === ports.length) return null;
  return left.length === 0 ? [] : spec.with(at + 1, left.join(','));
}

function unshuttable(probe: StrangerProbe, { text }: WayIn): KnocktailError {
  return new KnocktailError('stays open whatever knocktail drops', {
    exitCode: EXIT.UNAVAILABLE,
    where: `door ${probe.door}`,
    value: `${portOf(probe)}, ${text}`,
    remedy: 'change that rule by hand',
  });
}
