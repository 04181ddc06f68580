import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CommandContext, CommandResult } from '../../src/command/command.ts';
import { CommandScheduler } from '../../src/command/command-scheduler.ts';
import { type Firewall, type Opening, type Refused, US_PER_MS, US_PER_SECOND } from '../../src/model.ts';
import type { DoorAction } from '../../src/opening/knock.ts';
import { OpeningManager } from '../../src/opening/opening-manager.ts';
import { address, opening, port } from '../openings.ts';

const SOURCE = address('10.0.0.7');
const DONE: CommandResult = { status: 0, signal: null, output: '', unshown: 0, timedOut: false, error: null };

const action = (parts: Partial<DoorAction>): DoorAction => ({
  open: null,
  close: null,
  startCommand: null,
  startCommand6: null,
  stopCommand: null,
  stopCommand6: null,
  cmdTimeoutUs: 10 * US_PER_SECOND,
  ...parts,
});
const opens = (seconds: number | null): DoorAction =>
  action({
    open: {
      port: port(22),
      proto: 'tcp',
      to: null,
      forUs: seconds === null ? null : seconds * US_PER_SECOND,
    },
  });

/** A firewall that remembers, and fails when it is told to. */
class PaperFirewall implements Firewall {
  isDry = false;
  readonly hasTime = true;
  lists = 0;
  batches = 0;
  prepared = 0;
  rules: Opening[] = [];
  history: string[] = [];
  failing: string | null = null;
  /** What somebody else has taken away. */
  gone: 'nothing' | 'jump' | 'chain' = 'nothing';
  closed = false;
  /** Insertions that take too long. */
  locked = 0;

  async ensure() {
    if (this.failing === 'ensure') throw new Error('no such luck');
    const rebuilt = this.gone !== 'nothing';
    const told = rebuilt ? [`made the ${this.gone}`] : [];
    this.gone = 'nothing';
    return { told, rebuilt };
  }
  async intact() {
    return this.gone === 'nothing';
  }
  async list() {
    this.lists++;
    if (this.failing === 'list') throw new Error('no such luck');
    return [...this.rules];
  }
  async has(rule: Opening) {
    return this.rules.some((other) => isSame(other, rule));
  }
  async insert(rules: readonly Opening[]) {
    this.batches++;
    const refused = new Map<Opening, Refused>();
    for (const rule of rules) {
      const error = new Error('no such luck');
      if (this.gone === 'chain') refused.set(rule, { error, why: 'no chain' });
      else if (this.locked-- > 0) refused.set(rule, { error, why: 'no answer' });
      else if (this.#does('insert', rule)) this.rules.push(rule);
      else refused.set(rule, { error, why: 'other' });
    }
    return refused;
  }
  async prepareRemoval() {
    this.prepared++;
    return 250;
  }
  async remove(rules: readonly Opening[]) {
    const left = new Map<Opening, Error | null>();
    for (const rule of rules) {
      if (!this.#does('remove', rule)) left.set(rule, new Error('no such luck'));
      else if (!(await this.has(rule))) left.set(rule, null);
      else this.rules = this.rules.filter((other) => !isSame(other, rule));
    }
    return left;
  }
  async close() {
    this.closed = true;
  }
  /** Somebody else deletes the chain, with all that is in it. */
  vanish() {
    this.rules = [];
    this.gone = 'chain';
  }
  #does(what: string, rule: Opening) {
    if (this.failing === what || this.failing === `${what} ${rule.source}`) return false;
    this.history.push(`${what} ${rule.door}`);
    return true;
  }
}

/** One whose every change takes a while, and which is quick to say what stands in it. */
class BusyFirewall extends PaperFirewall {
  readonly lots: number[] = [];
  readonly order: string[] = [];

  override async insert(rules: readonly Opening[]) {
    await new Promise((resolve) => setTimeout(resolve, TAKES_MS));
    for (const { source } of rules) this.order.push(`insert ${source}`);
    this.rules.unshift(...rules);
    return new Map<Opening, Refused>();
  }
  override async remove(rules: readonly Opening[]) {
    await new Promise((resolve) => setTimeout(resolve, TAKES_MS));
    this.lots.push(rules.length);
    this.order.push('remove');
    const gone = new Set(rules.map(({ source }) => source));
    const stood = new Set(this.rules.map(({ source }) => source));
    this.rules = this.rules.filter(({ source }) => !gone.has(source));
    return new Map(rules.filter(({ source }) => !stood.has(source)).map((rule) => [rule, null]));
  }
}

const TAKES_MS = 20;
const MANY = 10_000;
const manyUntil = (until: number): Opening[] =>
  Array.from({ length: MANY }, (_, at) => opening({ source: address(`10.1.${at >> 8}.${at & 255}`), until }));

function isSame(left: Opening, right: Opening): boolean {
  return left.door === right.door && left.source === right.source && left.until === right.until;
}

describe('the keeper', () => {
  let firewall: PaperFirewall;
  let said: string[];
  let ran: string[];
  let commands: CommandScheduler;
  /** By how much somebody has set the wall clock. */
  let setByUs: number;
  let result: () => Promise<CommandResult>;

  beforeEach(() => {
    vi.useFakeTimers({ now: 1_795_212_000_000 });
    firewall = new PaperFirewall();
    said = [];
    ran = [];
    setByUs = 0;
    result = async () => DONE;
  });
  afterEach(() => void vi.useRealTimers());

  async function keeper(doors: Record<string, DoorAction>): Promise<OpeningManager> {
    const say = (text: string) => void said.push(text);
    const parts = {
      run: (command: string, { door, source }: CommandContext) => {
        ran.push(`${command} ${door} ${source}`);
        return result();
      },
      now: () => Date.now() * US_PER_MS + setByUs,
      machine: { boot: 'this', now: () => Date.now() * US_PER_MS },
      closeOnExit: false,
      log: { debug: say, info: say, warn: say, error: say },
    };
    const actions = new Map(Object.entries(doors));
    commands = new CommandScheduler(parts, {
      doors: actions,
      compat: 'none',
      isDry: false,
      stops: null,
    });
    const made = new OpeningManager({ ...parts, doors: actions, firewall, commands });
    await made.start();
    return made;
  }

  const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);

  it('opens a door for a source and closes it when its time is over', async () => {
    (await keeper({ ssh: opens(30) })).opened('ssh', SOURCE);
    await pass(29.9);
    expect(firewall.rules).toEqual([opening({ until: 1_795_212_030 })]);
    await pass(0.2);
    expect(firewall.rules).toEqual([]);
    expect(said).toEqual([
      'ssh: opened 22/tcp for 10.0.0.7 until 22:00:30 (30 s)',
      'ssh: closed 22/tcp for 10.0.0.7',
    ]);
  });

  it('keeps a door open across a second knock without a gap', async () => {
    const it = await keeper({ ssh: opens(30) });
    it.opened('ssh', SOURCE);
    await pass(20);
    it.opened('ssh', SOURCE);
    await pass(0);
    expect(firewall.history).toEqual(['insert ssh', 'insert ssh', 'remove ssh']);
    await pass(29);
    expect(firewall.rules).toHaveLength(1);
    await pass(2);
    expect(firewall.rules).toEqual([]);
  });

  describe('with thousands of openings', () => {
    let busy: BusyFirewall;
    beforeEach(() => {
      busy = new BusyFirewall();
      firewall = busy;
    });

    it('that end together opens to a knock after one lot of them at most, and removes them all', async () => {
      busy.rules = manyUntil(1_795_212_010);
      const it = await keeper({ ssh: opens(30) });
      await pass(10.1);
      for (let knock = 0; knock < 10; knock++) {
        const before = busy.order.length;
        it.opened('ssh', address(`10.2.0.${knock}`));
        await vi.advanceTimersByTimeAsync(2 * TAKES_MS + knock);
        const place = busy.order.indexOf(`insert 10.2.0.${knock}`, before) - before;
        expect([0, 1]).toContain(place);
      }
      expect(busy.rules.length).toBeGreaterThan(MANY / 2);
      await pass(10);
      expect(busy.rules).toHaveLength(10);
      expect(Math.max(...busy.lots)).toBeLessThanOrEqual(300);
      expect(busy.lots.reduce((sum, lot) => sum + lot)).toBe(MANY);
      expect(busy.prepared).toBe(1);
      expect(said.filter((text) => text.startsWith('ssh: closed 22/tcp for '))).toHaveLength(MANY);
    });

    it('that have ended while no daemon was there starts before they are removed', async () => {
      busy.rules = manyUntil(1_795_211_000);
      const it = await keeper({ ssh: opens(30) });
      expect(busy.rules).toHaveLength(MANY);
      it.opened('ssh', SOURCE);
      await vi.advanceTimersByTimeAsync(2 * TAKES_MS + 1);
      expect(busy.rules.some(({ source }) => source === SOURCE)).toBe(true);
      await pass(10);
      expect(busy.rules.map(({ source }) => source)).toEqual([SOURCE]);
    });

    it('closes them with one change where they are to be closed now, those that are over among them', async () => {
      busy.rules = [
        ...manyUntil(1_795_212_010).slice(0, MANY / 2),
        ...manyUntil(1_795_299_999).slice(MANY / 2),
      ];
      const it = await keeper({ ssh: opens(30) });
      await pass(10.1);
      const before = busy.lots.length;
      it.closeAll();
      await vi.advanceTimersByTimeAsync(3 * TAKES_MS);
      expect(busy.rules).toEqual([]);
      await pass(10);
      expect(busy.lots.length - before).toBeLessThanOrEqual(2);
      expect(said.filter((text) => text.startsWith('ssh: closed 22/tcp for '))).toHaveLength(MANY);
    });

    it('takes at once what a clock that is set back would open again', async () => {
      busy.rules = manyUntil(1_795_212_010);
      const it = await keeper({ ssh: opens(30) });
      await pass(10.1);
      setByUs = -3600 * US_PER_SECOND;
      it.opened('ssh', SOURCE);
      await vi.advanceTimersByTimeAsync(4 * TAKES_MS);
      expect(busy.rules.map(({ source }) => source)).toEqual([SOURCE]);
    });

    it('names one of those that it could not close, and how many more there are', async () => {
      const resisting = new PaperFirewall();
      resisting.rules = manyUntil(1_795_212_010).slice(0, 40);
      resisting.failing = 'remove';
      firewall = resisting;
      await keeper({ ssh: opens(30) });
      await pass(10.1);
      expect(said).toEqual(['ssh: 22/tcp was not closed for 10.1.0.0 and 39 more: no such luck']);
    });
  });

  it('takes over what stands in the firewall when it starts', async () => {
    firewall.rules = [opening({ until: 1_795_211_999 }), opening({ door: 'web', until: 1_795_212_010 })];
    await keeper({ ssh: opens(30) });
    expect(firewall.rules.map(({ door }) => door)).toEqual(['web']);
    await pass(10.1);
    expect(firewall.rules).toEqual([]);
  });

  it('closes what was opened by hand, too', async () => {
    const it = await keeper({ ssh: opens(30), lock: action({ close: 'ssh' }) });
    firewall.rules = [opening({ until: 1_795_999_999 }), opening({ source: address('10.0.0.8') })];
    it.opened('lock', SOURCE);
    await pass(0);
    expect(firewall.rules).toEqual([opening({ source: address('10.0.0.8') })]);
    it.opened('lock', SOURCE);
    await pass(0);
    expect(said).toEqual([
      expect.stringMatching(/^ssh: closed 22\/tcp for 10\.0\.0\.7 \(9 d 2 h early\)$/),
      'ssh: was not open for 10.0.0.7',
    ]);
  });

  it('opens no host behind the door to a source of the other family, and says what to do', async () => {
    const { open } = opens(30);
    const to = address('192.0.2.9');
    const it = await keeper({ ssh: { ...opens(30), open: open && { ...open, to }, startCommand: 'start' } });
    it.opened('ssh', address('2001:db8::7'));
    await pass(0);
    expect([said, ran, firewall.batches]).toEqual([
      [
        'ssh: 22/tcp on 192.0.2.9 was not opened for 2001:db8::7: the door leads to a host of the other family (2001:db8::7), ' +
          'take an IPv4 address, as 192.0.2.9 is one',
      ],
      [],
      0,
    ]);
    it.opened('ssh', SOURCE);
    await pass(0);
    expect(firewall.rules).toMatchObject([{ source: SOURCE, to }]);
  });

  it('reports what the firewall says when it fails, runs nothing, and serves the next knock', async () => {
    const it = await keeper({ ssh: { ...opens(30), startCommand: 'start' } });
    firewall.failing = 'insert';
    it.opened('ssh', SOURCE);
    await pass(0);
    expect([said, ran]).toEqual([['ssh: 22/tcp was not opened for 10.0.0.7: no such luck'], []]);
    firewall.failing = null;
    it.opened('ssh', SOURCE);
    await pass(0);
    expect([firewall.rules.length, ran]).toEqual([1, ['start ssh 10.0.0.7']]);
  });

  it('a flood of traps costs one look at the chain, and a knock that comes after it does not wait for more', async () => {
    const it = await keeper({ ssh: opens(30), cmd: action({ startCommand: 'start' }) });
    firewall.lists = 0;
    for (let count = 0; count < 5_000; count++)
      it.trapped('ssh', address(`10.1.${count >> 8}.${count & 255}`));
    for (let count = 0; count < 5_000; count++) it.trapped('cmd', SOURCE);
    it.opened('ssh', SOURCE);
    await pass(0);
    expect([firewall.lists, firewall.rules.length]).toEqual([1, 1]);
    expect(said.at(-1)).toMatch(/opened 22\/tcp/);
  });

  it('a trap closes what was opened before it, and not what is opened after it', async () => {
    const it = await keeper({ ssh: opens(30) });
    it.trapped('ssh', SOURCE);
    it.opened('ssh', SOURCE);
    it.trapped('ssh', SOURCE);
    await pass(0);
    expect(firewall.rules).toEqual([]);
    it.opened('ssh', SOURCE);
    await pass(0);
    expect(firewall.rules).toHaveLength(1);
  });

  it('opens again at the next knock what somebody else has flushed', async () => {
    const it = await keeper({ ssh: opens(null) });
    it.opened('ssh', SOURCE);
    await pass(0);
    firewall.rules = [];
    it.opened('ssh', SOURCE);
    await pass(0);
    expect(firewall.rules).toEqual([opening({ until: null })]);
  });

  it('tells of a door that it opens again as of any that it opens', async () => {
    const it = await keeper({ ssh: opens(30) });
    it.opened('ssh', SOURCE);
    await pass(0);
    firewall.rules = [];
    it.opened('ssh', SOURCE);
    await pass(0);
    it.opened('ssh', SOURCE);
    await pass(0);
    expect(said).toEqual([
      'ssh: opened 22/tcp for 10.0.0.7 until 22:00:30 (30 s)',
      'ssh: opened 22/tcp for 10.0.0.7 until 22:00:30 (30 s)',
      'ssh: 22/tcp is already open for 10.0.0.7 until 22:00:30',
    ]);
  });

  it('closes what it knows of when the chain cannot be listed', async () => {
    const it = await keeper({ ssh: opens(null), lock: action({ close: 'ssh' }) });
    it.opened('ssh', SOURCE);
    await pass(0);
    firewall.failing = 'list';
    it.opened('lock', SOURCE);
    await pass(0);
    expect(firewall.rules).toEqual([]);
    expect(said).toContain('what stands in the chain is not known: no such luck');
  });

  it('goes over to another firewall with all that is open, knocks on the way included', async () => {
    const it = await keeper({ ssh: opens(30), web: opens(null) });
    it.opened('ssh', SOURCE);
    it.opened('web', SOURCE);
    await pass(0);
    const before = firewall;
    const other = new PaperFirewall();
    const moved = it.setFirewall(other);
    it.opened('ssh', address('10.0.0.8'));
    await pass(0);
    await moved;
    expect([before.rules, other.rules.map(({ door, source }) => `${door} ${source}`)]).toEqual([
      [],
      ['ssh 10.0.0.7', 'web 10.0.0.7', 'ssh 10.0.0.8'],
    ]);
    await pass(31);
    expect(other.rules.map(({ door }) => door)).toEqual(['web']);
  });

  it('opens nothing for real that was rehearsed, and closes nothing by a rehearsal', async () => {
    const it = await keeper({ web: opens(null) });
    it.opened('web', SOURCE);
    await pass(0);
    const dry = new PaperFirewall();
    dry.isDry = true;
    await Promise.all([it.setFirewall(dry), pass(0)]);
    it.opened('web', address('10.0.0.8'));
    await pass(0);
    const real = new PaperFirewall();
    await Promise.all([it.setFirewall(real), pass(0)]);
    expect([firewall.rules.length, dry.rules.length, real.rules.length]).toEqual([1, 1, 0]);
    expect(said.filter((text) => text.startsWith('openings left to themselves'))).toHaveLength(2);
  });

  it('closes all at a flush although what stands in the chain cannot be told', async () => {
    const it = await keeper({ web: opens(null) });
    it.opened('web', SOURCE);
    await pass(0);
    firewall.failing = 'list';
    it.closeAll();
    await pass(0);
    expect(firewall.rules).toEqual([]);
    expect(said).toContain('what stands in the chain is not known: no such luck');
  });

  it('stays with the old firewall when the other cannot be had', async () => {
    const it = await keeper({ ssh: opens(30) });
    it.opened('ssh', SOURCE);
    const other = new PaperFirewall();
    other.failing = 'list';
    await expect(it.setFirewall(other)).rejects.toThrow('no such luck');
    await pass(31);
    expect(firewall.history).toEqual(['insert ssh', 'remove ssh']);
  });

  it('leaves nothing open in a firewall that has not taken all', async () => {
    const it = await keeper({ ssh: opens(null) });
    it.opened('ssh', SOURCE);
    it.opened('ssh', address('2001:db8::7'));
    await pass(0);
    const other = new PaperFirewall();
    other.failing = 'insert 2001:db8::7';
    await expect(it.setFirewall(other)).rejects.toThrow('no such luck');
    expect([other.rules, firewall.rules.length]).toEqual([[], 2]);
  });

  it.each([-3_600, 3_600])(
    'with the clock set by %i s keeps open for the time that is left, and no longer',
    async (seconds) => {
      const it = await keeper({ ssh: opens(30) });
      it.opened('ssh', SOURCE);
      await pass(10);
      setByUs = seconds * US_PER_SECOND;
      await pass(1);
      expect(firewall.rules).toEqual([opening({ until: 1_795_212_030 + seconds })]);
      expect(said.at(-1)).toMatch(/^the clock was set by \S+ s; openings that keep their time: 1$/);
      await pass(20);
      expect(firewall.rules).toEqual([]);
    },
  );

  it('with the clock set just before a second knock, counts its time from the knock', async () => {
    const it = await keeper({ ssh: opens(30) });
    it.opened('ssh', SOURCE);
    await pass(10);
    setByUs = -3_600 * US_PER_SECOND;
    it.opened('ssh', SOURCE);
    await pass(0);
    expect(firewall.rules).toEqual([opening({ until: 1_795_212_040 - 3_600 })]);
  });

  it('opens with one change to the firewall what comes while it is busy, and tells of each', async () => {
    const it = await keeper({ ssh: { ...opens(30), startCommand: 'start' } });
    firewall.failing = 'insert 10.1.0.3';
    for (let n = 0; n < 50; n++) it.opened('ssh', address(`10.1.0.${n}`));
    await pass(0);
    expect([firewall.batches, firewall.rules.length, ran.length]).toEqual([1, 49, 49]);
    expect(said.filter((text) => text.includes('not opened'))).toEqual([
      'ssh: 22/tcp was not opened for 10.1.0.3: no such luck',
    ]);
  });

  it('opens and closes in the order of the knocks, also where they come at once', async () => {
    const it = await keeper({ ssh: opens(30), lock: action({ close: 'ssh' }) });
    it.opened('ssh', SOURCE);
    it.opened('lock', SOURCE);
    await pass(0);
    expect(firewall.rules).toEqual([]);
    it.opened('lock', SOURCE);
    it.opened('ssh', SOURCE);
    await pass(0);
    expect(firewall.rules).toHaveLength(1);
  });

  it('keeps what was open when none of two longer openings that come at once can be had', async () => {
    const it = await keeper({ ssh: opens(30), web: opens(30) });
    it.opened('ssh', SOURCE);
    await pass(5);
    firewall.failing = 'insert';
    it.opened('ssh', SOURCE);
    it.opened('ssh', SOURCE);
    await pass(20);
    expect(firewall.rules).toEqual([opening({ until: 1_795_212_030 })]);
    await pass(6);
    expect(firewall.rules).toEqual([]);
  });

  it('makes a chain that has gone anew at the next knock, with all that is open, and tells of it once', async () => {
    const it = await keeper({ ssh: opens(300) });
    it.opened('ssh', SOURCE);
    await pass(0);
    firewall.vanish();
    it.opened('ssh', address('10.0.0.8'));
    await pass(0);
    expect(firewall.rules.map(({ source }) => source)).toEqual(['10.0.0.7', '10.0.0.8']);
    await pass(200);
    expect(said.filter((text) => !text.includes('opened'))).toEqual([
      'made the chain',
      'openings put back: 1',
    ]);
  });

  it('makes a chain that has gone anew within a minute', async () => {
    const it = await keeper({ ssh: opens(300) });
    it.opened('ssh', SOURCE);
    await pass(1);
    firewall.vanish();
    await pass(60);
    expect(firewall.rules).toHaveLength(1);
  });

  it('sees soon after a knock that the jump has gone', async () => {
    const it = await keeper({ ssh: opens(300) });
    firewall.gone = 'jump';
    it.opened('ssh', SOURCE);
    await pass(1);
    expect([firewall.gone, firewall.rules.length]).toEqual(['nothing', 1]);
  });

  it('does not put back what somebody has taken out, not even when the chain vanishes later', async () => {
    const it = await keeper({ ssh: opens(600) });
    it.opened('ssh', SOURCE);
    await pass(0);
    firewall.rules = [];
    await pass(61);
    expect(said.at(-1)).toBe('openings that somebody has taken out of the chain: 1');
    firewall.vanish();
    await pass(61);
    expect([firewall.gone, firewall.rules]).toEqual(['nothing', []]);
    it.opened('ssh', SOURCE);
    await pass(0);
    expect(firewall.rules).toHaveLength(1);
  });

  it('tells once what it cannot mend, and mends it when it can', async () => {
    const it = await keeper({ ssh: opens(600) });
    it.opened('ssh', SOURCE);
    await pass(0);
    firewall.vanish();
    firewall.failing = 'ensure';
    await pass(300);
    expect(said.slice(1)).toEqual(['no such luck']);
    firewall.failing = null;
    await pass(60);
    expect(firewall.rules).toHaveLength(1);
  });

  it('waits with an opening that the firewall has no time for, and says so', async () => {
    const it = await keeper({ ssh: opens(30) });
    firewall.locked = 2;
    it.opened('ssh', SOURCE);
    await pass(0);
    expect(firewall.rules).toHaveLength(1);
    const waits = 'openings that wait for the firewall: 1: no such luck';
    expect(said).toEqual([waits, waits, expect.stringContaining('opened')]);
  });

  it('ends within two seconds though the firewall does not answer, and says so', async () => {
    const it = await keeper({ ssh: opens(30) });
    firewall.insert = () => new Promise(() => undefined);
    firewall.close = () => new Promise(() => undefined);
    it.opened('ssh', SOURCE);
    await pass(0);
    let isEnded = false;
    void it.shutdown().then(() => {
      isEnded = true;
    });
    await pass(2);
    expect(isEnded).toBe(true);
    expect(said.at(-1)).toMatch(/^the firewall does not answer/);
  });

  it('runs a command that needs no rule though the firewall does not answer', async () => {
    const it = await keeper({ ssh: opens(30), cmd: action({ startCommand: 'start' }) });
    firewall.insert = () => new Promise(() => undefined);
    it.opened('ssh', SOURCE);
    it.opened('cmd', SOURCE);
    await pass(0);
    expect(ran).toEqual(['start cmd 10.0.0.7']);
  });

  it('runs no more than 32 commands at once, in the order of the knocks, and says once how many it turned away', async () => {
    const finish: ((result: CommandResult) => void)[] = [];
    result = () => new Promise((resolve) => finish.push(resolve));
    const it = await keeper({ cmd: action({ startCommand: 'start' }) });
    for (let count = 0; count < 1_100; count++) {
      it.opened('cmd', address(`10.1.${count >> 8}.${count & 255}`));
      await pass(0);
    }
    expect(ran).toHaveLength(32);
    while (finish.length > 0) {
      finish.shift()?.(DONE);
      await pass(0);
    }
    expect(ran).toHaveLength(1_032);
    expect(ran[1_031]).toBe('start cmd 10.1.4.7');
    expect(said.filter((text) => text.includes('ran no command'))).toEqual([
      '68 openings ran no command: too many commands waiting',
    ]);
  });

  it('flushed, it closes all that is open, whoever opened it, or what of it is wanted', async () => {
    const it = await keeper({ ssh: opens(60), web: opens(60) });
    it.opened('ssh', SOURCE);
    it.opened('web', SOURCE);
    await pass(0);
    firewall.rules.push(opening({ source: address('10.0.0.8'), until: null }));
    it.flush(({ door }) => door === 'web');
    await pass(0);
    expect(firewall.rules.map(({ door }) => door)).toEqual(['ssh', 'ssh']);
    it.closeAll();
    await pass(0);
    expect(firewall.rules).toEqual([]);
    it.opened('ssh', SOURCE);
    await pass(0);
    expect(firewall.rules).toHaveLength(1);
  });

  it('flushed, it closes what was knocked open before, and nothing that comes after', async () => {
    const it = await keeper({ ssh: opens(60), web: opens(60) });
    it.opened('ssh', SOURCE);
    it.closeAll();
    it.opened('web', SOURCE);
    await pass(0);
    expect(firewall.rules.map(({ door }) => door)).toEqual(['web']);
  });

  it('however often it is asked to see to the chain, it does so once before a knock', async () => {
    const it = await keeper({ ssh: opens(60) });
    let looks = 0;
    firewall.ensure = async () => {
      looks++;
      return { told: [], rebuilt: false };
    };
    for (let hangUp = 0; hangUp < 100; hangUp++) it.ensure();
    it.opened('ssh', SOURCE);
    await pass(0);
    expect([looks, firewall.rules.length]).toEqual([1, 1]);
    it.ensure();
    await pass(0);
    expect(looks).toBe(2);
  });

  it('closes what a trap is to close however many others touch it, and counts none of those for an opening', async () => {
    const it = await keeper({ ssh: opens(60) });
    it.opened('ssh', SOURCE);
    await pass(0);
    for (let host = 0; host < 1_500; host++) it.trapped('ssh', address(`192.0.${host >> 8}.${host & 255}`));
    it.trapped('ssh', SOURCE);
    await pass(0);
    expect(firewall.rules).toEqual([]);
    it.opened('ssh', SOURCE);
    await pass(0);
    expect(said.filter((text) => text.includes('turned away'))).toEqual([]);
  });

  it('closes also what still waits to be opened as many others touch the trap', async () => {
    const it = await keeper({ ssh: opens(60) });
    it.opened('ssh', SOURCE);
    for (let host = 0; host < 1_500; host++) it.trapped('ssh', address(`192.0.${host >> 8}.${host & 255}`));
    it.trapped('ssh', SOURCE);
    await pass(0);
    expect(firewall.rules).toEqual([]);
  });

  it('tries again to take a rule away that resists', async () => {
    (await keeper({ ssh: opens(1) })).opened('ssh', SOURCE);
    await pass(0);
    firewall.failing = 'remove';
    await pass(3);
    expect(firewall.rules).toHaveLength(1);
    firewall.failing = null;
    await pass(60);
    expect(firewall.rules).toEqual([]);
  });

  it('runs the stop command cmd_timeout after the start command has ended, even if that failed', async () => {
    let finish: (result: CommandResult) => void = () => undefined;
    result = () => new Promise((resolve) => (finish = resolve));
    (await keeper({ cmd: action({ startCommand: 'start', stopCommand: 'stop' }) })).opened('cmd', SOURCE);
    await pass(100);
    finish({ ...DONE, status: 3, output: 'one\ntwo\n', unshown: 7 });
    result = async () => DONE;
    await pass(9.9);
    expect(ran).toEqual(['start cmd 10.0.0.7']);
    await pass(0.2);
    expect(ran).toEqual(['start cmd 10.0.0.7', 'stop cmd 10.0.0.7']);
    expect(said).toEqual([
      '10.0.0.7: cmd: running command: start',
      '10.0.0.7: cmd: command output: one',
      '10.0.0.7: cmd: command output: two',
      '10.0.0.7: cmd: command output: 7 more bytes',
      '10.0.0.7: cmd: command returned non-zero status code (3)',
      '10.0.0.7: cmd: command timeout',
      '10.0.0.7: cmd: running command: stop',
    ]);
  });

  it('runs the start command once the rule stands', async () => {
    result = async () => {
      firewall.history.push('start');
      return DONE;
    };
    (await keeper({ ssh: { ...opens(30), startCommand: 'start' } })).opened('ssh', SOURCE);
    await pass(0);
    expect(firewall.history).toEqual(['insert ssh', 'start']);
  });

  it('leaves rules to their end and runs the stop commands that could not be saved when it ends', async () => {
    const it = await keeper({ ssh: { ...opens(3_600), startCommand: 'start', stopCommand: 'stop' } });
    it.opened('ssh', SOURCE);
    await pass(1);
    await Promise.all([it.shutdown(), commands.shutdown()]);
    expect(ran).toEqual(['start ssh 10.0.0.7', 'stop ssh 10.0.0.7']);
    expect([firewall.rules.length, firewall.closed]).toEqual([1, true]);
  });

  it('lets no more than a thousand openings wait, keeps the oldest, and says how many it turned away', async () => {
    const it = await keeper({ ssh: opens(30) });
    for (let n = 0; n < 1_500; n++) it.opened('ssh', address(`10.1.${n >> 8}.${n & 255}`));
    await pass(1);
    expect(firewall.rules).toHaveLength(1_000);
    expect(firewall.rules.at(-1)?.source).toBe('10.1.3.231');
    expect(said.filter((text) => text.includes('turned away'))).toEqual([
      '500 openings were turned away, as 1000 were waiting',
    ]);
    it.opened('ssh', SOURCE);
    await pass(1);
    expect(firewall.rules).toHaveLength(1_001);
  });

  it('opens nothing more once it is ending', async () => {
    const it = await keeper({ ssh: opens(30) });
    for (let n = 0; n < 10; n++) it.opened('ssh', address(`10.1.0.${n}`));
    await it.shutdown();
    expect(firewall.rules.length).toBeLessThan(2);
  });

  it('does not wait for ever for a command when it ends', async () => {
    result = () => new Promise(() => undefined);
    const it = await keeper({ cmd: action({ startCommand: 'start' }) });
    it.opened('cmd', SOURCE);
    await pass(1);
    const ended = Promise.all([it.shutdown(), commands.shutdown()]);
    await pass(2);
    await ended;
    expect(said.slice(1)).toEqual(['1 command still running, not waiting']);
  });

  it.each([
    [{ error: 'ENOENT' }, 'cannot run command: ENOENT'],
    [{ timedOut: true, signal: 'SIGTERM' as const }, 'command timed out and was killed'],
    [{ status: null, signal: 'SIGSEGV' as const }, 'command was killed by SIGSEGV'],
  ])('tells why a command failed: %j', async (failure, text) => {
    result = async () => ({ ...DONE, ...failure });
    (await keeper({ cmd: action({ startCommand: 'start' }) })).opened('cmd', SOURCE);
    await pass(0);
    expect(said.slice(1)).toEqual([`10.0.0.7: cmd: ${text}`]);
  });
});
