/** `knocktail report`: counts what recorded logs say was rejected, as text, JSON or a page. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { Engine } from '../attempt/engine.ts';
import { switchesFor } from '../attempt/switches.ts';
import { override, readConfigFile } from '../config/config-file.ts';
import { locksOf } from '../config/locks.ts';
import { OneTimeDoors } from '../config/one-time-doors.ts';
import type { Config } from '../config/schema.ts';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import { writeOut } from '../lib/atomic-write.ts';
import type { Io } from '../lib/io.ts';
import { printable } from '../lib/printable.ts';
import { type Played, RecordedTime } from '../packet/recorded-time.ts';
import { countriesOf } from '../tools/report/countries.ts';
import { reportJson } from '../tools/report/json.ts';
import { Knocks } from '../tools/report/knocks.ts';
import type { Report } from '../tools/report/report.ts';
import { servicesOf } from '../tools/report/services.ts';
import { reportText } from '../tools/report/text.ts';
import { type CountryOf, TrafficCount } from '../tools/report/traffic.ts';
import { formatOption, type LineOptions, lineOverrides } from './format-option.ts';
import { CUT_SHORT, noLineRead, notBelieved } from './print.ts';
import { RecordedLogs, type Wanted } from './recorded.ts';

interface Options extends LineOptions {
  readonly config?: string;
  readonly geo?: string;
  readonly top: number;
  readonly json?: true;
  readonly html?: string;
}

/** What watches the doors of a configuration while the logs are read. */
interface Watch {
  readonly knocks: Knocks;
  readonly engine: Engine;
}

const DEFAULT_TOP = 10;
/** As of a page that a web server may show. */
const PAGE_MODE = 0o644;
const MOST_TOP = 1_000;

export function addReport(program: Command, io: Io): void {
  program
    .command('report')
    .summary('count what recorded logs say was rejected')
    .description(
      'Counts the packets in recorded logs: ports, sources, hours, and knocks where a configuration is given; ' +
        'touches nothing. Logs may be compressed by gzip, and named in any order. Times are local, those of JSON in ' +
        'UTC. Exit code 1 when no line counts.',
    )
    .option(
      '-c, --config <file>',
      'tell of the doors of this configuration, and count the prefix of its first log',
    )
    .option('--prefix <text>', 'count lines with this --log-prefix alone')
    .addOption(formatOption())
    .option('--geo <file>', 'tell countries by this database in MaxMind DB format (.mmdb)')
    .option('--top <count>', 'how many of each kind to tell', toTop, DEFAULT_TOP)
    .option('--json', 'one JSON object')
    .option('--html <file>', 'write a page with charts to this file')
    .argument('<log...>', 'log files, - for stdin')
    .action(async (logs: readonly string[], options: Options) => {
      const report = await reportOf(logs, options, io);
      if (io.signal.aborted) io.stderr.write(`${CUT_SHORT}\n`);
      const { html, json } = options;
      if (html !== undefined) await writePage(html, report, io);
      if (json === true) io.stdout.write(`${reportJson(report)}\n`);
      else if (html === undefined) io.stdout.write(reportText(report, io.columns));
      io.finish(report.traffic.packets === 0 ? EXIT.NO_MATCH : EXIT.OK);
    });
}

async function reportOf(logs: readonly string[], options: Options, io: Io): Promise<Report> {
  const { config: configPath, geo, top } = options;
  const config = configPath === undefined ? null : await configAt(configPath, options);
  const countryOf = geo === undefined ? null : await countriesAt(geo);
  const wanted = wantedOf(config, options);
  const watch = config === null ? null : await watchDoors(config, io);
  const count = new TrafficCount(countryOf);
  const recorded = new RecordedLogs(wanted, io);
  const time = new RecordedTime();
  await recorded.read(logs, (packet) => {
    count.add(packet);
    if (watch !== null) see(watch, time.next(packet));
  });
  if (watch !== null) see(watch, time.end());
  const { trusted, untrusted } = recorded.counts;
  if (recorded.isEmpty && !io.signal.aborted) io.stderr.write(`${printable(noLineRead(logs.join(', ')))}\n`);
  else if (trusted === 0 && untrusted > 0) io.stderr.write(`${notBelieved(untrusted)}\n`);
  return {
    logs,
    prefix: wanted.prefix,
    traffic: count.read(top),
    untrusted: recorded.counts.untrusted,
    doors: watch === null ? null : watch.knocks.read(),
    serviceOf: servicesOf(await readFile('/etc/services', 'utf8').catch(() => '')),
    countryOf,
  };
}

function wantedOf(config: Config | null, { prefix, format = 'kernel' }: LineOptions): Wanted {
  if (config !== null) return config.logs[0];
  return { prefix: prefix ?? null, format, hosts: null, timezone: null };
}

async function configAt(path: string, lines: LineOptions): Promise<Config> {
  const { config } = await readConfigFile(path);
  return override(config, lineOverrides(lines));
}

async function watchDoors(config: Config, io: Io): Promise<Watch> {
  const oneTime = new OneTimeDoors();
  for (const { text } of await oneTime.fill(config)) io.stderr.write(`${printable(text)}\n`);
  const locks = locksOf(config, oneTime);
  const engine = new Engine(locks, switchesFor(config.compat, config.sweepGuard));
  return { knocks: new Knocks(locks.map(({ name }) => name)), engine };
}

function see({ knocks, engine }: Watch, played: Played | null): void {
  if (played === null) return;
  knocks.add(engine.handleTimeout(played.passedAt, played.packet.host));
  knocks.add(engine.handlePacket(played.packet));
}

async function countriesAt(path: string): Promise<CountryOf> {
  const database = await readFile(path).catch((cause: unknown) => {
    throw fileError(path, cause, 'cannot be read', EXIT.IO);
  });
  return countriesOf(database, path);
}

async function writePage(path: string, report: Report, io: Io): Promise<void> {
  // The map and the charts are more to load than all else that a command needs.
  const { reportPage, STYLE } = await import('../tools/report/page.ts');
  const styleHash = createHash('sha256').update(STYLE).digest('base64');
  const page = reportPage(report, styleHash);
  await writeOut(path, page, PAGE_MODE).catch((cause: unknown) => {
    throw fileError(path, cause, 'cannot be written', EXIT.CANNOT_CREATE);
  });
  io.stderr.write(`${path}: ${Math.ceil(Buffer.byteLength(page) / 1024)} KB\n`);
}

function fileError(path: string, cause: unknown, what: string, otherwise: ExitCode): KnocktailError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const missing =
    otherwise === EXIT.IO
      ? ([EXIT.NO_INPUT, 'name one that is there'] as const)
      : ([otherwise, 'make its folder first'] as const);
  const known: Record<string, readonly [exitCode: ExitCode, remedy: string]> = {
    ENOENT: missing,
    EACCES: [EXIT.NO_PERMISSION, 'run as its owner or as root'],
    EISDIR: [otherwise, 'name a file, this is a folder'],
  };
  const [exitCode, remedy] = known[code] ?? [otherwise, 'name another'];
  return new KnocktailError(what, { where: path, value: code, exitCode, remedy, cause });
}

function toTop(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_TOP) throw new InvalidArgumentError(`Not a number from 1 to ${MOST_TOP}.`);
  return count;
}
