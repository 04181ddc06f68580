/** The real knockd 0.8 and knocktail on one wire with one knockd.conf: what each opens, says and runs. */

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from './lab/describe.ts';
import { Lab, linesOf, SERVER, until } from './lab.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const SEND = fileURLToPath(new URL('./lab/send.mjs', import.meta.url));
const SCENARIOS = 80;
const LIMIT_MS = 240_000;

/** No two begin with the same port: knockd forgets attempts there (its head-drop bug). */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  ssh: ['7000', '8000', '9000'],
  lock: ['9000', '8000', '7000'],
  mixed: ['6100', '6200:udp', '6100'],
  twice: ['7100', '7100', '8100'],
  udp: ['6000:udp', '6001:udp'],
  single: ['5000'],
  syn: ['4100', '4200:udp', '4300'],
  ack: ['3100', '3200'],
};
const MORE: Readonly<Record<string, string>> = {
  syn: 'tcpflags = syn,!ack',
  ack: 'tcpflags = ack',
  udp: 'seq_timeout = 3',
};
/** Its second port ends every attempt: the next source finds a knockd with none. */
const BREAKER = ['61998:udp', '61999:udp'];
const LAST = '62000:udp';

interface Knock {
  readonly src: string;
  readonly dst: string;
  readonly proto: string;
  readonly port: number;
  readonly pauseMs: number;
}

describeWith(['root', 'ip', 'iptables', 'kernel log', 'knockd'], 'beside the real knockd', () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = new Lab();
    await lab.logAndDrop();
    await lab.pumpLog();
  });
  afterEach(() => lab.close());

  function writeConf(): string {
    const door = (name: string, sequence: readonly string[]) =>
      `[${name}]\n\tsequence = ${sequence.join(',')}\n\tseq_timeout = 2\n\t${MORE[name] ?? ''}\n` +
      `\tstart_command = echo start ${name} %IP% >> $KNOCK_RAN\n\tcmd_timeout = 0\n\tstop_command = echo stop ${name} %IP% >> $KNOCK_RAN\n`;
    const path = join(lab.folder, 'knockd.conf');
    const doors = { ...DOORS, breaker: BREAKER, last: [LAST] };
    writeFileSync(
      path,
      `[options]\n\tinterface = wire\n${Object.entries(doors)
        .map((it) => door(...it))
        .join('')}`,
    );
    return path;
  }

  /** Starts a daemon whose commands and log lines go to files of its own. */
  async function start(name: string, argv: readonly string[]) {
    const ran = join(lab.folder, `${name}.ran`);
    const log = join(lab.folder, `${name}.log`);
    const child = lab.spawn('server', ['env', `KNOCK_RAN=${ran}`, ...argv, '-g', log]);
    child.stderr?.on('data', () => undefined);
    await until(() => linesOf(log).some((line) => line.includes('starting up')), `${name} starts`);
    const end = async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    };
    return { log, ran, end };
  }

  async function send(knocks: readonly Knock[]): Promise<void> {
    const child = lab.spawn('client', [process.execPath, SEND]);
    child.stdin?.end(JSON.stringify(knocks));
    const [status] = await once(child, 'exit');
    expect(status).toBe(0);
  }

  it(
    'says, opens and runs the same, whatever the traffic',
    async () => {
      const seed = Number(process.env['KNOCKTAIL_SEED'] ?? Date.now() % 1_000_000);
      console.log(`knockd and knocktail: KNOCKTAIL_SEED=${seed}, ${SCENARIOS} scenarios`);
      const conf = writeConf();
      const traffic = scenarios(seed);
      await lab.addClients(SCENARIOS);
      const theirs = await start('knockd', ['knockd', '-c', conf, '-i', 'wire']);
      const ours = await start('knocktail', [
        ...[
          process.execPath,
          MAIN,
          'run',
          '-c',
          conf,
          '--log',
          lab.log,
          '--prefix',
          lab.prefix,
          '--state',
          lab.folder,
        ],
      ]);
      await send(traffic.flat());
      const source = clientOf(0).src;
      await send([{ src: source, dst: SERVER.v4, ...stepOf(LAST), pauseMs: 100 }]);
      for (const { ran } of [theirs, ours])
        await until(() => linesOf(ran).includes(`stop last ${source}`), ran);
      await Promise.all([theirs.end(), ours.end()]);

      const [told, expected] = [ours, theirs].map(({ log }) => attemptsIn(log));
      for (const [index, knocks] of traffic.entries()) {
        const src = clientOf(index).src;
        const about = {
          scenario: index,
          knocks: knocks.map(({ port, proto, pauseMs }) => `+${pauseMs} ${port}:${proto}`),
        };
        expect({ ...about, told: told?.get(src) }).toEqual({ ...about, told: expected?.get(src) });
      }
      expect(linesOf(ours.ran).toSorted()).toEqual(linesOf(theirs.ran).toSorted());
      const opened = linesOf(theirs.ran).filter((line) => line.startsWith('start')).length;
      expect(opened, 'the traffic opens doors').toBeGreaterThan(SCENARIOS / 4);
    },
    LIMIT_MS,
  );
});

/** What a log tells of each source, without stamps: stages, openings and timeouts, in order. */
function attemptsIn(log: string): ReadonlyMap<string, string[]> {
  const told = new Map<string, string[]>();
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [, src = '', text = ''] =
      /^\[.*?\] (\S+): (\w+: (?:Stage|OPEN|sequence timeout).*)$/.exec(line) ?? [];
    if (src !== '' && !text.startsWith('breaker')) told.set(src, [...(told.get(src) ?? []), text]);
  }
  return told;
}

function stepOf(step: string): { port: number; proto: string } {
  const [port, proto = 'tcp'] = step.split(':');
  return { port: Number(port), proto };
}

function clientOf(index: number): { src: string; dst: string } {
  const host = 100 + index;
  return index % 3 === 2
    ? { src: `fd77::${host.toString(16)}`, dst: SERVER.v6 }
    : { src: `10.77.0.${host}`, dst: SERVER.v4 };
}

/** For each scenario a source of its own, which knocks rightly, nearly rightly, or at random. */
function scenarios(seed: number): Knock[][] {
  const random = generator(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] ?? expect.fail();
  const names = Object.keys(DOORS);
  const every = [...new Set(Object.values(DOORS).flat())];
  const knockAt = (): readonly string[] => DOORS[pick(names)] ?? [];
  const mutations: ((steps: readonly string[]) => readonly string[])[] = [
    (steps) => steps,
    (steps) => [...steps, ...steps],
    (steps) => [...steps, ...knockAt()],
    (steps) => steps.flatMap((step) => (random() < 0.4 ? [step, step] : [step])),
    (steps) => steps.flatMap((step) => (random() < 0.4 ? [step, pick(every)] : [step])),
    (steps) => [pick(every), ...steps],
    (steps) => [pick(every), pick(every), ...steps],
    (steps) => [...steps.slice(0, -1), '65000', ...steps.slice(-1)],
    (steps) => steps.toReversed(),
    (steps) => knockAt().flatMap((step, at) => [step, ...steps.slice(at, at + 1)]),
    () => Array.from({ length: 8 }, () => pick(every)),
  ];
  return Array.from({ length: SCENARIOS }, (_, index) => {
    const steps = pick(mutations)(knockAt());
    const isSlow = random() < 0.25;
    const pauseMs = () => (isSlow && random() < 0.5 ? pick([700, 1100, 1900]) : 12);
    const knocks = steps.map((step) => ({ ...clientOf(index), ...stepOf(step), pauseMs: pauseMs() }));
    const breaks = [1, 1].map(() => ({ ...clientOf(index), ...stepOf(BREAKER[1] ?? ''), pauseMs: 12 }));
    return [...knocks, ...breaks];
  });
}

/** Numbers from 0 to 1 by a linear congruential generator, the same for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
