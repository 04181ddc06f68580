/** Reads a knockd.conf as a Config, with the line of every problem and warning. */

import { parseAddress } from '../lib/address.ts';
import { US_PER_SECOND } from '../model.ts';
import { type Entry, type KnockdText, readKnockdText, type Section } from './knockd-text.ts';
import { type Read, readFlags, readSeconds, readSequence } from './knockd-values.ts';
import { idleTimeout, inOrder, type Loaded, type Problem } from './problem.ts';
import { type DoorConfig, settingsFrom } from './schema.ts';
import { keyAdvice } from './similar.ts';
import { interfaceName, path } from './values.ts';

/** knockd's own defaults, in seconds. */
const SEQ_TIMEOUT_S = 25;
const CMD_TIMEOUT_S = 10;
export const OPTIONS = 'options';
const OPTION_KEYS = ['LOGFILE', 'PIDFILE', 'INTERFACE'];
/** The names that keys of knockd 0.5 and before go by now. */
export const ALIASES: Readonly<Record<string, string>> = {
  TIMEOUT: 'SEQ_TIMEOUT',
  COMMAND: 'START_COMMAND',
  COMMAND_6: 'START_COMMAND_6',
};
const COMMAND_KEYS = {
  START_COMMAND: 'startCommand',
  START_COMMAND_6: 'startCommand6',
  STOP_COMMAND: 'stopCommand',
  STOP_COMMAND_6: 'stopCommand6',
} as const;
const DOOR_KEYS = ['SEQUENCE', 'ONE_TIME_SEQUENCES', 'SEQ_TIMEOUT', 'TCPFLAGS', 'TARGET', 'CMD_TIMEOUT'];

/** Under construction. */
type Door = DoorConfig;

/** Accepts and rejects what knockd 0.8 does; names what is likely not meant so. */
export function loadKnockdConf(text: string): Loaded {
  return new Reader().load(readKnockdText(text));
}

class Reader {
  readonly #problems: Problem[] = [];
  readonly #warnings: Problem[] = [];
  readonly #doors = new Map<string, { readonly door: Door; readonly line: number }>();
  readonly #names = new UniqueNames();
  readonly #options = new Map<string, string>();
  #usesyslog = false;

  load({ sections, strays }: KnockdText): Loaded {
    for (const stray of strays)
      this.#problem(stray, 'not in a section, write [options] or [NAME OF A DOOR] ahead');
    for (const section of sections) {
      if (section.name === OPTIONS) this.#readOptions(section);
      else this.#readDoor(section);
    }
    if (this.#problems.length > 0) return { config: null, problems: inOrder(this.#problems) };
    return {
      config: {
        ...settingsFrom({ compat: 'knockd', usesyslog: this.#usesyslog, ...this.#given() }),
        doors: new Map([...this.#doors].map(([name, { door }]) => [name, door])),
      },
      problems: null,
      warnings: inOrder(this.#warnings),
      placeOf: (name) => ({ line: this.#doors.get(name)?.line ?? 1, column: 1 }),
    };
  }

  /** The options that are written there; an empty one counts as none. */
  #given(): { readonly [key: string]: string } {
    const written = [...this.#options].filter(([, value]) => value !== '');
    return Object.fromEntries(written.map(([key, value]) => [key.toLowerCase(), value]));
  }

  #readOptions({ entries }: Section): void {
    for (const entry of entries) {
      if (this.#isSyslog(entry)) continue;
      if (!OPTION_KEYS.includes(entry.key) || entry.value === null)
        this.#unknown(entry, ['USESYSLOG', ...OPTION_KEYS]);
      else if (
        entry.key === 'INTERFACE' ? this.#isInterface(entry.value, entry) : this.#isPath(entry.value, entry)
      )
        this.#options.set(entry.key, entry.value);
    }
  }

  #isInterface(name: string, entry: Entry): boolean {
    const { error } = interfaceName.safeParse(name);
    if (name !== '' && error !== undefined) this.#problem(entry, error.issues[0]?.message ?? error.message);
    return name === '' || error === undefined;
  }

  /** An empty one counts as none. */
  #isPath(value: string, entry: Entry): boolean {
    const { error } = path.safeParse(value);
    if (value === '' || error === undefined) return true;
    this.#problem(entry, `${entry.key.toLowerCase()}: ${error.issues[0]?.message ?? error.message}`);
    return false;
  }

  #readDoor({ name, line, entries }: Section): void {
    const place = { line, column: 1 };
    if (name === '') this.#problem(place, 'a section without a name, write [options] or [NAME OF A DOOR]');
    const door = emptyDoor();
    let sequenceAt: Entry | null = null;
    for (const entry of entries) {
      if (this.#isSyslog(entry)) continue;
      const key = ALIASES[entry.key] ?? entry.key;
      if (key === 'SEQUENCE') sequenceAt = entry;
      if (entry.value === null || !this.#set(door, key, entry.value, entry)) {
        this.#unknown(entry, [...DOOR_KEYS, ...Object.keys(COMMAND_KEYS)]);
      }
    }
    if (sequenceAt === null && door.oneTimeSequences === null) {
      this.#problem(place, `no knock (${name}), give the door a sequence or one_time_sequences`);
    }
    if (door.oneTimeSequences !== null) {
      if (sequenceAt !== null)
        this.#warning(sequenceAt, 'the sequence does not count beside one_time_sequences');
      door.sequence = null;
    }
    const unique = this.#names.of(name);
    if (unique !== name) this.#warning(place, `a second door of this name (${name}), told as "${unique}"`);
    this.#doors.set(unique, { door, line });
    const timeout = entries.findLast(({ key }) => key === 'CMD_TIMEOUT');
    if (timeout !== undefined && !door.stopCommand && !door.stopCommand6)
      this.#warning(timeout, idleTimeout(unique));
  }

  /** False when knockd has no such key for a door. */
  #set(door: Door, key: string, value: string, entry: Entry): boolean {
    if (isCommandKey(key)) {
      door[COMMAND_KEYS[key]] = value;
      return true;
    }
    switch (key) {
      case 'SEQUENCE':
        door.sequence = this.#take(readSequence(value), entry) ?? door.sequence;
        return true;
      case 'ONE_TIME_SEQUENCES':
        door.oneTimeSequences = value;
        if (value === '') this.#problem(entry, 'no file (one_time_sequences), write the path of one');
        else this.#isPath(value, entry);
        return true;
      case 'SEQ_TIMEOUT':
        door.seqTimeoutUs = (this.#take(readSeconds(value), entry) ?? 0) * US_PER_SECOND;
        return true;
      case 'CMD_TIMEOUT':
        door.cmdTimeoutUs = (this.#take(readSeconds(value), entry) ?? 0) * US_PER_SECOND;
        return true;
      case 'TCPFLAGS':
        door.tcpflags = this.#take(readFlags(value, door.tcpflags), entry);
        return true;
      case 'TARGET':
        door.target = parseAddress(value);
        if (door.target === null)
          this.#problem(entry, `not an address (${value}), write an IPv4 or IPv6 address`);
        return true;
      default:
        return false;
    }
  }

  /** knockd takes UseSyslog in any section, and only without a value. */
  #isSyslog({ key, value }: Entry): boolean {
    const isIt = key === 'USESYSLOG' && value === null;
    this.#usesyslog ||= isIt;
    return isIt;
  }

  #take<T>(read: Read<T>, entry: Entry): T | null {
    if (read.problem !== null) {
      this.#problem(entry, read.problem);
      return null;
    }
    for (const oddity of read.oddities) this.#warning(entry, `${entry.key.toLowerCase()}: ${oddity}`);
    return read.value;
  }

  #unknown({ key, value, line, column }: Entry, known: readonly string[]): void {
    const word = key.toLowerCase();
    const advice = keyAdvice(
      word,
      known.map((each) => each.toLowerCase()),
    );
    const what =
      value === null && known.includes(key)
        ? `no value (${word}), write ${word} = VALUE`
        : key === 'USESYSLOG'
          ? `a value where none may be (${value ?? ''}), write usesyslog alone`
          : `unknown key (${word}), ${advice}`;
    this.#problem({ line, column }, what);
  }

  #problem({ line, column }: Pick<Problem, 'line' | 'column'>, text: string): void {
    this.#problems.push({ line, column, text });
  }

  #warning({ line, column }: Pick<Problem, 'line' | 'column'>, text: string): void {
    this.#warnings.push({ line, column, text });
  }
}

/** Names of doors, each given once. */
export class UniqueNames {
  readonly #taken = new Set<string>();
  /** The last number behind a name. */
  readonly #last = new Map<string, number>();

  /** The name itself, or, where another door has it, with a number behind it. */
  of(name: string): string {
    for (let count = this.#last.get(name) ?? 1; ; count++) {
      const unique = count === 1 ? name : `${name} (${count})`;
      if (this.#taken.has(unique)) continue;
      this.#last.set(name, count);
      this.#taken.add(unique);
      return unique;
    }
  }
}

function isCommandKey(key: string): key is keyof typeof COMMAND_KEYS {
  return Object.hasOwn(COMMAND_KEYS, key);
}

function emptyDoor(): Door {
  return {
    sequence: null,
    oneTimeSequences: null,
    seqTimeoutUs: SEQ_TIMEOUT_S * US_PER_SECOND,
    tcpflags: null,
    target: null,
    from: null,
    hosts: null,
    trap: [],
    open: null,
    close: null,
    startCommand: null,
    startCommand6: null,
    cmdTimeoutUs: CMD_TIMEOUT_S * US_PER_SECOND,
    stopCommand: null,
    stopCommand6: null,
  };
}
