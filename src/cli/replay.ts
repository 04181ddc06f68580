/** `knocktail replay`: tells what the doors would have done with a recorded log, by the log's own clock. */

import type { Command } from 'commander';
import { Engine } from '../attempt/engine.ts';
import { switchesFor } from '../attempt/switches.ts';
import { DEFAULT_CONFIG, override, readConfigFile } from '../config/config-file.ts';
import { locksOf } from '../config/locks.ts';
import { OneTimeDoors } from '../config/one-time-doors.ts';
import { EXIT } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import { printable } from '../lib/printable.ts';
import { keepHeapSmall } from '../lib/small-heap.ts';
import { localTime } from '../lib/time.ts';
import type { Decision, Packet, PacketNotes } from '../model.ts';
import { type Played, RecordedTime } from '../packet/recorded-time.ts';
import { PacketScan } from '../packet/scan.ts';
import { decisionJson, describe } from '../telemetry/messages.ts';
import { formatOption, type LineOptions, LOG_ARGUMENT, lineOverrides } from './format-option.ts';
import { CUT_SHORT, noLineCounts, noLineRead, notBelieved } from './print.ts';
import { RecordedLog } from './recorded-log.ts';

interface Options extends LineOptions {
  readonly config: string;
  readonly json?: true;
}

export function addReplay(program: Command, io: Io): void {
  program
    .command('replay')
    .summary('tell what a recorded log would have opened')
    .description(
      'Tells what a recorded log would have opened; touches nothing. Exit code 1 when no line counts.',
    )
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .option('--prefix <text>', 'count lines with this --log-prefix instead of that of the first log')
    .addOption(formatOption())
    .option('--json', 'one JSON object a line')
    .argument('[log]', LOG_ARGUMENT)
    .action(async (path: string | undefined, { config: configPath, json, ...lines }: Options) => {
      keepHeapSmall();
      const config = override((await readConfigFile(configPath)).config, lineOverrides(lines));
      const oneTime = new OneTimeDoors();
      for (const { text } of await oneTime.fill(config)) io.stderr.write(`${printable(text)}\n`);
      const engine = new Engine(locksOf(config, oneTime), switchesFor(config.compat, config.sweepGuard));
      const [log] = config.logs;
      const recorded = await RecordedLog.at(path, log, io);
      // Written once for each batch of lines.
      let told = '';
      const print = (decisions: readonly Decision[]): void => {
        for (const decision of decisions) {
          const text =
            json === true
              ? decisionJson(decision)
              : printable(`${localTime(decision.time)}  ${describe(decision)}`);
          told += `${text}\n`;
        }
      };
      const writeOut = async (): Promise<void> => {
        io.stdout.write(told);
        told = '';
        await io.drained();
      };
      const time = new RecordedTime();
      const play = (played: Played | null): void => {
        if (played === null) return;
        print(engine.handleTimeout(played.passedAt, played.packet.host));
        print(engine.handlePacket(played.packet));
      };
      // A packet that waits may change what the engine needs to see of the line behind it.
      const noted: PacketNotes['noted'] = (host, client, port, at) => {
        if (at < recorded.since) return true;
        play(time.before(host, at));
        return engine.noted(host, client, port, at);
      };
      const scan = new PacketScan({ ...log, live: false, notes: { noted } });
      const accept = (packet: Packet): void => {
        if (packet.time >= recorded.since) play(time.next(packet));
      };
      for await (const { bytes, readAt, bootedAt } of recorded.lines()) {
        scan.scan(bytes, readAt, accept, bootedAt);
        await writeOut();
      }
      play(time.end());
      if (scan.lastTime !== null) print(engine.handleTimeout(scan.lastTime));
      await writeOut();
      if (io.signal.aborted) io.stderr.write(`${CUT_SHORT}\n`);
      const { trusted: counted, untrusted } = scan.counts;
      if (recorded.isEmpty && !io.signal.aborted)
        io.stderr.write(`${printable(noLineRead(recorded.name))}\n`);
      else if (untrusted > 0) io.stderr.write(`${notBelieved(untrusted)}\n`);
      if (counted === 0 && !recorded.isEmpty) io.stderr.write(`${printable(noLineCounts(log.prefix))}\n`);
      io.finish(counted === 0 ? EXIT.NO_MATCH : EXIT.OK);
    });
}
