/** Checks whether the ports of doors can be reached without a knock, over one family. */

import { KnocktailError } from '../../errors.ts';
import { nftDeletion } from '../../firewall/nft-ruleset.ts';
import type { PacketFilter } from '../../firewall/stages.ts';
import { portOf, type StrangerProbe } from '../setup/probes.ts';
import { commandsOf, type DoorExposure, exposures, planShut, type ShutSettings } from '../setup/shut.ts';
import { type Finding, fail, ok, skip, warn } from './finding.ts';

const SHUT_COMMAND = 'knocktail rules --shut';

/** A port that everyone reaches. */
export interface OpenPort {
  readonly probe: StrangerProbe;
  /** The rule or policy that lets everyone in. */
  readonly by: string;
  /** What shuts it, as commands that can be typed; empty where that is not known. */
  readonly commands: readonly string[];
}

/**
 * One finding for each door that is not plainly shut, and one for all others.
 *
 * @param strangers those of the doors, from someone who has not knocked
 * @param tool the name of the iptables of this family
 */
export function checkShut(
  filter: PacketFilter,
  settings: ShutSettings,
  strangers: readonly StrangerProbe[],
  tool: string,
): readonly Finding[] {
  const check = `shut, IPv${filter.family}`;
  if (strangers.length === 0) return [];
  const found = exposures(filter, settings, strangers);
  if (found.length === 0) return [skip(check, `none of ${settings.hooks.join(', ')} is there`)];
  const open = openPorts(filter, settings, strangers, tool);
  const bad = strangers.flatMap((probe): Finding[] => {
    const wide = open.find((each) => each.probe === probe);
    if (wide !== undefined) return [fail(check, opennessOf(wide), remedyFor(wide))];
    return checkDoor(
      check,
      probe,
      found.filter((each) => each.probe === probe),
    );
  });
  return bad.length > 0 ? bad : [ok(check, `nobody reaches ${portsOf(strangers)} without a knock`)];
}

/** The ports of doors that everyone reaches. */
export function openPorts(
  filter: PacketFilter,
  settings: ShutSettings,
  strangers: readonly StrangerProbe[],
  tool: string,
): readonly OpenPort[] {
  return strangers.flatMap((probe) => {
    const all = exposures(filter, settings, [probe]).flatMap(({ exposure }) => exposure.all);
    const [first] = all;
    if (first === undefined) return [];
    return [{ probe, by: first.text, commands: commandsFor(filter, settings, probe, tool) }];
  });
}

/** What is said of a port that everyone reaches. */
export function opennessOf({ probe, by }: Pick<OpenPort, 'probe' | 'by'>): string {
  return `door ${probe.door}: everyone reaches ${portOf(probe)} without a knock: ${by}`;
}

function remedyFor({ commands }: OpenPort): string {
  if (commands.length === 0) return SHUT_COMMAND;
  const typed = commands.join(' && ');
  return commands.every((command) => command.startsWith('nft ')) ? typed : `${SHUT_COMMAND}, or: ${typed}`;
}

function commandsFor(
  filter: PacketFilter,
  settings: ShutSettings,
  probe: StrangerProbe,
  tool: string,
): readonly string[] {
  const { iptables } = filter;
  if (iptables === null) {
    const ways = exposures(filter, settings, [probe]).flatMap(({ exposure }) => exposure.all);
    return ways.flatMap(({ text }) => nftDeletion(text) ?? []);
  }
  try {
    return commandsOf(planShut({ ...filter, iptables }, settings, [probe]).changes, tool);
  } catch (error) {
    if (error instanceof KnocktailError) return [];
    throw error;
  }
}

/** A port that some may reach. */
function checkDoor(check: string, probe: StrangerProbe, found: readonly DoorExposure[]): Finding[] {
  const door = `door ${probe.door}`;
  const port = portOf(probe);
  const [queue] = found.flatMap(({ exposure }) => exposure.queue ?? []);
  if (queue !== undefined)
    return [skip(check, `${door}: another program decides who reaches ${port}: ${queue.text}`)];
  const [unclear] = found.flatMap(({ exposure }) => exposure.unclear);
  if (unclear !== undefined)
    return [
      warn(
        check,
        `${door}: ${port} may be reached without a knock: ${unclear.text}`,
        'see whether that rule takes packets of strangers',
      ),
    ];
  const some = found.flatMap(({ exposure }) => exposure.some);
  if (some.length === 0) return [];
  const others = probe.interface === null ? 'for some' : 'over other interfaces';
  const whom = some.map(({ rule, text }) => `${whoIn(rule?.spec ?? []) || others}: ${text}`);
  const [first = '', ...rest] = [...new Set(whom)];
  const more =
    rest.length === 0 ? '' : `, and by ${rest.length} more ${rest.length === 1 ? 'rule' : 'rules'}`;
  return [ok(check, `${door}: ${port} is reachable without a knock only ${first}${more}`)];
}

/** Whom a rule is for, by its networks and interfaces; empty where it names none. */
function whoIn(spec: readonly string[]): string {
  const words = spec.flatMap((word, at) => {
    const value = spec[at + 1] ?? '';
    const but = spec[at - 1] === '!' ? 'all but ' : '';
    if (word === '-s' || word === '--src-range') return [`from ${but}${value}`];
    if (word === '--match-set') return [`from ${but}the set ${value}`];
    return word === '-i' && but === '' ? [`over ${value}`] : [];
  });
  return words.join(' ');
}

function portsOf(probes: readonly StrangerProbe[]): string {
  return [...new Set(probes.map(portOf))].join(', ');
}
