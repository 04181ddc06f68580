/** The daemon on lines that are handed to it, with a firewall of paper and commands that only tell. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CommandResult } from '../../src/command/command.ts';
import { loadConfig } from '../../src/config/load.ts';
import { OneTimeDoors } from '../../src/config/one-time-doors.ts';
import type { Config } from '../../src/config/schema.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import { DryRunFirewall } from '../../src/firewall/dry-run.ts';
import { type LineEvent, US_PER_SECOND } from '../../src/model.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';
import { until } from '../lab.ts';

const START_S = 1_795_219_200;
const DONE: CommandResult = { status: 0, signal: null, output: '', unshown: 0, timedOut: false, error: null };

/** A daemon that has read no line yet. */
class Bench {
  readonly said: string[] = [];
  readonly ran: string[] = [];
  /** How often the log was opened. */
  sources = 0;
  /** What the next command comes to, and what to look at while it runs. */
  result: () => Partial<CommandResult> = () => ({});
  readonly daemon: Daemon;
  readonly #ending = new AbortController();
  readonly #ended: Promise<void>;
  #second = START_S;
  /** Null while the daemon is busy with what it was handed. */
  #take: ((events: LineEvent[]) => void) | null = null;

  constructor(config: Config) {
    const say = (text: string): void => void this.said.push(text);
    this.daemon = new Daemon({
      config,
      openLines: () => {
        this.sources++;
        return this.#lines();
      },
      openFirewall: ({ firewall }) => new DryRunFirewall(firewall, () => undefined),
      openPosition: () => null,
      hostName: 'vm',
      openStops: () => null,
      oneTime: new OneTimeDoors(),
      run: async (command, { source }) => {
        this.ran.push(command.replaceAll('%IP%', source));
        return { ...DONE, ...this.result() };
      },
      now: () => this.#second * US_PER_SECOND,
      machine: { boot: null, now: () => 0 },
      closeOnExit: false,
      log: { debug: say, info: say, warn: say, error: say },
      signal: this.#ending.signal,
      ready: () => undefined,
      debug: null,
    });
    this.#ended = this.daemon.run();
  }

  static async ready(config: Config): Promise<Bench> {
    const bench = new Bench(config);
    await until(() => bench.#take !== null, 'the daemon asks for lines');
    return bench;
  }

  /** Hands on a TCP SYN for each port, a second apart, and waits until all that follows is done. */
  async knock(source: string, ...ports: readonly number[]): Promise<void> {
    for (const port of ports) {
      this.#second++;
      await this.hand(line(source, port, this.#second));
    }
  }

  async hand(lines: string): Promise<void> {
    await this.#give([
      {
        kind: 'lines',
        bytes: Buffer.from(lines),
        readAt: this.#second * US_PER_SECOND,
        bootedAt: null,
        place: null,
        again: false,
      },
    ]);
  }

  async pass(seconds: number): Promise<void> {
    this.#second += seconds;
    await this.#give([{ kind: 'drained', at: this.#second * US_PER_SECOND, isComplete: true }]);
  }

  /** Hands events on, and waits until the daemon is done with them and with what follows at once. */
  async #give(events: LineEvent[]): Promise<void> {
    const take = await until(() => this.#take, 'the daemon asks for lines');
    this.#take = null;
    take(events);
    await until(() => this.#take !== null, 'the daemon asks for more lines');
    await settled();
  }

  /** The commands that ran, once there are so many. */
  async commands(count: number): Promise<readonly string[]> {
    await until(() => this.ran.length >= count, `${count} commands`);
    return this.ran;
  }

  /** What was said that holds this, once it was. */
  heard(part: string): Promise<string> {
    return until(() => this.said.find((text) => text.includes(part)) ?? null, `"${part}" is said`);
  }

  async end(): Promise<void> {
    this.#ending.abort();
    this.#take?.([]);
    await this.#ended;
  }

  async *#lines(): AsyncGenerator<LineEvent> {
    while (!this.#ending.signal.aborted) {
      yield* await new Promise<LineEvent[]>((resolve) => {
        this.#take = resolve;
        this.#ending.signal.addEventListener('abort', () => resolve([]), { once: true });
      });
    }
  }
}

/** Long enough for a file to be written and synced. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

function line(source: string, port: number, second: number): string {
  const stamp = new Date(second * 1000).toISOString().replace('.000Z', '.000000+00:00');
  const rest = `LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${port} DF PROTO=TCP SPT=${second % 60_000} DPT=${port}`;
  return `${stamp} vm kernel: KNOCK IN=eth0 OUT= MAC= SRC=${source} DST=192.0.2.1 ${rest} WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
}

function configOf(text: string): Config {
  const { config, problems } = loadConfig(text);
  return config ?? expect.fail(JSON.stringify(problems));
}

function fileWith(text: string): string {
  const path = join(scratchFolder(), 'once.seq');
  writeFileSync(path, text);
  return path;
}

describe('under compat: knockd the log carries the sentences of knockd 0.8', () => {
  it('of stages, openings, commands and timeouts', async () => {
    const bench = await Bench.ready(
      configOf(
        '[a]\nsequence = 7000,8000\nseq_timeout = 5\nstart_command = echo %IP%\ncmd_timeout = 0\nstop_command = bye\n' +
          '[b]\nsequence = 9000\n',
      ),
    );
    bench.result = () => ({ status: 3 });
    await bench.knock('192.0.2.7', 7000, 8000);
    const failures = () => bench.said.filter((text) => text.includes('non-zero')).length;
    await until(() => failures() === 2, 'both commands have ended');
    await bench.knock('192.0.2.7', 7000, 9000, 9000);
    await bench.knock('192.0.2.7', 7000);
    await bench.pass(9);
    await bench.knock('192.0.2.9', 9000);
    // As knockd 0.8 has written them to its log file for the same packets. It tries a stop command but once.
    const ours = /^door |retrying the stop command/;
    expect(bench.said.filter((text) => !ours.test(text))).toEqual([
      '192.0.2.7: a: Stage 1',
      '192.0.2.7: a: Stage 2',
      '192.0.2.7: a: OPEN SESAME',
      'a: running command: echo 192.0.2.7',
      'a: command returned non-zero status code (3)',
      '192.0.2.7: a: command timeout',
      'a: running command: bye',
      'a: command returned non-zero status code (3)',
      '192.0.2.7: a: Stage 1',
      '192.0.2.7: b: Stage 1',
      '192.0.2.7: b: OPEN SESAME',
      '192.0.2.7: a: Stage 1',
      '192.0.2.7: a: sequence timeout (stage 1)',
      '192.0.2.9: b: Stage 1',
      '192.0.2.9: b: OPEN SESAME',
    ]);
    await bench.end();
  });

  it('an IPv6 source has commands of its own, or none, or the same', async () => {
    const bench = await Bench.ready(
      configOf(
        '[own]\nsequence = 1\nstart_command = four\nstart_command_6 = six\n' +
          '[none]\nsequence = 2\nstart_command = four\nstart_command_6 =\n' +
          '[same]\nsequence = 3\nstart_command = four\n' +
          '[only]\nsequence = 4\nstart_command_6 = six %IP%\n',
      ),
    );
    await bench.knock('192.0.2.7', 1, 2, 3, 4);
    expect(await bench.commands(3)).toEqual(['four', 'four', 'four']);
    const six = (port: number) =>
      line('2001:0db8:0000:0000:0000:0000:0000:0007', port, START_S + 5)
        .replace('TOS=0x00 PREC=0x00 TTL=64', 'TC=0 HOPLIMIT=64 FLOWLBL=1')
        .replace(/ ID=\d+ DF/, '')
        .replace('DST=192.0.2.1', 'DST=2001:0db8:0000:0000:0000:0000:0000:0001');
    await bench.hand([1, 2, 3, 4].map(six).join(''));
    expect((await bench.commands(6)).slice(3)).toEqual(['six', 'four', 'six 2001:db8::7']);
    await bench.end();
  });
});

describe('a one-time door', () => {
  const doors = (path: string) =>
    configOf(
      `[once]\none_time_sequences = ${path}\nstart_command = open %IP%\n[b]\nsequence = 9\nstart_command = b\n`,
    );

  it('opens once for each sequence, which is marked on disk before the door opens', async () => {
    const path = fileWith('1,2\n 3,4\n');
    const bench = await Bench.ready(doors(path));
    let seen = '';
    bench.result = () => {
      seen = readFileSync(path, 'utf8');
      return {};
    };
    await bench.knock('192.0.2.7', 1, 2);
    expect(await bench.commands(1)).toEqual(['open 192.0.2.7']);
    expect(seen).toBe('#1,2\n 3,4\n');
    await bench.knock('192.0.2.8', 1, 2);
    expect(bench.ran, 'a replay').toHaveLength(1);
    await bench.end();
  });

  it('takes up where it was after a restart and a reload', async () => {
    const path = fileWith('1,2\n3,4\n5,6\n');
    const first = await Bench.ready(doors(path));
    await first.knock('192.0.2.7', 1, 2);
    await first.commands(1);
    await first.end();
    const second = await Bench.ready(doors(path));
    await second.knock('192.0.2.8', 1, 2);
    expect(second.ran).toEqual([]);
    await second.knock('192.0.2.7', 3);
    await second.daemon.reload(doors(path));
    await second.knock('192.0.2.7', 4);
    expect(await second.commands(1)).toEqual(['open 192.0.2.7']);
    await second.knock('192.0.2.8', 3, 4);
    await second.knock('192.0.2.9', 5, 6);
    expect(await second.commands(2)).toEqual(['open 192.0.2.7', 'open 192.0.2.9']);
    await second.end();
  });

  it('whose sequence cannot be marked stays shut, and says so', async () => {
    const path = fileWith('1,2\n3,4\n');
    const bench = await Bench.ready(doors(path));
    await bench.knock('192.0.2.7', 1);
    rmSync(dirname(path), { recursive: true });
    await bench.knock('192.0.2.7', 2);
    expect(bench.ran).toEqual([]);
    expect(await bench.heard('not opened')).toMatch(
      /^192\.0\.2\.7: once: not opened: .*once\.seq: used sequences cannot be marked/,
    );
    await bench.knock('192.0.2.7', 1, 2, 9);
    expect(await bench.commands(1), 'it does not come back, and other doors go on').toEqual(['b']);
    await bench.end();
  });

  it('that runs out is told loudly, and the other doors go on', async () => {
    const path = fileWith('1,2\n');
    const bench = await Bench.ready(doors(path));
    await bench.knock('192.0.2.7', 1, 2, 9);
    expect(await bench.heard('no sequence')).toBe(
      `door once: no sequence is left in ${path}, the door stays shut, write more and reload`,
    );
    expect(await bench.commands(2)).toEqual(['open 192.0.2.7', 'b']);
    writeFileSync(path, '#1,2\n7,8\n');
    await bench.daemon.reload(doors(path));
    await bench.knock('192.0.2.7', 7, 8);
    expect(await bench.commands(3)).toEqual(['open 192.0.2.7', 'b', 'open 192.0.2.7']);
    await bench.end();
  });

  it('with nothing left at the start does not keep the other doors from being served', async () => {
    const bench = await Bench.ready(doors(fileWith('#1,2\n')));
    await bench.knock('192.0.2.7', 1, 2, 9);
    await bench.heard('no sequence is left');
    expect(await bench.commands(1)).toEqual(['b']);
    await bench.end();
  });
});

describe('a reload', () => {
  const yaml = (more = '', doors = 'cmd: { sequence: [1, 2], start_command: open }') =>
    configOf(`${more}\nsweep_guard: 0\ndoors: { ${doors} }`);

  it('of the prefix or max_age goes on reading where it was, and keeps attempts', async () => {
    const bench = await Bench.ready(yaml());
    await bench.knock('192.0.2.7', 1);
    await bench.daemon.reload(yaml('log: { max_age: 60s }'));
    await bench.knock('192.0.2.7', 2);
    expect(await bench.commands(1)).toEqual(['open']);
    expect(bench.sources).toBe(1);
    await bench.end();
  });

  it('of the interface begins attempts anew', async () => {
    const bench = await Bench.ready(yaml());
    await bench.knock('192.0.2.7', 1);
    await bench.daemon.reload(yaml('interface: eth0'));
    await bench.knock('192.0.2.7', 2);
    await bench.knock('192.0.2.7', 1, 2);
    expect(await bench.commands(1)).toEqual(['open']);
    await bench.end();
  });

  it('to a dry run runs no command from then on, and marks no sequence', async () => {
    const path = fileWith('7,8\n');
    const doors = `cmd: { sequence: [1, 2], start_command: open }, once: { one_time_sequences: ${path}, close: x }, x: { sequence: [5], open: { port: 22 } }`;
    const bench = await Bench.ready(yaml('', doors));
    await bench.daemon.reload(yaml('firewall: { backend: dry-run }', doors));
    await bench.knock('192.0.2.7', 1, 2, 7, 8);
    await bench.heard('would run command: open');
    expect(bench.ran).toEqual([]);
    expect(readFileSync(path, 'utf8')).toBe('7,8\n');
    await bench.end();
  });
});
