/** Examines a configuration and this host, from the log to the rule. */

import { statSync } from 'node:fs';
import { type Overrides, override, readConfigFile, tellProblem } from '../config/config-file.ts';
import type { Problem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { weaknesses } from '../config/weak.ts';
import { daemonOf } from '../daemon/state-lock.ts';
import type { PacketFilter } from '../firewall/stages.ts';
import type { Io } from '../lib/io.ts';
import { commandLine } from '../lib/shell-quote.ts';
import type { Family } from '../model.ts';
import type { LogPlace } from '../source/auto.ts';
import { ringState } from '../source/kmsg-device.ts';
import { untested } from '../tools/doctor/arrival.ts';
import { checkClock } from '../tools/doctor/clock.ts';
import { checkDaemon, checkOthers, runningDaemon } from '../tools/doctor/daemons.ts';
import { type Finding, ok, warn } from '../tools/doctor/finding.ts';
import { isNetworkOfItsOwn, processes } from '../tools/doctor/host.ts';
import { checkHostClocks } from '../tools/doctor/host-clocks.ts';
import { checkLogSource } from '../tools/doctor/log-source.ts';
import { checkSecrecy } from '../tools/doctor/secrecy.ts';
import { checkState } from '../tools/doctor/state.ts';
import { examineFirewall, tried } from './examine-firewall.ts';
import { selfTest } from './self-test.ts';
import { sequencesBy } from './watched-by.ts';

export interface Examination {
  /** The path of the configuration. */
  readonly path: string;
  readonly overrides: Overrides;
  /** Null for where it is quick, and likely to come to something. */
  readonly isToKnock: boolean | null;
}

export async function* examine(
  examination: Examination,
  io: Pick<Io, 'stdin' | 'signal'>,
): AsyncGenerator<Finding> {
  let hasFailed = false;
  for await (const finding of findings(examination, () => hasFailed, io)) {
    hasFailed ||= finding.status === 'fail';
    yield finding;
  }
}

async function* findings(
  { path, overrides, isToKnock: isAsked }: Examination,
  hasFailed: () => boolean,
  io: Pick<Io, 'stdin' | 'signal'>,
): AsyncGenerator<Finding> {
  const read = await tried('config', () => readConfigFile(path));
  if ('status' in read) {
    for (const line of read.detail.split('\n')) yield { ...read, detail: line };
    return;
  }
  const config = override(read.value.config, overrides);
  yield* checkConfig(path, config, read.value.warnings);
  for (const log of config.logs) {
    yield* await checkLogSource(log);
    const clocks = log.from === 'file' ? checkHostClocks(log.path, log.timezone, Date.now()) : null;
    if (clocks !== null) yield clocks;
  }
  yield checkState(config.state);
  yield checkClock(Date.now(), statSync(path).mtimeMs);
  const running = processes();
  const holder = await daemonOf(config.state);
  yield checkDaemon(running, holder);
  yield checkOthers(running);
  const sequences = await tried('config', () => sequencesBy(config));
  if ('status' in sequences) yield sequences;
  const sequencesOf = 'status' in sequences ? null : sequences.value;
  const filters = new Map<Family, PacketFilter>();
  yield* examineFirewall(config, { sequencesOf, daemon: runningDaemon(running, holder), filters });
  let isTried = false;
  const isOwn = isNetworkOfItsOwn();
  const isRoot = process.getuid?.() === 0;
  const isToKnock =
    isAsked ?? knocksUnasked({ logs: config.logs.map(settled), isRoot, isOwn, hasFailed: hasFailed() });
  if (isToKnock && sequencesOf !== null) {
    for await (const finding of selfTest(config, sequencesOf, filters, io)) {
      isTried ||= finding.status !== 'skip';
      yield finding;
    }
  }
  if (!io.signal.aborted && !isTried && (isOwn || !isToKnock)) yield untested(isOwn, isToKnock);
}

/** What `auto` comes to, where that is known without a search. */
function settled({ from }: LogPlace): LogPlace['from'] {
  return from === 'auto' && ringState() === 'ring' ? 'kmsg' : from;
}

/**
 * Whether a knock is sent without being asked for: where it takes a moment. The journal tells its readers late, what has
 * failed is waited for in vain, and of a network of its own the kernel may log nothing.
 */
export function knocksUnasked({
  logs,
  isRoot,
  isOwn,
  hasFailed,
}: {
  readonly logs: readonly LogPlace['from'][];
  readonly isRoot: boolean;
  readonly isOwn: boolean;
  readonly hasFailed: boolean;
}): boolean {
  const isQuick = logs.every((from) => from === 'kmsg' || from === 'file' || from === 'stdin');
  return isRoot && !isOwn && !hasFailed && isQuick;
}

function checkConfig(path: string, config: Config, warnings: readonly Problem[]): Finding[] {
  const edit = `edit ${commandLine([path])}`;
  const bad = [
    ...checkSecrecy(
      path,
      [...config.doors.values()].flatMap(({ oneTimeSequences }) => oneTimeSequences ?? []),
    ),
    ...warnings.map((problem) => warn('config', tellProblem(path, problem), edit)),
    ...weaknesses(config).map(({ door, text }) => warn('config', `door ${door}: ${text}`, edit)),
  ];
  if (config.firewall.backend === 'dry-run')
    bad.push(warn('config', 'firewall.backend is dry-run, so no door opens', edit));
  return bad.length > 0 ? bad : [ok('config', path)];
}
