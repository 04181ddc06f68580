/** `knocktail test`: knocks a whole door from a scratch network, says how far that came, and closes it again. */

import type { Command } from 'commander';
import { Engine } from '../attempt/engine.ts';
import { switchesFor } from '../attempt/switches.ts';
import { DEFAULT_CONFIG, override, readConfigFile } from '../config/config-file.ts';
import { locksOf } from '../config/locks.ts';
import type { Config } from '../config/schema.ts';
import { daemonOf } from '../daemon/state-lock.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import { familyOf } from '../lib/address.ts';
import { CLIENT } from '../lib/install-path.ts';
import type { Io } from '../lib/io.ts';
import type { LockOwner } from '../lib/lock-socket.ts';
import { jsonLine, printable } from '../lib/printable.ts';
import {
  type Decision,
  type Family,
  type Firewall,
  type Micros,
  type Opening,
  type Packet,
  TCP_FLAGS,
  US_PER_MS,
} from '../model.ts';
import { choose } from '../source/auto.ts';
import { endOf } from '../telemetry/messages.ts';
import { OWN_NETWORK, RULES, titleOf } from '../tools/doctor/arrival.ts';
import { describeDaemon, runningDaemon } from '../tools/doctor/daemons.ts';
import { isNetworkOfItsOwn, processes } from '../tools/doctor/host.ts';
import { drawWire, Scratch } from '../tools/doctor/scratch.ts';
import { stepText } from '../tools/doctor/trial.ts';
import { hasCommand, type WholeKnock, wholeKnock } from '../tools/doctor/whole-knock.ts';
import { firewallOf } from './firewall.ts';
import { overridesOf } from './health.ts';
import { type Heard, Listener, pause } from './listener.ts';
import { doorNamed } from './openings.ts';
import { withOptions } from './own-command.ts';
import { isLocal, isOf, localNetworks } from './self-test.ts';

/** Between two steps, so that they arrive in order over any path. */
const STEP_DELAY_MS = 20;
const LIMIT_MS = 5_000;
/** The journal tells its readers late. */
const JOURNAL_LIMIT_MS = 15_000;

interface Options {
  readonly config: string;
  readonly ipv6?: true;
  readonly commands?: true;
  readonly json?: true;
}

interface SeenStep {
  readonly step: string;
  /** From the kernel's stamp until it was read; null where no log showed it. */
  readonly lagMs: number | null;
  readonly log: string | null;
}

interface Result {
  readonly steps: readonly SeenStep[];
  /** How far the knock came by what the logs show. */
  readonly stage: number;
  readonly opening: Opening | null;
  /** From the last packet until the rule was found. */
  readonly openedMs: number | null;
}

export function addTest(program: Command, io: Io): void {
  program
    .command('test')
    .summary('knock at a door from a scratch network')
    .description(
      'Sends the whole knock of a door from a network that it makes for this, and says which step the log shows, after how ' +
        'many milliseconds the daemon has opened, and closes the door again. What is open for others stays. Needs root. Exit ' +
        'code 1 when the door did not open.',
    )
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .option('-6, --ipv6', 'knock over IPv6')
    .option('--commands', 'test a door that runs a command, and so run it')
    .option('--json', 'one JSON object')
    .argument('<door>', 'a door with open:')
    .action(async (name: string, options: Options) => {
      const read = await readConfigFile(options.config);
      const door = doorNamed(name, read.config, options.config);
      const running = processes();
      const overrides = overridesOf(running);
      const config = override(read.config, overrides);
      const family = options.ipv6 === true ? 6 : 4;
      const wire = drawWire(localNetworks());
      const knock = wholeKnock(name, door, config, {
        ...{ family, ends: wire.ends[family], isLocal },
        mayRunCommands: options.commands === true,
      });
      if ('what' in knock) throw untestable(name, knock.what, knock.remedy);
      requireAlone(knock, config, options.commands === true);
      if (process.getuid?.() !== 0)
        throw new KnocktailError('only root may make a network', {
          exitCode: EXIT.NO_PERMISSION,
          remedy: 'run it as root',
        });
      // What it has made is taken away again, however often it is interrupted.
      io.stay(() => undefined);
      const daemon = runningDaemon(running, await daemonOf(config.state));
      const scratch = await opened(() => Scratch.open(wire));
      const result = await knockFrom(scratch, { knock, family, config, daemon }, io);
      if (io.signal.aborted) {
        io.stderr.write('ended early, and nothing of the test is left\n');
        io.finish(EXIT.NO_MATCH);
        return;
      }
      const remedy = result.opening === null ? remedyFor(result, knock, daemon) : null;
      const typed = remedy === null ? null : withOptions(remedy, options.config, overrides);
      if (options.json === true) io.stdout.write(`${json(result, knock, family)}\n`);
      else io.stdout.write(`${told(result, knock, typed).map(printable).join('\n')}\n`);
      io.finish(result.opening === null ? EXIT.NO_MATCH : EXIT.OK);
    });
}

interface Task {
  readonly knock: WholeKnock;
  readonly family: Family;
  readonly config: Config;
  /** The one that is to open the door; null where none runs. */
  readonly daemon: LockOwner | null;
}

async function knockFrom(scratch: Scratch, { knock, family, config, daemon }: Task, io: Io): Promise<Result> {
  const ending = new AbortController();
  const signal = AbortSignal.any([io.signal, ending.signal]);
  const firewall = firewallOf(config, () => undefined);
  const { from, to, sequence } = knock;
  const how = { stdin: io.stdin, signal, isWanted: ({ src }: Packet) => src === from };
  let sending: Promise<void> = Promise.resolve();
  try {
    await opened(() => scratch.address(family, to));
    const named = config.logs.filter((log) => log.from !== 'stdin');
    // So that the log is told by its name, and its own time is waited.
    const logs = await Promise.all(
      named.map(async (log) => (log.from === 'auto' ? { ...log, ...(await choose()) } : log)),
    );
    const listeners = logs.map((log) => Listener.toLog(log, how));
    for (const listener of listeners) await listener.atEnd(signal);
    const [trouble] = listeners.flatMap((listener) => listener.trouble ?? []);
    if (listeners.every((listener) => listener.trouble !== null))
      throw untestable(knock.door, trouble ?? 'the configured log is stdin', 'name a log that can be read');
    const mayBeLate = logs.some(({ from }) => from === 'journal');
    const limitMs = mayBeLate ? JOURNAL_LIMIT_MS : LIMIT_MS;
    const deadline = performance.now() + limitMs;
    const heard = (): readonly SeenStep[] => seenSteps(knock, listeners);
    let opening: Opening | null = null;
    let openedAt: Micros = now();
    const client = [CLIENT, '-d', String(STEP_DELAY_MS), to, ...sequence.map(stepText)];
    sending = opened(() => scratch.run(process.execPath, client));
    let isSent = false;
    sending.then(
      () => (isSent = true),
      () => (isSent = true),
    );
    while (performance.now() < deadline && !signal.aborted) {
      const wasSent = isSent;
      const found = (await firewall.list()).find(
        ({ door, source }) => door === knock.door && source === from,
      );
      openedAt = now();
      opening = found ?? null;
      if (opening !== null) break;
      const steps = heard();
      // Without a daemon nothing more comes, and what the kernel has not logged by now it will not.
      if (wasSent && daemon === null && steps.every(({ lagMs }) => lagMs !== null)) break;
      if (performance.now() > deadline - limitMs + LIMIT_MS && steps[0]?.lagMs === null) break;
      await pause(signal);
    }
    await sending;
    // The log that is read here may be a moment behind that of the daemon.
    for (let left = 50; opening !== null && heard().some(({ lagMs }) => lagMs === null) && left > 0; left--)
      await pause(signal);
    const last = lastHeard(knock, listeners)?.packet.time ?? openedAt;
    return {
      steps: heard(),
      stage: opening === null ? stageOf(knock, config, listeners) : sequence.length,
      opening,
      openedMs: opening === null ? null : Math.max(0, Math.round((openedAt - last) / US_PER_MS)),
    };
  } finally {
    ending.abort();
    // No step is sent any more, so that nothing opens after this.
    await sending.catch(() => undefined);
    await closeFor(from, firewall).finally(() => scratch.close());
    await firewall.close();
  }
}

/** All that is open for the address of the test, whichever door it is. */
async function closeFor(source: Opening['source'], firewall: Firewall): Promise<void> {
  const ours = (await firewall.list()).filter((opening) => opening.source === source);
  const left = await firewall.remove(ours);
  for (const error of left.values()) if (error !== null) throw error;
}

function seenSteps({ sequence, from, to }: WholeKnock, listeners: readonly Listener[]): readonly SeenStep[] {
  return sequence.map((step) => {
    const sightings = listeners.flatMap((listener) => {
      const heard = listener.heard.find(({ packet }) => isOf({ step, from, to }, packet));
      return heard === undefined ? [] : [{ log: titleOf(listener.name), lagMs: lagOf(heard) }];
    });
    const first = sightings.sort((a, b) => a.lagMs - b.lagMs)[0];
    return { step: spelled(step), lagMs: first?.lagMs ?? null, log: first?.log ?? null };
  });
}

function lastHeard({ sequence, from, to }: WholeKnock, listeners: readonly Listener[]): Heard | undefined {
  const step = sequence.at(-1);
  if (step === undefined) return undefined;
  return listeners
    .flatMap((listener) => listener.heard)
    .findLast(({ packet }) => isOf({ step, from, to }, packet));
}

/** How far the engine comes with the packets of the log that shows most of them. */
function stageOf({ door }: WholeKnock, config: Config, listeners: readonly Listener[]): number {
  const stages = listeners.map(({ heard }) => {
    const engine = engineOf(config);
    const decisions = heard.flatMap(({ packet }) => engine.handlePacket(packet));
    return (
      decisions.findLast((decision) => decision.door === door && decision.event !== 'timeout')?.stage ?? 0
    );
  });
  return Math.max(0, ...stages);
}

/** @throws KnocktailError 69 where the knock would run the command of another door as well */
function requireAlone(knock: WholeKnock, config: Config, mayRunCommands: boolean): void {
  if (mayRunCommands) return;
  const other = openedBy(knock, config).find(({ door }) => {
    const settings = config.doors.get(door);
    return settings !== undefined && door !== knock.door && hasCommand(settings);
  });
  if (other !== undefined)
    throw untestable(
      knock.door,
      `its knock opens the door ${other.door} as well, which runs a command`,
      'allow that with --commands',
    );
}

function openedBy({ sequence, from, to }: WholeKnock, config: Config): readonly Decision[] {
  const engine = engineOf(config);
  const isIpv6 = familyOf(from) === 6;
  const ping = isIpv6
    ? { proto: 'icmpv6', type: 128, overhead: 48 }
    : { proto: 'icmp', type: 8, overhead: 28 };
  return sequence
    .flatMap((step, index) => {
      const packet = {
        ...{ time: index * STEP_DELAY_MS * US_PER_MS, host: '', second: 0, prefix: '' },
        clock: 'kernel',
        ...{ in: '', out: '', src: from, dst: to, spt: null, id: index, seq: null },
      } as const;
      return engine.handlePacket(
        step.proto === 'icmp'
          ? {
              ...packet,
              ...{ proto: ping.proto, dpt: null, flags: null, icmp: { type: ping.type, code: 0 } },
              len: (step.size ?? 0) + ping.overhead,
            }
          : {
              ...packet,
              ...{ proto: step.proto, dpt: step.port, icmp: null, len: null },
              flags: step.proto === 'tcp' ? TCP_FLAGS.SYN : null,
            },
      );
    })
    .filter(({ event }) => event === 'open');
}

const NO_ONE_TIME = { listOf: () => null };

function engineOf(config: Config): Engine {
  return new Engine(locksOf(config, NO_ONE_TIME), switchesFor(config.compat, config.sweepGuard));
}

function told(
  { steps, stage, opening, openedMs }: Result,
  knock: WholeKnock,
  remedy: string | null,
): string[] {
  const of = knock.sequence.length;
  const width = Math.max(...steps.map(({ step }) => step.length));
  const lines = steps.map(({ step, lagMs, log }, index) => {
    const where = lagMs === null ? 'not in the log' : `in ${log} after ${lagMs} ms`;
    return `  ${step.padEnd(width)}  step ${index + 1} of ${of}, ${where}`;
  });
  const end =
    opening === null
      ? `${knock.door}: did not open, step ${stage} of ${of} was reached${remedy === null ? '' : `: ${remedy}`}`
      : `${knock.door}: opened ${endOf(opening)} for ${opening.source} at step ${of} of ${of}, ${openedMs} ms after the last knock; closed again`;
  return [`${knock.door}: knocking at ${knock.to} from ${knock.from}`, ...lines, end];
}

function json({ steps, stage, opening, openedMs }: Result, knock: WholeKnock, family: Family): string {
  return jsonLine({
    ...{ door: knock.door, source: knock.from, family, steps, stage, of: knock.sequence.length },
    ...{ opened: opening !== null, openedMs },
  });
}

function remedyFor({ steps, stage }: Result, { sequence }: WholeKnock, daemon: LockOwner | null): string {
  if (steps.some(({ lagMs }) => lagMs === null))
    return isNetworkOfItsOwn() ? `${RULES}; if that has nothing to do, ${OWN_NETWORK}` : RULES;
  if (daemon === null) return 'no daemon runs here, start it: systemctl start knocktail, or knocktail run';
  if (stage < sequence.length) return 'see what the doors made of it: knocktail explain';
  return `${describeDaemon(daemon)} and did not open it: see its log, and whether it runs with this configuration`;
}

function spelled(step: WholeKnock['sequence'][number]): string {
  return step.proto === 'icmp' ? 'a ping' : `${step.port}/${step.proto}`;
}

function lagOf({ packet, readAt }: Heard): number {
  return Math.max(0, Math.round((readAt - packet.time) / US_PER_MS));
}

function now(): Micros {
  return Date.now() * US_PER_MS;
}

/** What cannot be made here says so. */
async function opened<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof KnocktailError)) throw error;
    throw new KnocktailError('a scratch network cannot be used here', {
      exitCode: EXIT.UNAVAILABLE,
      value: error.message,
      remedy: 'knock from another host',
    });
  }
}

function untestable(door: string, what: string, remedy: string): KnocktailError {
  return new KnocktailError(what, { exitCode: EXIT.UNAVAILABLE, where: `door ${door}`, remedy });
}
