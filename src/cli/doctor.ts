/** `knocktail doctor`: a configuration and this host -> what is missing between the wire and the rule. */

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { weaknesses } from '../config/weak.ts';
import { untested } from '../doctor/arrival.ts';
import { backendUnknown, checkBackend } from '../doctor/backend.ts';
import { checkChain } from '../doctor/chain.ts';
import { checkClock } from '../doctor/clock.ts';
import { checkDaemons } from '../doctor/daemons.ts';
import { type Finding, fail, ok, skip, warn } from '../doctor/finding.ts';
import { isNetworkOfItsOwn, kernelText, processes, readTable, textOf } from '../doctor/host.ts';
import { checkLogRules } from '../doctor/log-rules.ts';
import { checkLogSource } from '../doctor/log-source.ts';
import type { Table } from '../doctor/packet-path.ts';
import { checkPrivileges } from '../doctor/privileges.ts';
import { checkState } from '../doctor/state.ts';
import { checkXtTime } from '../doctor/xt-time.ts';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import { printable } from '../log.ts';
import type { Family } from '../model.ts';
import { backendOf, rulesIn, settleBinaries } from '../rule/backend.ts';
import { Iptables } from '../rule/iptables.ts';
import type { Watched } from '../setup/watched.ts';
import { DEFAULT_CONFIG, readConfigFile } from './config-file.ts';
import type { Io } from './io.ts';
import { selfTest } from './self-test.ts';
import { watchedBy } from './watched-by.ts';

interface Options {
  readonly config: string;
  readonly json?: true;
  readonly knock?: true;
}

const SIGNS = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL', skip: '-   ' };

export function addDoctor(program: Command, io: Io): void {
  program
    .command('doctor')
    .summary('find what keeps knocks from opening on this host')
    .description(
      'Looks at all that stands between a knock and its rule, and changes nothing. Exit code 0 when all is well, ' +
        '1 for warnings, 2 for failures.',
    )
    .option(
      '--knock',
      'also send the first knock of a door from a scratch network, and see whether the log shows it',
    )
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .option('--json', 'one JSON object a line')
    .action(async ({ config: given, json, knock }: Options) => {
      const path = resolve(given);
      let worst: ExitCode = EXIT.OK;
      for await (const finding of examine(path, knock === true, io)) {
        io.stdout.write(json === true ? `${JSON.stringify(finding)}\n` : asText(finding));
        if (finding.status === 'fail') worst = EXIT.UNWELL;
        if (finding.status === 'warn' && worst === EXIT.OK) worst = EXIT.NO_MATCH;
      }
      io.finish(worst);
    });
}

async function* examine(path: string, isToKnock: boolean, io: Io): AsyncGenerator<Finding> {
  const read = await tried('config', async () => (await readConfigFile(path)).config);
  if ('status' in read) {
    for (const line of read.detail.split('\n')) yield fail('config', line, 'knocktail check');
    return;
  }
  const config = read.value;
  yield* checkConfig(path, config);
  for (const log of config.logs) yield* await checkLogSource(log);
  yield checkState(config.state);
  yield checkClock(Date.now(), statSync(path).mtimeMs);
  yield checkDaemons(processes());
  const tables = new Map<Family, Table>();
  yield* checkFirewall(config, tables);
  if (isToKnock) yield* selfTest(config, tables, io);
  else yield untested(isNetworkOfItsOwn());
}

function checkConfig(path: string, config: Config): Finding[] {
  const weak = weaknesses(config).map(({ door, text }) =>
    warn('config', `door ${door}: ${text}`, `edit ${path}`),
  );
  return weak.length > 0 ? weak : [ok('config', path)];
}

/** @param tables takes the rules that it finds */
async function* checkFirewall(config: Config, tables: Map<Family, Table>): AsyncGenerator<Finding> {
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
  const watchedOf = await watchedBy(config);
  for (const [family, program] of [[4, v4] as const, [6, v6] as const]) {
    if (program !== null)
      yield* checkFamily(family, new Iptables(program), config, watchedOf(family), tables);
    else yield skip(`${firewall.chain}, IPv${family}`, 'there is no ip6tables');
  }
}

async function* checkFamily(
  family: Family,
  iptables: Iptables,
  { firewall, logs }: Config,
  watched: Watched | null,
  tables: Map<Family, Table>,
): AsyncGenerator<Finding> {
  const check = `${firewall.chain}, IPv${family}`;
  const read = await tried(check, () => readTable(iptables, [...firewall.hooks, firewall.chain]));
  if ('status' in read) {
    yield read;
    return;
  }
  const table = read.value;
  if (table === null) {
    yield skip(check, 'this kernel does not filter it');
    return;
  }
  tables.set(family, table);
  yield checkChain(table, family, firewall);
  if (watched !== null) yield checkLogRules(table, firewall.hooks, watched, logs);
}

/** A failure that is expected of a host is a finding, and not the end of the examination. */
async function tried<T>(check: string, act: () => Promise<T>): Promise<{ readonly value: T } | Finding> {
  try {
    return { value: await act() };
  } catch (error) {
    if (error instanceof KnocktailError) return fail(check, error.message, error.remedy ?? 'see above');
    throw error;
  }
}

function asText({ check, status, detail, remedy }: Finding): string {
  const first = `${SIGNS[status]}  ${check}: ${detail}`;
  return `${[first, ...(remedy === null ? [] : [`      -> ${remedy}`])].map(printable).join('\n')}\n`;
}
