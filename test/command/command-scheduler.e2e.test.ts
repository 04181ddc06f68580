/** Start and stop commands for real, with a journal on a real disk and clocks that can be set. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type CommandResult, runCommand } from '../../src/command/command.ts';
import {
  type CommandParts,
  CommandScheduler,
  type CommandSettings,
  type DoorCommands,
} from '../../src/command/command-scheduler.ts';
import { readLines, StopFolder, StopStore } from '../../src/command/stop-store.ts';
import { type Micros, US_PER_MS } from '../../src/model.ts';
import { removeFolder } from '../lab/remove-folder.ts';
import { linesOf, until } from '../lab.ts';
import { address } from '../openings.ts';

const SOURCE = address('10.0.0.7');
const HOUR_MS = 3_600_000;

let folder: string;
let said: string[];
/** What a step has added to the wall clock. */
let stepUs: Micros;
let boot: string;
let daemons: CommandScheduler[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
  said = [];
  stepUs = 0;
  boot = 'one';
  daemons = [];
});
afterEach(async () => {
  await Promise.all(daemons.map((each) => each.shutdown()));
  removeFolder(folder);
});

const uptime = () => Math.round(performance.now() * US_PER_MS);
const stops = () => join(folder, 'stops');
const ran = () => linesOf(join(folder, 'out'));
const owed = () => readLines(readFileSync(join(stops(), 'journal'), 'utf8')).owed;
const echo = (what: string) => `echo ${what} >> ${folder}/out`;

function door(timeoutMs: number, parts: Partial<DoorCommands> = {}): DoorCommands {
  return {
    startCommand: echo('start'),
    startCommand6: null,
    stopCommand: echo('stop'),
    stopCommand6: null,
    cmdTimeoutUs: timeoutMs * US_PER_MS,
    ...parts,
  };
}

const DONE: CommandResult = {
  status: 0,
  signal: null,
  output: '',
  unshown: 0,
  timedOut: false,
  error: null,
};

/** A daemon's own commands by fake timers: nothing on disk, no clock of the machine. */
function timed(run: (command: string) => Promise<CommandResult>): Partial<CommandParts & CommandSettings> {
  return { stops: null, machine: { boot, now: () => Date.now() * US_PER_MS }, run };
}

/** The commands of a daemon, after it has inherited those of another. */
async function daemon(
  parts: Partial<CommandParts & CommandSettings> = {},
  doors = new Set(['cmd']),
): Promise<CommandScheduler> {
  const say = (text: string) => void said.push(text);
  const commands = new CommandScheduler(
    {
      run: runCommand,
      log: { debug: say, info: say, warn: say, error: say },
      now: () => Date.now() * US_PER_MS + stepUs,
      machine: { boot, now: uptime },
      closeOnExit: false,
      ...parts,
    },
    settings({ doors, ...parts }),
  );
  daemons.push(commands);
  await commands.resume();
  return commands;
}

function settings(parts: Partial<CommandSettings> = {}): CommandSettings {
  return { doors: new Set(['cmd']), compat: 'none', isDry: false, stops: new StopFolder(stops()), ...parts };
}

describe('a second knock', () => {
  const starts = () => ran().filter((text) => text === 'start').length;

  it('runs the start command again if it failed, and a stop command for each', async () => {
    const it = await daemon();
    const failing = door(600, { startCommand: `${echo('start')}; exit 4` });
    it.start('cmd', SOURCE, failing);
    await until(() => starts() === 1 && owed()[0]?.isStarting === false, 'the start command');
    it.start('cmd', SOURCE, failing);
    await until(() => starts() === 2, 'the second start command');
    await until(() => ran().length === 4, 'both stop commands');
  });

  it('runs the start command again after a reboot, but not within one boot', async () => {
    const first = await daemon();
    first.start('cmd', SOURCE, door(HOUR_MS));
    await until(() => starts() === 1 && owed()[0]?.isStarting === false, 'the start command');
    await first.shutdown();
    const second = await daemon();
    second.start('cmd', SOURCE, door(HOUR_MS));
    await until(() => said.some((text) => text.includes('already open')), 'what it says');
    await second.shutdown();
    boot = 'another';
    const third = await daemon();
    third.start('cmd', SOURCE, door(HOUR_MS));
    await until(() => starts() === 2, 'the start command');
    await third.shutdown();
  });
});

describe('a stop command', () => {
  it('is on disk before its start command runs, and no longer once it has run itself', async () => {
    const it = await daemon();
    it.start(
      'cmd',
      SOURCE,
      door(0, { startCommand: `cp ${stops()}/journal ${folder}/seen; ${echo('start')}` }),
    );
    await until(() => ran().length === 2, 'both commands');
    expect(readLines(readFileSync(join(folder, 'seen'), 'utf8')).owed).toMatchObject([
      { door: 'cmd', source: '10.0.0.7', command: echo('stop'), isStarting: true },
    ]);
    await until(() => owed().length === 0, 'nothing is owed');
    await until(() => readdirSync(stops()).length === 1, 'the journal alone');
  });

  it('waits on disk while no daemon runs; the next runs it once, immediately if overdue', async () => {
    const first = await daemon();
    first.start('cmd', SOURCE, door(1_500));
    first.start('cmd', address('10.0.0.8'), door(HOUR_MS));
    await until(
      () => ran().length === 2 && owed().every(({ isStarting }) => !isStarting),
      'both start commands',
    );
    await first.shutdown();
    expect(ran()).toEqual(['start', 'start']);
    expect(said.at(-1)).toBe('2 stop commands pending, will run after restart');
    await sleep(1_600);
    await daemon();
    await until(() => ran().length === 3, 'the stop command');
    const third = await daemon();
    await sleep(300);
    await third.shutdown();
    expect(ran()).toEqual(['start', 'start', 'stop']);
    expect(owed()).toMatchObject([{ source: '10.0.0.8' }]);
  });

  it('runs in time although the wall clock is set back, also under the next daemon', async () => {
    const first = await daemon();
    first.start('cmd', SOURCE, door(400));
    first.start('cmd', address('10.0.0.8'), door(800));
    stepUs = -10 * 24 * HOUR_MS * US_PER_MS;
    await until(() => ran().filter((text) => text === 'stop').length === 1, 'the first stop command');
    await first.shutdown();
    await daemon();
    await until(() => ran().filter((text) => text === 'stop').length === 2, 'the second stop command');
  });

  it('runs at most cmd_timeout after a reboot', async () => {
    const first = await daemon();
    first.start('cmd', SOURCE, door(2_000));
    await until(() => ran().length === 1 && owed()[0]?.isStarting === false, 'the start command');
    await first.shutdown();
    boot = 'two';
    stepUs = -10 * 24 * HOUR_MS * US_PER_MS;
    await daemon();
    await sleep(100);
    expect(ran()).toEqual(['start']);
    await until(() => ran().length === 2, 'the stop command');
  });

  it('of a removed door runs immediately, at a reload and at the next start', async () => {
    const first = await daemon();
    for (const host of [7, 8]) first.start('cmd', address(`10.0.0.${host}`), door(HOUR_MS));
    first.start('old', SOURCE, door(HOUR_MS, { stopCommand: echo('old') }));
    first.reconfigure(settings({ doors: new Set(['cmd', 'old']) }));
    await until(
      () => ran().length === 3 && owed().every(({ isStarting }) => !isStarting),
      'the start commands',
    );
    first.reconfigure(settings());
    await until(() => ran().length === 4, 'the stop command of the old door');
    await first.shutdown();
    await daemon({}, new Set());
    await until(() => ran().length === 6, 'those of the other door');
    expect(ran().slice(3)).toEqual(['old', 'stop', 'stop']);
  });

  it('runs at shutdown if it could not be saved', async () => {
    const it = await daemon({ stops: new StopFolder('/dev/null/stops') });
    for (const host of [7, 8]) it.start('cmd', address(`10.0.0.${host}`), door(HOUR_MS));
    await until(() => ran().length === 2, 'the start commands');
    await it.shutdown();
    expect(ran()).toEqual(['start', 'start', 'stop', 'stop']);
    expect(said.filter((text) => text.includes('cannot save stop commands'))).toHaveLength(1);
  });

  it('runs at shutdown with --close-on-exit', async () => {
    const it = await daemon({ closeOnExit: true });
    it.start('cmd', SOURCE, door(HOUR_MS));
    await until(() => ran().length === 1, 'the start command');
    await it.shutdown();
    expect([ran(), owed()]).toEqual([['start', 'stop'], []]);
  });

  it('that fails at shutdown is retried by the next daemon', async () => {
    const first = await daemon({ closeOnExit: true });
    first.start('cmd', SOURCE, door(HOUR_MS, { stopCommand: `${echo('stop')}; [ -e ${folder}/fine ]` }));
    await until(() => ran().length === 1, 'the start command');
    await first.shutdown();
    expect(ran()).toEqual(['start', 'stop']);
    expect(owed()).toMatchObject([{ failures: 1 }]);
    writeFileSync(join(folder, 'fine'), '');
    await daemon();
    await until(() => owed().length === 0, 'nothing is owed');
    expect(ran()).toEqual(['start', 'stop', 'stop']);
  });

  it('that runs at shutdown continues, and the next daemon reads its result', async () => {
    let isGone = false;
    const first = await daemon({
      // A process that has ended hears nothing of the commands that it has begun.
      run: async (command, of) => {
        const result = await runCommand(command, of);
        return isGone ? new Promise<never>(() => undefined) : result;
      },
    });
    const slow = `echo begun >> ${folder}/out; sleep 4; ${echo('stop')}`;
    first.start('cmd', SOURCE, door(0, { stopCommand: slow }));
    await until(() => ran().length === 2, 'the beginning of the stop command');
    await first.shutdown();
    isGone = true;
    expect(ran(), 'it does not wait for it').toEqual(['start', 'begun']);
    expect(said).toContain('1 command still running, not waiting');
    await daemon();
    await until(() => owed().length === 0, 'its end');
    expect(ran()).toEqual(['start', 'begun', 'stop']);
  });
});

describe('of a daemon that was killed', () => {
  /** Leaves a stop command, and what its claim says, as a daemon would that is killed then. */
  async function leave(what: 'start' | 'stop', claim: string | null, timeoutMs = 0): Promise<void> {
    const id = '00000000000000aa';
    const stop = {
      ...{
        id,
        door: 'cmd',
        source: SOURCE,
        command: echo('stop'),
        waitUs: timeoutMs * US_PER_MS,
        failures: 0,
      },
      ...{
        dueAt: uptime() + timeoutMs * US_PER_MS,
        dueAtWall: Date.now() * US_PER_MS,
        boot,
        isStarting: what === 'start',
      },
    };
    await new StopStore(new StopFolder(stops()), { warn: () => undefined }).save(stop);
    if (claim !== null) writeFileSync(join(stops(), `${id}.${what}`), claim);
  }
  const DEAD = 4_194_305;
  const nothingOwed = () => until(() => owed().length === 0, 'nothing is owed');

  it('a start command that has not begun never will, and needs no stop command', async () => {
    await leave('start', null);
    await daemon();
    await nothingOwed();
    const claim = join(stops(), '00000000000000aa.start');
    const late = await runCommand(echo('late'), { door: 'cmd', source: SOURCE, claim });
    expect(late.isTaken).toBe(true);
    await sleep(100);
    expect(ran()).toEqual([]);
  });

  it('a start command that a second killed daemon has prevented needs no stop command', async () => {
    await leave('start', '0\n');
    await daemon();
    await nothingOwed();
    expect(said).toEqual([]);
    expect(ran()).toEqual([]);
  });

  it.each([
    ['has ended', `${DEAD}\n0\n`],
    ['has failed', `${DEAD}\n3\n`],
    ['was cut off', `${DEAD}\n`],
  ])('a start command that %s is followed by its stop command', async (_, claim) => {
    await leave('start', claim);
    await daemon();
    await until(() => ran().length === 1, 'the stop command');
    await nothingOwed();
  });

  it.each([
    ['has ended', 'postpones its stop command', `${DEAD}\n0\n`, []],
    ['has failed', 'runs it again', `${DEAD}\n3\n`, ['start']],
    ['was cut off', 'runs it again', `${DEAD}\n`, ['start']],
  ])('a start command that %s: a second knock %s', async (_, __, claim, commands) => {
    await leave('start', claim, HOUR_MS);
    const it = await daemon();
    await until(() => owed()[0]?.isStarting === false, 'what became of it');
    it.start('cmd', SOURCE, door(HOUR_MS));
    const isPostponed = () => said.some((text) => text.includes('already open'));
    await until(() => isPostponed() || ran().length > 0, 'what the second knock does');
    await it.shutdown();
    expect(ran()).toEqual(commands);
    expect(owed()).toHaveLength(1 + commands.length);
    expect(isPostponed()).toBe(commands.length === 0);
  });

  it('a stop command waits for a start command that still runs', async () => {
    mkdirSync(stops());
    const claim = join(stops(), '00000000000000aa.start');
    const of = { door: 'cmd', source: SOURCE, claim };
    void runCommand(`${echo('start')}; sleep 0.7; ${echo('started')}`, of);
    await until(() => ran().length === 1, 'the start command');
    await leave('start', null, 100);
    await daemon();
    await until(() => ran().length === 3, 'the stop command');
    expect(ran()).toEqual(['start', 'started', 'stop']);
  });

  it.each([
    ['has ended is not run again', `${DEAD}\n0\n`, []],
    ['was cut off is run again', `${DEAD}\n`, ['stop']],
    ['was claimed and not begun is run', '', ['stop']],
    ['was never begun is run', null, ['stop']],
  ])('a stop command that %s', async (_, claim, commands) => {
    await leave('stop', claim);
    await daemon();
    await nothingOwed();
    expect(ran()).toEqual(commands);
  });

  it('a stop command that has failed is retried', async () => {
    await leave('stop', `${DEAD}\n3\n`);
    await daemon();
    await until(() => ran().length === 1, 'the second try');
    expect(said[1]).toBe('10.0.0.7: cmd: retrying the stop command in 1 s (1 of 5)');
    await nothingOwed();
  });

  it('a reused process id is not mistaken for the command', async () => {
    await leave('stop', `${process.pid}\n`);
    await daemon();
    await until(() => ran().length === 1, 'the stop command');
  });

  it('a stop command of the old daemon that begins only now is not run twice', async () => {
    await leave('stop', null);
    const claim = join(stops(), '00000000000000aa.stop');
    const both = [1, 2, 3, 4].map(() =>
      runCommand(`sleep 0.2; ${echo('stop')}`, { door: 'cmd', source: SOURCE, claim }),
    );
    await daemon();
    await nothingOwed();
    expect((await Promise.all(both)).filter(({ isTaken }) => isTaken !== true).length).toBeLessThan(2);
    expect(ran()).toEqual(['stop']);
    expect(existsSync(claim), 'what comes later still finds it claimed').toBe(true);
  });
});

describe('a second knock while the stop command waits', () => {
  it('postpones it, and runs no second start command', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const begun: string[] = [];
    const it = await daemon(
      timed(async (command) => {
        begun.push(command);
        return DONE;
      }),
    );
    const minute = door(60_000, { startCommand: 'start', stopCommand: 'stop' });
    it.start('cmd', SOURCE, minute);
    await vi.advanceTimersByTimeAsync(40_000);
    it.start('cmd', SOURCE, minute);
    it.start('cmd', address('10.0.0.8'), door(HOUR_MS, { startCommand: 'start', stopCommand: 'stop' }));
    await vi.advanceTimersByTimeAsync(59_900);
    expect(begun).toEqual(['start', 'start']);
    expect(said).toContain('10.0.0.7: cmd: already open, stop command postponed');
    await vi.advanceTimersByTimeAsync(200);
    expect(begun).toEqual(['start', 'start', 'stop']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(begun).toEqual(['start', 'start', 'stop']);
  });

  it('never makes it run earlier, and is saved for the next daemon', async () => {
    const it = await daemon();
    it.start('cmd', SOURCE, door(HOUR_MS));
    await until(() => ran().length === 1 && owed()[0]?.isStarting === false, 'the start command');
    const [before] = owed();
    it.start('cmd', SOURCE, door(10));
    await it.shutdown();
    expect(owed()).toMatchObject([{ dueAt: before?.dueAt, waitUs: HOUR_MS * US_PER_MS }]);
    it.start('cmd', SOURCE, door(2 * HOUR_MS));
    await it.shutdown();
    expect(owed()[0]?.dueAt).toBeGreaterThan(uptime() + 1.9 * HOUR_MS * US_PER_MS);
  });

  it('under compat: knockd runs both commands again', async () => {
    const it = await daemon({ compat: 'knockd' });
    it.start('cmd', SOURCE, door(200));
    it.start('cmd', SOURCE, door(200));
    await until(() => ran().length === 4, 'both commands, twice');
    expect(ran()).toEqual(['start', 'start', 'stop', 'stop']);
  });

  it('runs the start command again if the door has no stop command', async () => {
    const it = await daemon();
    for (let count = 0; count < 3; count++) it.start('cmd', SOURCE, door(0, { stopCommand: null }));
    await until(() => ran().length === 3, 'three start commands');
  });

  it('during the stop command runs both commands again after that', async () => {
    const it = await daemon();
    const slow = `sleep 0.3; ${echo('stop')}`;
    it.start('cmd', SOURCE, door(0, { stopCommand: slow }));
    await until(() => said.some((text) => text.includes('running command: sleep')), 'the stop command');
    it.start('cmd', SOURCE, door(0, { stopCommand: slow }));
    await until(() => ran().length === 4, 'all');
    expect(ran()).toEqual(['start', 'stop', 'start', 'stop']);
  });
});

describe('a stop command that fails', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_795_212_000_000 }));
  afterEach(() => void vi.useRealTimers());

  it.each([
    [{ status: 3 }, 'command returned non-zero status code (3)'],
    [{ error: 'EAGAIN' }, 'cannot run command: EAGAIN'],
    [{ status: null, signal: 'SIGSEGV' as const }, 'command was killed by SIGSEGV'],
    [{ timedOut: true, signal: 'SIGTERM' as const }, 'command timed out and was killed'],
  ])('is tried six times at growing intervals, and then logged as an error: %j', async (failure, text) => {
    const at: number[] = [];
    const begun = Date.now();
    const it = await daemon(
      timed(async (command) => {
        if (command === 'stop') at.push((Date.now() - begun) / 1000);
        return command === 'stop' ? { ...DONE, ...failure } : DONE;
      }),
    );
    it.start('cmd', SOURCE, door(10 * 1000, { startCommand: 'start', stopCommand: 'stop' }));
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    expect(at).toEqual([10, 11, 13, 17, 25, 41]);
    expect(said.at(-1)).toBe(
      `10.0.0.7: cmd: stop command failed 6 times (${text}), giving up; run it yourself: stop`,
    );
  });

  it('is retried until it succeeds', async () => {
    let tries = 0;
    const it = await daemon(
      timed(async (command) => (command === 'stop' && ++tries < 3 ? { ...DONE, status: 1 } : DONE)),
    );
    it.start('cmd', SOURCE, door(0, { startCommand: 'start', stopCommand: 'stop' }));
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    expect(tries).toBe(3);
    expect(said.some((text) => text.includes('giving up'))).toBe(false);
  });
});
