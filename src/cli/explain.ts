/** `knocktail explain`: tells packet by packet why a recorded log opened a door or did not. */

import type { Command } from 'commander';
import { Engine } from '../attempt/engine.ts';
import { switchesFor } from '../attempt/switches.ts';
import { DEFAULT_CONFIG, override, readConfigFile } from '../config/config-file.ts';
import { locksOf } from '../config/locks.ts';
import { OneTimeDoors } from '../config/one-time-doors.ts';
import type { Config } from '../config/schema.ts';
import { EXIT } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import { jsonLine, printable } from '../lib/printable.ts';
import { keepHeapSmall } from '../lib/small-heap.ts';
import { isoTime, localTime } from '../lib/time.ts';
import type { Address, Packet, PlacedBy } from '../model.ts';
import { type Played, RecordedTime } from '../packet/recorded-time.ts';
import { PacketScan } from '../packet/scan.ts';
import { explainedDoors } from '../tools/explain/door.ts';
import { Explanation, type Remark } from '../tools/explain/explanation.ts';
import { Stories } from '../tools/explain/stories.ts';
import { formatOption, type LineOptions, LOG_ARGUMENT, lineOverrides } from './format-option.ts';
import { CUT_SHORT, noLineCounts, noLineRead, notBelieved } from './print.ts';
import { RecordedLog } from './recorded-log.ts';
import { toAddress } from './typed-address.ts';

/** How a packet was placed in time, where not by the kernel's own stamp. */
const CLOCKS: Readonly<Record<PlacedBy, string>> = {
  kernel: '',
  syslog: '(by its syslog time) ',
  reading: '(has no usable time) ',
};

interface Options extends LineOptions {
  readonly config: string;
  readonly source?: Address;
  readonly json?: true;
}

export function addExplain(program: Command, io: Io): void {
  program
    .command('explain')
    .summary('tell why a recorded log opened a door, or did not')
    .description(
      'Tells of each source in a recorded log, packet by packet, what the doors made of it and why; touches ' +
        'nothing. Exit code 1 when no line counts.',
    )
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .option('--source <ip>', 'tell of this source alone', toAddress)
    .option('--prefix <text>', 'count lines with this --log-prefix instead')
    .addOption(formatOption())
    .option('--json', 'one JSON object a line, in the order of the log')
    .argument('[log]', LOG_ARGUMENT)
    .action(async (path: string | undefined, options: Options) => {
      keepHeapSmall();
      const { config: given } = await readConfigFile(options.config);
      const config = override(given, lineOverrides(options));
      const { trusted } = await explain(config, path, options, io);
      io.finish(trusted === 0 ? EXIT.NO_MATCH : EXIT.OK);
    });
}

async function explain(
  config: Config,
  path: string | undefined,
  { source, json }: Options,
  io: Io,
): Promise<{ readonly trusted: number }> {
  const oneTime = new OneTimeDoors();
  for (const { text } of await oneTime.fill(config)) io.stderr.write(`${printable(text)}\n`);
  const locks = locksOf(config, oneTime);
  const switches = switchesFor(config.compat, config.sweepGuard);
  const engine = new Engine(locks, switches);
  const explanation = new Explanation(engine, explainedDoors(config, locks), switches);
  const [log] = config.logs;
  const recorded = await RecordedLog.at(path, log, io);
  const scan = new PacketScan({ ...log, live: false });
  const stories = new Stories();
  const take = (remarks: readonly Remark[]): void => {
    for (const remark of remarks) {
      if (source !== undefined && remark.source !== source) continue;
      if (json === true) io.stdout.write(`${remarkJson(remark)}\n`);
      else stories.add(remark);
    }
  };
  const time = new RecordedTime();
  const play = (played: Played | null): void => {
    if (played !== null) take(explanation.packet(played.packet, played.passedAt));
  };
  let isSeen = false;
  const accept = (packet: Packet): void => {
    if (packet.time < recorded.since) return;
    isSeen ||= packet.src === source;
    play(time.next(packet));
  };
  for await (const { bytes, readAt, bootedAt } of recorded.lines()) {
    scan.scan(bytes, readAt, accept, bootedAt);
    await io.drained();
  }
  play(time.end());
  if (scan.lastTime !== null) {
    take(explanation.pass(scan.lastTime));
    take(explanation.end(scan.lastTime));
  }
  if (io.signal.aborted) io.stderr.write(`${CUT_SHORT}\n`);
  if (json !== true) await tellStories(stories, io);
  const out = json === true ? io.stderr : io.stdout;
  if (recorded.isEmpty && !io.signal.aborted) out.write(`${printable(noLineRead(recorded.name))}\n`);
  else tellOdds(scan.counts, engine.evicted, log.prefix, out);
  if (source !== undefined && !isSeen && scan.counts.trusted > 0)
    out.write(`no packet of ${source} is among those that count\n`);
  return scan.counts;
}

async function tellStories(stories: Stories, io: Io): Promise<void> {
  const nameOf = ({ source, host }: { readonly source: Address; readonly host: string }): string =>
    stories.hasHosts && host !== '' ? `${source} at ${host}` : source;
  for (const story of stories.stories) {
    const { chapters } = story;
    const lines = chapters.flatMap(({ remark, more }) => [
      `  ${asText(remark)}`,
      ...(more === 0 ? [] : [`  ... and ${more} more like it`]),
    ]);
    io.stdout.write(`${[nameOf(story), ...lines].map(printable).join('\n')}\n\n`);
    await io.drained();
  }
  for (const bystander of stories.bystanders) {
    const { packets, nearest } = bystander;
    const count = packets === 1 ? '1 packet' : `${packets} packets`;
    const hint = packets === 1 ? '' : 'the nearest: ';
    const door = nearest.door === null ? '' : `${nearest.door}: `;
    io.stdout.write(
      `${printable(`${nameOf(bystander)}: ${count}, no step; ${hint}${door}${nearest.text}`)}\n`,
    );
    await io.drained();
  }
  if (stories.uncounted > 0)
    io.stdout.write(
      `${stories.uncounted} packets more, which are too many to show: of the sources that got least far; --source shows one\n`,
    );
}

/** What a reader should know of the log as a whole. */
function tellOdds(
  { trusted, untrusted }: PacketScan['counts'],
  evicted: number,
  prefix: string,
  out: { write(text: string): unknown },
): void {
  if (untrusted > 0) out.write(`${notBelieved(untrusted)}\n`);
  if (trusted === 0) out.write(`${printable(noLineCounts(prefix))}\n`);
  if (evicted > 0) out.write(`${evicted} attempts were given up, as too many were running at once\n`);
}

/** `2026-11-21 00:00:01  ssh: 7000/tcp is step 1 of 3, 8000/tcp comes next` */
function asText({ time, clock, door, text }: Remark): string {
  return `${localTime(time)}  ${clock === null ? '' : CLOCKS[clock]}${door === null ? '' : `${door}: `}${text}`;
}

function remarkJson({ time, host, clock, ...rest }: Remark): string {
  const where = host === '' ? {} : { host };
  return jsonLine({ time: isoTime(time), ...where, ...rest, ...(clock === null ? {} : { clock }) });
}
