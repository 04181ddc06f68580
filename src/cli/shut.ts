/** `knocktail rules --shut`: shuts the ports of doors to all who have not knocked, unless that would shut them for good. */

import { requireTrusted } from '../config/config-trust.ts';
import { OneTimeDoors } from '../config/one-time-doors.ts';
import type { Config } from '../config/schema.ts';
import { daemonOf } from '../daemon/state-lock.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import { settleBinaries } from '../firewall/backend.ts';
import type { Io } from '../lib/io.ts';
import { findProgram } from '../lib/permissions.ts';
import { checkChain } from '../tools/doctor/chain.ts';
import { checkDaemon } from '../tools/doctor/daemons.ts';
import { type FamilyFilter, readFilter, readNftHere } from '../tools/doctor/filters.ts';
import { hasIpv6, outsideInterfaces, outsideOf, processes } from '../tools/doctor/host.ts';
import { deafDoors, deafness } from '../tools/doctor/log-rules.ts';
import { openingProbes, portOf, strangerProbes } from '../tools/setup/probes.ts';
import { commandsOf, type IptablesFilter, planShut, type ShutPlan } from '../tools/setup/shut.ts';
import { confirm, requireNonePending } from './confirmation.ts';
import { type ShutFamily, ShutGuard, shutForGood } from './shut-guard.ts';
import { type SequencesOf, sequencesBy } from './watched-by.ts';

const APPLY = 'knocktail rules --apply';
/** Longer than anyone waits, and shorter than what a timer takes. */
export const MOST_SECONDS = 3_600;
const USUAL_SECONDS = 60;

export interface ShutRequest {
  readonly config: Config;
  readonly path: string;
  /** What was given with --confirm: a number of seconds, true for a bare option, undefined for none. */
  readonly confirm: number | true | undefined;
  /** Completes a command in a message. */
  readonly typed: (message: string) => string;
}

interface Planned {
  readonly name: string;
  readonly family: ShutFamily;
  readonly plan: ShutPlan;
}

/** @throws KnocktailError where a door could not be opened afterwards, or the rules cannot be changed */
export async function shut(request: ShutRequest, io: Io): Promise<void> {
  const { config, path, typed } = request;
  const tell = (text: string): unknown => io.stdout.write(`${text}\n`);
  const seconds = secondsOf(request.confirm, io);
  await requireSound(path, config);
  requireNonePending(config.state);
  const planned = await planAll(config, tell);
  const families = planned.map(({ family }) => family).filter(({ changes }) => changes.length > 0);
  for (const { name, plan } of planned) for (const text of plan.told) tell(`${name}: ${text}`);
  if (families.length === 0) {
    tell(`nothing to do: no rule and no policy lets everyone reach ${portsOf(config)}`);
    io.finish(EXIT.OK);
    return;
  }
  await requireDaemon(seconds, config, io);
  for (const { name, plan } of planned) for (const command of commandsOf(plan.changes, name)) tell(command);
  if (seconds === 0) {
    await shutForGood(families);
    tell(`shut: ${portsOf(config)}`);
    tell(howToKeep());
    io.finish(EXIT.OK);
    return;
  }
  const order = { families, limitMs: seconds * 1_000, folder: config.state };
  await waitForWord(order, { config, typed, tell }, io);
}

/** For `rules --confirm`. */
export async function confirmShut(config: Config, io: Io): Promise<void> {
  await confirm(config.state);
  io.stdout.write(`confirmed: what was shut stays shut\n${howToKeep()}\n`);
  io.finish(EXIT.OK);
}

async function waitForWord(
  order: ConstructorParameters<typeof ShutGuard>[0],
  {
    config,
    typed,
    tell,
  }: {
    readonly config: Config;
    readonly typed: (text: string) => string;
    readonly tell: (text: string) => unknown;
  },
  io: Io,
): Promise<void> {
  const isTyped = isTerminal(io);
  const guard = new ShutGuard(order, (until) => {
    tell(`\nshut: ${portsOf(config)}. All of it is undone at ${until} unless you confirm it.`);
    tell('Keep this session. In a second terminal, knock and log in; that has to work.');
    const here = isTyped ? 'Then type y and Enter here, or run there: ' : 'Then run there: ';
    tell(typed(`${here}knocktail rules --confirm`));
    if (isTyped) tell('To undo it now, type n and Enter.');
  });
  const interrupt = (): void => guard.undo();
  io.signal.addEventListener('abort', interrupt);
  const hear = (text: unknown): void => {
    const line = String(text).trim();
    if (/^y(es)?$/im.test(line)) guard.confirm();
    else if (/^no?$/im.test(line)) guard.undo();
    else if (line !== '') tell('Type y to keep it shut, or n to undo it now.');
  };
  // A terminal that hangs up is no reason to end: somebody may confirm from elsewhere.
  const ignore = (): void => undefined;
  if (isTyped) io.stdin.on('data', hear).on('error', ignore);
  const end = await guard.ended;
  io.signal.removeEventListener('abort', interrupt);
  if (isTyped) io.stdin.off('data', hear).pause();
  switch (end.is) {
    case 'confirmed':
      tell('confirmed: what was shut stays shut');
      tell(howToKeep());
      io.finish(EXIT.OK);
      break;
    case 'undone':
      tell(`undone, as ${end.why}: the rules are as they were`);
      io.finish(EXIT.NO_MATCH);
      break;
    case 'stuck':
      throw new KnocktailError('some changes could not be undone', {
        exitCode: EXIT.UNAVAILABLE,
        value: end.why,
        remedy: 'undo those that are printed above by hand',
      });
  }
}

/** Without a terminal nobody can press a key, so what is meant has to be said. */
function secondsOf(given: ShutRequest['confirm'], io: Io): number {
  if (given === true) return USUAL_SECONDS;
  if (given !== undefined) return given;
  if (isTerminal(io)) return USUAL_SECONDS;
  throw new KnocktailError('there is no terminal to confirm at', {
    exitCode: EXIT.USAGE,
    where: '--shut',
    remedy: 'add --confirm 60 and confirm from a new login, or --confirm 0 to do without',
  });
}

function isTerminal({ stdin }: Io): boolean {
  return 'isTTY' in stdin && stdin.isTTY === true;
}

/** What `knocktail check` refuses, and what opens no door. */
async function requireSound(path: string, config: Config): Promise<void> {
  requireTrusted(path, config);
  const [usedUp] = (await new OneTimeDoors().fill(config)).filter((notice) => notice.isUsedUp);
  if (usedUp !== undefined)
    throw refused(`door ${usedUp.door}: ${usedUp.text}`, 'add sequences to its file first');
  if (config.firewall.backend === 'dry-run')
    throw refused('firewall.backend is dry-run, so no door would open', `edit ${path}`);
  if ([...config.doors.values()].every(({ open }) => open === null))
    throw refused('no door has an open:, so there is no port to shut', `edit ${path}`);
}

async function planAll(config: Config, tell: (text: string) => void): Promise<readonly Planned[]> {
  const { iptables, chain, hooks } = config.firewall;
  const programs = await settleBinaries(iptables, process.env['PATH'] ?? '', chain);
  for (const text of programs.told) tell(text);
  const sequencesOf = await sequencesBy(config);
  const nft = await readNftHere();
  const planned: Planned[] = [];
  for (const family of [4, 6] as const) {
    if (family === 6 && !hasIpv6()) continue;
    const read = await readFilter(family, programs, [...hooks, chain], nft);
    const filter = readable(read, tell);
    if (filter === null) continue;
    requireOpenable(filter, config, sequencesOf, 'before');
    const plan = planShut(filter, config.firewall, strangerProbes(config, family, outsideOf(family)));
    requireOpenable(plan.filter, config, sequencesOf, 'after');
    const changed = new Set(plan.changes.map((change) => change.chain));
    const expected = [...changed].map(
      (name) => [name, (filter.iptables.get(name)?.rules ?? []).map(({ spec }) => spec)] as const,
    );
    const program = family === 4 ? programs.v4 : (programs.v6 ?? '');
    const name = read.iptables?.name ?? program;
    planned.push({ name, plan, family: { program, changes: plan.changes, expected } });
  }
  return planned;
}

/** @throws KnocktailError for IPv4; for IPv6, where the doors of many hosts have nothing to shut, it is told */
function readable({ filter, trouble }: FamilyFilter, tell: (text: string) => void): IptablesFilter | null {
  const { family, iptables } = filter;
  if (iptables !== null) return { ...filter, iptables };
  const why = trouble?.complaint ?? 'there is no ip6tables';
  if (family === 4 && trouble !== null) throw trouble;
  tell(`IPv${family} stays as it is: ${why}`);
  return null;
}

/** @throws KnocktailError 69 where some door could not be opened by a knock */
function requireOpenable(
  filter: IptablesFilter,
  config: Config,
  sequencesOf: SequencesOf,
  when: 'before' | 'after',
): void {
  const openings = openingProbes(config, filter.family, outsideInterfaces(filter.family));
  const remedy = when === 'before' ? APPLY : 'shut the port by hand';
  if (openings.length > 0) {
    const { status, detail } = checkChain(filter, { ...config.firewall, manage: false }, openings, null);
    if (status !== 'ok') throw refused(`over IPv${filter.family}, ${detail}`, remedy);
  }
  const [deaf] = deafDoors(filter, config, sequencesOf);
  if (deaf !== undefined) throw refused(deafness(deaf, [filter.family]), remedy);
}

/** One whose state folder is not seen here may run elsewhere, so only what cannot be undone is refused. */
async function requireDaemon(seconds: number, { state }: Config, { stderr }: Io): Promise<void> {
  const { status, detail } = checkDaemon(processes(), await daemonOf(state));
  if (status === 'ok') return;
  if (seconds === 0) throw refused(detail, 'start it first: systemctl start knocktail, or knocktail run');
  stderr.write(`warning: ${detail}\n`);
}

function refused(what: string, remedy: string): KnocktailError {
  return new KnocktailError(`nothing is shut: ${what}`, { exitCode: EXIT.UNAVAILABLE, remedy });
}

function portsOf(config: Config): string {
  const probes = ([4, 6] as const).flatMap((family) =>
    strangerProbes(config, family, { known: [], sure: [] }),
  );
  return [...new Set(probes.map(portOf))].join(', ');
}

/** The kernel forgets rules at a reboot. */
function howToKeep(): string {
  const isThere = findProgram('netfilter-persistent', process.env['PATH'] ?? '') !== null;
  const save = 'netfilter-persistent save';
  return `The rules are gone after a reboot. To keep them: ${isThere ? save : `apt install iptables-persistent && ${save}`}`;
}
