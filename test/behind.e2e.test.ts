/** Knocks that a daemon reads late, from sources that are behind, stall and catch up. */

import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../src/config/load.ts';
import { OneTimeDoors } from '../src/config/one-time-doors.ts';
import { Daemon } from '../src/daemon/daemon.ts';
import { DryRunFirewall } from '../src/firewall/dry-run.ts';
import type { LineSource } from '../src/model.ts';
import { followFile } from '../src/source/file.ts';
import { followJournal } from '../src/source/journal.ts';
import { followStream } from '../src/source/stdin.ts';
import { scratchFolder } from './lab/scratch-folder.ts';
import { until } from './lab.ts';
import { exportEntry } from './support/journal-export.ts';

const STEPS = [7001, 7002, 7003];
const CLIENTS = 40;
/** A door's window, and how long a source stalls between two steps of each knock. */
const WINDOW_S = 3;
const STALL_MS = 5_500;
const BEHIND_MS = 60_000;
/** Longer than an attempt lasts that a live source says nothing of. */
const STOPPED_MS = 12_000;
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

const { config } = loadConfig(
  `log: { prefix: "KNOCK ", max_age: 1h }\nfirewall: { backend: dry-run }\n` +
    `doors: { ssh: { sequence: [${STEPS.join(', ')}], seq_timeout: ${WINDOW_S}s, open: { port: 22, for: 30s } } }`,
);

interface Knock {
  readonly client: string;
  readonly step: number;
  readonly at: Date;
}

/** Each step of all knocks, a second after the one before. */
function burst(step: number, startMs: number): Knock[] {
  return Array.from({ length: CLIENTS }, (_, index) => ({
    ...{ client: `192.0.2.${index + 1}`, step },
    at: new Date(startMs + step * 1_000 + index),
  }));
}

const bodyOf = ({ client, step }: Knock): string =>
  `KNOCK IN=eth0 OUT= MAC= SRC=${client} DST=192.0.2.254 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${step} DF PROTO=TCP SPT=${40_000 + step} DPT=${STEPS[step]} WINDOW=64240 RES=0x00 SYN URGP=0 `;
const lineOf = (knock: Knock): string =>
  `${knock.at.toISOString().replace('Z', '000+00:00')} vm kernel: ${bodyOf(knock)}\n`;
let serial = 0;
const entryOf = (knock: Knock): string =>
  exportEntry({
    ...{ __CURSOR: `c${++serial}`, _BOOT_ID: 'b', __MONOTONIC_TIMESTAMP: String(1_000 + serial) },
    ...{ __REALTIME_TIMESTAMP: String(knock.at.getTime() * 1_000), _TRANSPORT: 'kernel' },
    ...{ SYSLOG_FACILITY: '0', MESSAGE: bodyOf(knock) },
  }).toString();

/** The clients that a daemon opens for, once no more can come. */
async function opened(
  open: (signal: AbortSignal) => LineSource,
  write: () => Promise<void>,
): Promise<string[]> {
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const ending = new AbortController();
  let isReady = false;
  const daemon = new Daemon({
    ...{ config: config ?? expect.fail(), hostName: 'vm', oneTime: new OneTimeDoors(), closeOnExit: false },
    openLines: (_, { signal }) => open(signal),
    openFirewall: ({ firewall }) => new DryRunFirewall(firewall, () => undefined),
    ...{ openPosition: () => null, openStops: () => null, debug: null },
    run: () => expect.fail(),
    now: () => Date.now() * 1_000,
    machine: { boot: null, now: () => 0 },
    log: { debug: say, info: say, warn: say, error: say },
    signal: ending.signal,
    ready: () => {
      isReady = true;
    },
  });
  const ended = daemon.run();
  await until(() => isReady, 'the daemon is ready');
  await write();
  const opens = (): string[] => said.flatMap((text) => /^(\S+): ssh: OPEN SESAME$/.exec(text)?.[1] ?? []);
  await until(
    () => opens().length + said.filter((text) => text.includes('timeout at')).length >= CLIENTS,
    'all knocks have come to an end',
  );
  ending.abort();
  await ended;
  return opens();
}

const everyone = burst(0, 0).map(({ client }) => client);

describe('knocks that come late from a source that is behind and stalls', () => {
  it('open through the journal', async () => {
    const folder = scratchFolder();
    const startMs = Date.now() - BEHIND_MS;
    for (const step of STEPS.keys())
      writeFileSync(join(folder, `${step}`), burst(step, startMs).map(entryOf).join(''));
    const journalctl = join(folder, 'journalctl');
    const stall = `sleep ${STALL_MS / 1_000}`;
    writeFileSync(
      journalctl,
      `#!/bin/sh\ncase " $* " in *' -f '*) cd ${folder}; cat 0; ${stall}; cat 1; ${stall}; cat 2; exec sleep 60;; esac\n`,
    );
    chmodSync(journalctl, 0o755);
    expect(
      await opened(
        (signal) => followJournal({ journalctl, signal }),
        async () => undefined,
      ),
    ).toEqual(everyone);
  });

  it('open through a pipe', async () => {
    const startMs = Date.now() - BEHIND_MS;
    const cat = spawn('/bin/cat', [], { stdio: ['pipe', 'pipe', 'ignore'] });
    const write = async (): Promise<void> => {
      for (const step of STEPS.keys()) {
        cat.stdin.write(burst(step, startMs).map(lineOf).join(''));
        await sleep(STALL_MS);
      }
    };
    expect(await opened((signal) => followStream(cat.stdout, { signal }), write)).toEqual(everyone);
    cat.kill();
  });

  it('open from a file that a relay writes a minute late', async () => {
    const path = join(scratchFolder(), 'log');
    writeFileSync(path, '');
    const startMs = Date.now() - BEHIND_MS;
    const write = async (): Promise<void> => {
      for (const step of STEPS.keys()) {
        appendFileSync(path, burst(step, startMs).map(lineOf).join(''));
        await sleep((WINDOW_S * 1_000) / 2);
      }
    };
    expect(await opened((signal) => followFile(path, { from: 'end', signal }), write)).toEqual(everyone);
  });
});

/** A journalctl that is handed its entries, and what can be done to the one that runs. */
class HandedJournal {
  readonly journalctl: string;
  readonly #pid: string;
  readonly #entries: number;

  /** @param again what one does first that was started again */
  constructor(again = '') {
    const folder = scratchFolder();
    this.#pid = join(folder, 'pid');
    execFileSync('mkfifo', [join(folder, 'entries')]);
    this.#entries = openSync(join(folder, 'entries'), 'r+');
    onTestFinished(() => closeSync(this.#entries));
    this.journalctl = join(folder, 'journalctl');
    const follow = `test ! -e pid || { ${again || ':'}; }; echo $$ > pid; exec cat entries`;
    writeFileSync(this.journalctl, `#!/bin/sh\ncase " $* " in *' -f '*) cd ${folder}; ${follow};; esac\n`);
    chmodSync(this.journalctl, 0o755);
  }

  has(knocks: readonly Knock[]): void {
    writeSync(this.#entries, knocks.map(entryOf).join(''));
  }

  kill(signal: NodeJS.Signals): void {
    process.kill(Number(readFileSync(this.#pid, 'utf8')), signal);
  }
}

describe('knocks whose source stalls in the middle of them', () => {
  it('open when journalctl was stopped and goes on', async () => {
    const journal = new HandedJournal();
    const write = async (): Promise<void> => {
      const startMs = Date.now();
      journal.has(burst(0, startMs));
      await sleep(500);
      journal.kill('SIGSTOP');
      journal.has([...burst(1, startMs), ...burst(2, startMs)]);
      await sleep(STOPPED_MS);
      journal.kill('SIGCONT');
    };
    const { journalctl } = journal;
    expect(await opened((signal) => followJournal({ journalctl, signal }), write)).toEqual(everyone);
  });

  it('open when journalctl ended and the next one takes its time', async () => {
    const journal = new HandedJournal(`sleep ${STOPPED_MS / 1_000 - 4}`);
    const write = async (): Promise<void> => {
      const startMs = Date.now();
      journal.has(burst(0, startMs));
      await sleep(500);
      journal.kill('SIGKILL');
      journal.has([...burst(1, startMs), ...burst(2, startMs)]);
    };
    const { journalctl } = journal;
    expect(await opened((signal) => followJournal({ journalctl, signal }), write)).toEqual(everyone);
  });

  it('open from a file that a relay writes every six seconds', async () => {
    const path = join(scratchFolder(), 'log');
    writeFileSync(path, '');
    const flushMs = 6_000;
    const other = (atMs: number): string =>
      `${new Date(atMs).toISOString().replace('Z', '000+00:00')} vm kernel: other\n`;
    const write = async (): Promise<void> => {
      const startMs = Date.now();
      // The first step stands at the end of one flush, the others at the beginning of the next.
      for (const [index, steps] of [[], [], [0], [1, 2]].entries()) {
        const flushedMs = startMs + index * flushMs;
        await sleep(Math.max(0, flushedMs - Date.now()));
        const knocks = steps.flatMap((step) => burst(step, startMs + 2 * flushMs - 500));
        const first = index === 0 ? flushedMs : flushedMs - flushMs + 10;
        appendFileSync(path, other(first) + knocks.map(lineOf).join(''));
      }
    };
    expect(await opened((signal) => followFile(path, { from: 'end', signal }), write)).toEqual(everyone);
  });

  it('open through a pipe when the daemon itself was stopped', async () => {
    const folder = scratchFolder();
    writeFileSync(
      join(folder, 'knock.yaml'),
      `log: { from: stdin, prefix: "KNOCK ", max_age: 1h }\nfirewall: { backend: dry-run }\nstate: ${folder}\n` +
        `doors: { ssh: { sequence: [${STEPS}], seq_timeout: ${WINDOW_S}s, open: { port: 22, for: 30s } } }\n`,
    );
    const daemon = spawn(process.execPath, [MAIN, 'run', '-D', '-c', join(folder, 'knock.yaml')], {
      stdio: 'pipe',
    });
    onTestFinished(() => void daemon.kill('SIGKILL'));
    let said = '';
    for (const stream of [daemon.stdout, daemon.stderr]) stream.on('data', (text) => (said += text));
    await until(() => said.includes('ready'), 'the daemon is ready');
    const startMs = Date.now();
    daemon.stdin.write(burst(0, startMs).map(lineOf).join(''));
    await until(() => said.includes('stage 1 of 3'), 'the first step is read');
    daemon.kill('SIGSTOP');
    daemon.stdin.write([...burst(1, startMs), ...burst(2, startMs)].map(lineOf).join(''));
    await sleep(STOPPED_MS);
    daemon.kill('SIGCONT');
    const opens = (): string[] =>
      [...said.matchAll(/(\S+): ssh: OPEN SESAME/g)].flatMap(([, client]) => client ?? []);
    await until(() => said.includes('timeout at') || opens().length === CLIENTS, 'all knocks have ended');
    expect(opens()).toEqual(everyone);
  });

  it('and never go on end in a while', async () => {
    const journal = new HandedJournal();
    const write = async (): Promise<void> => journal.has(burst(0, Date.now()));
    const { journalctl } = journal;
    const startMs = Date.now();
    expect(await opened((signal) => followJournal({ journalctl, signal }), write)).toEqual([]);
    expect(Date.now() - startMs).toBeLessThan((WINDOW_S + 15) * 1_000);
  });
});
