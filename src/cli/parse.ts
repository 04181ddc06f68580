/** `knocktail parse`: shows each LOG line of a log as a packet, and whether a daemon would count it. */

import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { EXIT, KnocktailError } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import { jsonLine, printable } from '../lib/printable.ts';
import { localTime } from '../lib/time.ts';
import type { LineEvent, LogFormat } from '../model.ts';
import { flagNames, packetJson } from '../packet/format.ts';
import { HostClocks } from '../packet/host-clocks.ts';
import type { Reading } from '../packet/line.ts';
import { lineReader } from '../packet/line-reader.ts';
import { followFile } from '../source/file.ts';
import { ANY_LOG_ARGUMENT, formatOption } from './format-option.ts';
import { describePacket, noLineRead, TRY_ANY } from './print.ts';
import { ANY_LOG, RecordedLog } from './recorded-log.ts';

interface Options {
  readonly follow?: true;
  readonly prefix?: string;
  readonly format: LogFormat;
  readonly json?: true;
}

interface Found {
  readonly trusted: number;
  readonly untrusted: number;
}

const LF = 10;
export function addParse(program: Command, io: Io): void {
  program
    .command('parse')
    .summary('show the LOG lines of a log as packets')
    .description(
      'Shows every line that holds a LOG body, and whether a daemon would count it. Exit code 1 when there is none.',
    )
    .option('--follow', 'keep reading as the daemon would, from the beginning of the file')
    .option('--prefix <text>', 'show lines with this --log-prefix alone')
    .addOption(formatOption().default('kernel'))
    .option('--json', 'one JSON object a line')
    .argument('[log]', ANY_LOG_ARGUMENT)
    .action(async (path: string | undefined, options: Options) => {
      const recorded = options.follow === true ? null : await RecordedLog.at(path, ANY_LOG, io);
      const { trusted, untrusted } = await parse(recorded?.lines() ?? followed(path, io), options, io);
      const isFound = trusted + untrusted > 0;
      if (!isFound) {
        const isEmpty = recorded?.isEmpty === true && !io.signal.aborted;
        io.stderr.write(`${printable(isEmpty ? noLineRead(recorded.name) : nothingFound(options))}\n`);
      }
      if (isFound && trusted === 0 && options.format === 'kernel')
        io.stderr.write(`no line is accepted as the kernel's; ${TRY_ANY}\n`);
      io.finish(isFound ? EXIT.OK : EXIT.NO_MATCH);
    });
}

function followed(path: string | undefined, io: Io): AsyncIterable<LineEvent> {
  if (path === undefined || path === '-')
    throw new KnocktailError('stdin cannot be followed', {
      exitCode: EXIT.USAGE,
      remedy: 'name a file after --follow',
    });
  // One that is not there yet is waited for.
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false)
    throw new KnocktailError('is not a file, and cannot be followed', {
      ...{ exitCode: EXIT.IO, where: path },
      remedy: 'name a log file after --follow',
    });
  return followFile(path, { from: 'start', signal: io.signal });
}

async function parse(
  events: AsyncIterable<LineEvent>,
  { prefix, format, json, follow }: Options,
  io: Io,
): Promise<Found> {
  const wanted = prefix === undefined ? null : Buffer.from(prefix);
  const clocks = new HostClocks({ live: follow === true, ownName: hostname() });
  const read = lineReader(format, wanted, clocks);
  let line = 0;
  const found = { trusted: 0, untrusted: 0 };
  for await (const event of events) {
    if (event.kind === 'notice') io.stderr.write(`${event.text}\n`);
    if (event.kind !== 'lines') continue;
    const { bytes, readAt, bootedAt } = event;
    clocks.booted(bootedAt);
    let shown = '';
    for (let start = 0, end = bytes.indexOf(LF); end >= 0; start = end + 1, end = bytes.indexOf(LF, start)) {
      line++;
      const reading = read(bytes, start, end, readAt);
      if (reading === null) continue;
      found[reading.trusted ? 'trusted' : 'untrusted']++;
      shown += json === true ? `${asJson(line, reading)}\n` : `${asText(line, reading)}\n`;
    }
    io.stdout.write(shown);
    await io.drained();
  }
  return found;
}

function nothingFound({ prefix }: Options): string {
  return prefix === undefined
    ? 'no line holds a LOG body, see with knocktail doctor what keeps packets from the log'
    : `no line holds a LOG body with the prefix "${printable(prefix)}", leave out --prefix to see those of any`;
}

function asJson(line: number, { packet, trusted, why }: Reading): string {
  return jsonLine({ line, ...packetJson(packet), ...(trusted ? {} : { trusted, why }) });
}

function asText(line: number, { packet, trusted, why }: Reading): string {
  const doubt = trusted ? '' : `  (would not count: ${why})`;
  const text = describePacket(packet, flagNames(packet) ?? []);
  return printable(`${line}  ${localTime(packet.time)}  ${text}${doubt}`);
}
