/** Several logs read side by side: the packets that come of them, and what happens when one of them fails. */

import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { MergedLogs } from '../../src/daemon/merged-logs.ts';
import type { LineEvent, LogPosition } from '../../src/model.ts';
import type { Checkpoint } from '../../src/source/checkpoint.ts';
import { until } from '../lab.ts';

const START_S = 1_795_219_200;
const US = 1_000_000;

function configOf(text: string): Config {
  const { config, problems } = loadConfig(
    `log: ${text}\ndoors: { a: { sequence: [1, 2], close: b }, b: { sequence: [9], open: { port: 22 } } }`,
  );
  return config ?? expect.fail(JSON.stringify(problems));
}

/** Logs that are handed their lines; a log is known by its path. */
class Bench {
  readonly ports: (number | null)[] = [];
  readonly passed: number[] = [];
  readonly said: string[] = [];
  readonly saved: string[] = [];
  /** Where reading would be taken up. */
  readonly resumed: string[] = [];
  /** Logs whose opening fails. */
  readonly missing = new Set<string>();
  readonly logs: MergedLogs;
  now = START_S * US;
  readonly #hands = new Map<string, (events: LineEvent[]) => void>();

  constructor(logs: string) {
    const say = (text: string): void => void this.said.push(text);
    this.logs = new MergedLogs(configOf(logs), 5 * US, {
      openLines: ({ path }, { signal }) => this.#lines(path, signal),
      openPosition: (_, { path }) => ({
        read: () => null,
        write: ({ from, upTo }: Checkpoint) => {
          this.saved.push(`${path} ${upTo.kind === 'file' ? upTo.position : ''}`);
          this.resumed.push(`${path} ${from.kind === 'file' ? from.position : ''}`);
        },
      }),
      notes: null,
      hostName: 'vm',
      log: { debug: say, info: say, warn: say, error: say },
      now: () => this.now,
    });
  }

  /** Follows the logs until all have ended. */
  async follow(): Promise<void> {
    for await (const event of this.logs.events()) {
      if (event.kind === 'time') this.passed.push(event.at - START_S * US);
      else this.ports.push(...event.arrivals.map(({ packet }) => packet.dpt));
    }
  }

  use(logs: string): void {
    this.logs.use(configOf(logs), 5 * US);
  }

  /** A packet at so many seconds after the start, read at once or later. */
  async show(path: string, port: number, second: number, readSecond = second): Promise<void> {
    const readAt = (START_S + readSecond) * US;
    const place: LogPosition = { kind: 'file', dev: 1, ino: 1, position: port, print: '' };
    const bytes = Buffer.from(line(port, START_S + second));
    await this.#hand(path, { kind: 'lines', bytes, readAt, bootedAt: null, place, again: false });
  }

  async drain(path: string, second: number, isComplete = true): Promise<void> {
    await this.#hand(path, { kind: 'drained', at: (START_S + second) * US, isComplete });
  }

  reads(path: string): boolean {
    return this.#hands.has(path);
  }

  async #hand(path: string, event: LineEvent): Promise<void> {
    const hand = await until(() => this.#hands.get(path) ?? null, `${path} is read`);
    this.#hands.delete(path);
    hand([event]);
    await until(() => this.#hands.has(path), `${path} has been heard`);
  }

  async *#lines(path: string, signal: AbortSignal): AsyncGenerator<LineEvent> {
    if (this.missing.has(path)) throw new Error(`no ${path}`);
    while (!signal.aborted) {
      yield* await new Promise<LineEvent[]>((resolve) => {
        this.#hands.set(path, resolve);
        signal.addEventListener('abort', () => resolve([]));
      });
    }
    this.#hands.delete(path);
  }
}

function line(port: number, second: number): string {
  const stamp = new Date(second * 1000).toISOString().replace('.000Z', '.000000+00:00');
  return `${stamp} vm kernel: KNOCK IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${port} DF PROTO=TCP SPT=40000 DPT=${port} WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
}

it('packets of two logs come in their order, those in both once', async () => {
  const bench = new Bench('[{ path: /a }, { path: /b }]');
  const ended = bench.follow();
  await bench.show('/a', 1, 0);
  await bench.show('/a', 3, 0.2);
  await bench.show('/b', 2, 0.1);
  await bench.show('/b', 3, 0.2);
  await bench.drain('/a', 0.5);
  await bench.drain('/b', 0.5);
  bench.logs.end();
  await ended;
  expect(bench.ports).toEqual([1, 2, 3]);
});

it('time passes once all logs were read, and no further than the one that is behind', async () => {
  const bench = new Bench('[{ path: /a }, { path: /b }]');
  const ended = bench.follow();
  await bench.drain('/a', 0.1);
  expect(bench.passed).toEqual([]);
  await bench.drain('/b', 0.3);
  expect(bench.passed).toEqual([0.1 * US]);
  bench.logs.end();
  await ended;
});

it('the place of a log is saved once its packets have been handed on', async () => {
  const bench = new Bench('[{ path: /a }, { path: /b }]');
  const ended = bench.follow();
  await bench.show('/a', 1, 0.05);
  bench.logs.save();
  expect(bench.saved).toEqual([]);
  await bench.drain('/b', 0.1);
  bench.logs.save();
  expect(bench.saved).toEqual(['/a 1']);
  bench.logs.end();
  await ended;
});

it('a log that is taken out is read no more, one that is put in is, and the others are read on', async () => {
  const bench = new Bench('[{ path: /a }, { path: /b }]');
  const ended = bench.follow();
  await bench.drain('/a', 0.1);
  await bench.drain('/b', 0.1);
  bench.use('[{ path: /b }, { path: /c }]');
  await until(() => !bench.reads('/a') && bench.reads('/c'), '/c is read in place of /a');
  await bench.show('/b', 1, 0.2);
  await bench.drain('/c', 0.3);
  expect(bench.ports).toEqual([1]);
  bench.logs.end();
  await ended;
});

it('a log that cannot be had ends a start, and is told of later', async () => {
  const bench = new Bench('[{ path: /a }, { path: /b }]');
  bench.missing.add('/b');
  await expect(bench.follow()).rejects.toThrow('no /b');

  const later = new Bench('{ path: /a }');
  later.missing.add('/b');
  const ended = later.follow();
  await later.drain('/a', 0.1);
  later.use('[{ path: /a }, { path: /b }]');
  await until(() => later.said.includes('/b: no /b'), 'it is told');
  await later.show('/a', 1, 3);
  later.logs.end();
  await ended;
  expect(later.ports).toEqual([1]);
});

it('all that is read ends when the last log does', async () => {
  const bench = new Bench('{ path: /a }');
  const ended = bench.follow();
  await bench.show('/a', 1, 0);
  bench.logs.end();
  await ended;
  expect(bench.ports).toEqual([1]);
});

it('time passes no further than the lines of a pipe that is behind, until it is silent', async () => {
  const bench = new Bench('{ path: /a }');
  const ended = bench.follow();
  await bench.drain('/a', 0, false);
  await bench.show('/a', 1, 20, 60);
  await bench.drain('/a', 61, false);
  await bench.drain('/a', 66, false);
  await bench.show('/a', 2, 24, 66.5);
  await bench.drain('/a', 67, false);
  await bench.drain('/a', 90, false);
  expect(bench.passed.map((us) => us / US)).toEqual([-3, 20, 20, 24, 80]);
  bench.logs.end();
  await ended;
});

it('time passes no further than a log that is still being read, as long as it gives signs of life', async () => {
  const bench = new Bench('[{ path: /a }, { path: /b }]');
  const ended = bench.follow();
  await bench.drain('/a', 1);
  await bench.drain('/b', 1);
  for (let second = 2; second < 40; second++) {
    await bench.drain('/a', second);
    await bench.show('/b', second, 1, second);
  }
  expect(new Set(bench.passed)).toEqual(new Set([1 * US]));
  await bench.drain('/a', 60);
  expect(bench.passed.at(-1)).toBe(1 * US);
  await bench.drain('/a', 100);
  expect(bench.passed.at(-1)).toBe(100 * US);
  bench.logs.end();
  await ended;
});

it('a log that has ended holds no time back', async () => {
  const bench = new Bench('[{ path: /a }, { path: /b }]');
  const ended = bench.follow();
  await bench.drain('/a', 1);
  await bench.drain('/b', 1);
  bench.use('{ path: /a }');
  await until(() => !bench.reads('/b'), '/b is read no more');
  await bench.drain('/a', 5);
  expect(bench.passed.at(-1)).toBe(5 * US);
  bench.logs.end();
  await ended;
});

it('a restart reads again from as much further back as the log is behind', async () => {
  const bench = new Bench('{ path: /a }');
  const ended = bench.follow();
  await bench.drain('/a', 0, false);
  // One second of the log takes ten to be read.
  for (let second = 0; second <= 3; second++) await bench.show('/a', 100 + second, second, 10 * second);
  bench.logs.save();
  expect(bench.resumed).toEqual(['/a 100']);
  bench.logs.end();
  await ended;
});
