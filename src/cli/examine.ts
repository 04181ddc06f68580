/** A configuration and this host -> what the doctor finds, from the log to the rule. */

import { statSync } from 'node:fs';
import { commandLine } from '../command-line.ts';
import type { Problem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { weaknesses } from '../config/weak.ts';
import { untested } from '../doctor/arrival.ts';
import { backendUnknown, checkBackend } from '../doctor/backend.ts';
import { checkChain } from '../doctor/chain.ts';
import { checkClock } from '../doctor/clock.ts';
import { checkDaemon, checkOthers } from '../doctor/daemons.ts';
import { type Finding, fail, ok, skip, warn } from '../doctor/finding.ts';
import { isNetworkOfItsOwn, kernelText, processes, readTable, textOf } from '../doctor/host.ts';
import { checkHostClocks } from '../doctor/host-clocks.ts';
import { checkLogRules } from '../doctor/log-rules.ts';
import { checkLogSource } from '../doctor/log-source.ts';
import type { Table } from '../doctor/packet-path.ts';
import { checkPrivileges } from '../doctor/privileges.ts';
import { checkSecrecy } from '../doctor/secrecy.ts';
import { checkState } from '../doctor/state.ts';
import { checkXtTime } from '../doctor/xt-time.ts';
import { KnocktailError } from '../errors.ts';
import type { Family } from '../model.ts';
import { backendOf, rulesIn, settleBinaries } from '../rule/backend.ts';
import { Iptables } from '../rule/iptables.ts';
import { watched } from '../setup/watched.ts';
import { type Overrides, override, readConfigFile, tellProblem } from './config-file.ts';
import type { Io } from './io.ts';
import { selfTest } from './self-test.ts';
import { type SequencesOf, sequencesBy } from './watched-by.ts';

export interface Examination {
  /** The path of the configuration. */
  readonly path: string;
  readonly overrides: Overrides;
  readonly isToKnock: boolean;
}

export async function* examine(
  { path, overrides, isToKnock }: Examination,
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
  yield checkDaemon(running);
  yield checkOthers(running);
  const sequences = await tried('config', () => sequencesBy(config));
  if ('status' in sequences) yield sequences;
  const sequencesOf = 'status' in sequences ? null : sequences.value;
  const tables = new Map<Family, Table>();
  yield* checkFirewall(config, sequencesOf, tables);
  let isTried = false;
  if (isToKnock && sequencesOf !== null) {
    for await (const finding of selfTest(config, sequencesOf, tables, io)) {
      isTried ||= finding.status !== 'skip';
      yield finding;
    }
  }
  const isOwn = isNetworkOfItsOwn();
  if (!io.signal.aborted && !isTried && (isOwn || !isToKnock)) yield untested(isOwn, isToKnock);
}

function checkConfig(path: string, config: Config, warnings: readonly Problem[]): Finding[] {
  const edit = `edit ${commandLine([path])}`;
  const bad = [
    ...checkSecrecy(
      path,
      Object.values(config.doors).flatMap(({ oneTimeSequences }) => oneTimeSequences ?? []),
    ),
    ...warnings.map((problem) => warn('config', tellProblem(path, problem), edit)),
    ...weaknesses(config).map(({ door, text }) => warn('config', `door ${door}: ${text}`, edit)),
  ];
  if (config.firewall.backend === 'dry-run')
    bad.push(warn('config', 'firewall.backend is dry-run, so no door opens', edit));
  return bad.length > 0 ? bad : [ok('config', path)];
}

/**
 * @param sequencesOf null where it is not known what opens the doors
 * @param tables takes the rules that it finds
 */
async function* checkFirewall(
  config: Config,
  sequencesOf: SequencesOf | null,
  tables: Map<Family, Table>,
): AsyncGenerator<Finding> {
  const { firewall } = config;
  const found = await tried('iptables', () =>
    settleBinaries(firewall.iptables, process.env['PATH'] ?? '', firewall.chain),
  );
  if ('status' in found) {
    yield found;
    return;
  }
  const { v4, v6 } = found.value;
  const backend = backendOf(v4);
  yield checkPrivileges(textOf('/proc/self/status'), backend === 'legacy');
  if (backend === null) yield backendUnknown(`${v4} does not say whether it is nft or legacy`);
  else {
    const [nft, legacy] = [await rulesIn('nft', firewall.chain), await rulesIn('legacy', firewall.chain)];
    yield checkBackend({ ours: backend, nft, legacy });
  }
  yield checkXtTime(kernelText());
  for (const [family, program] of [[4, v4] as const, [6, v6] as const]) {
    const check = `${firewall.chain}, IPv${family}`;
    if (program === null) {
      yield skip(check, 'there is no ip6tables');
      continue;
    }
    const read = await tried(check, () =>
      readTable(new Iptables(program), [...firewall.hooks, firewall.chain]),
    );
    if ('status' in read) yield read;
    else if (read.value === null) yield skip(check, 'this kernel does not filter it');
    else {
      tables.set(family, read.value);
      yield* checkTable(read.value, family, config, sequencesOf);
    }
  }
}

function* checkTable(
  table: Table,
  family: Family,
  config: Config,
  sequencesOf: SequencesOf | null,
): Generator<Finding> {
  const { firewall, logs } = config;
  if (firewall.backend === 'iptables') yield checkChain(table, family, firewall);
  const seen = sequencesOf === null ? null : watched(config, family, sequencesOf);
  if (seen !== null) yield checkLogRules(table, firewall.hooks, seen, logs);
}

/** A failure that is expected of a host is a finding, and not the end of the examination. */
async function tried<T>(check: string, act: () => Promise<T>): Promise<{ readonly value: T } | Finding> {
  try {
    return { value: await act() };
  } catch (error) {
    if (error instanceof KnocktailError)
      return fail(check, error.complaint, error.remedy ?? 'knocktail check');
    throw error;
  }
}
