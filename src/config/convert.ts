/** Converts the text of a knockd.conf to the knock.yaml that means the same, comments kept. */

import { dump } from 'js-yaml';
import { TCP_FLAGS, US_PER_SECOND } from '../model.ts';
import { type Action, actionsOf } from './door-action.ts';
import { LONGEST_US } from './duration.ts';
import { ALIASES, OPTIONS, UniqueNames } from './knockd-conf.ts';
import { type Entry, readKnockdText, type Section } from './knockd-text.ts';
import type { Config, DoorConfig } from './schema.ts';
import { formatStep } from './sequence.ts';
import { DOOR_NAME } from './values.ts';

/** Leaves room for a number behind it. */
const LONGEST_STEM = 56;

export interface Converted {
  readonly yaml: string;
  /** What could not be carried over as it was, for the reader. */
  readonly notes: readonly Note[];
  /** How many doors it has; without any it is no configuration. */
  readonly doors: number;
}

interface Note {
  readonly line: number;
  readonly text: string;
}

/** @param config what this text says, as `loadConfig` reads it */
export function convertKnockdConf(text: string, config: Config): Converted {
  return new Converter(config).convert(text);
}

class Converter {
  readonly #config: Config;
  readonly #actions: ReadonlyMap<string, Action>;
  readonly #names = new Map<string, string>();
  readonly #notes: Note[] = [];

  constructor(config: Config) {
    this.#config = config;
    // A door that is left out opens nothing that another could close.
    const doors = new Map([...config.doors].filter(([, door]) => !hasPortZero(door)));
    this.#actions = actionsOf({ ...config, doors });
  }

  convert(text: string): Converted {
    const { sections, comments } = readKnockdText(text);
    const options = sections.filter(({ name }) => name === OPTIONS);
    const doors = this.#named(sections.filter(({ name }) => name !== OPTIONS));
    const lines = [
      '# The doors of a knockd.conf. Say where your firewall log is, and with which --log-prefix:',
      '# log: { path: /var/log/kern.log, prefix: "KNOCK " }',
      '',
      'compat: knockd',
      ...this.#options(options),
      '',
      'doors:',
      ...doors.flatMap(([name, section]) => this.#door(name, section)),
      ...comments.map(plain),
    ];
    return {
      yaml: `${lines.join('\n')}\n`,
      notes: this.#notes.sort((a, b) => a.line - b.line),
      doors: [...this.#config.doors.values()].filter((door) => !hasPortZero(door)).length,
    };
  }

  /** Sections with the names of their doors, and fit names for those that knock.yaml does not take. */
  #named(sections: readonly Section[]): readonly (readonly [string, Section])[] {
    const unique = new UniqueNames();
    const named = sections.map((section) => [unique.of(section.name), section] as const);
    const fit = new FitNames(named.flatMap(([name]) => (DOOR_NAME.test(name) ? [name] : [])));
    for (const [name, { line }] of named) {
      const own = DOOR_NAME.test(name) ? name : fit.of(name);
      if (own !== name) this.#notes.push({ line, text: `the door ${name} is called ${own} now` });
      this.#names.set(name, own);
    }
    return named;
  }

  /** The keys of all sections of options, each once: knockd takes the last of each. */
  #options(sections: readonly Section[]): string[] {
    const { usesyslog, logfile, pidfile, interface: name } = this.#config;
    const yaml: Record<string, string[]> = {
      USESYSLOG: usesyslog ? ['usesyslog: true'] : [],
      LOGFILE: logfile === null ? [] : [`logfile: ${scalar(logfile)}`],
      PIDFILE: pidfile === null ? [] : [`pidfile: ${scalar(pidfile)}`],
      INTERFACE: name === null ? [] : [`interface: ${scalar(name)}`],
    };
    const entries = sections.flatMap((section) => {
      const [first, ...rest] = section.entries;
      for (const entry of section.entries) this.#noteRelative(entry, ['LOGFILE', 'PIDFILE']);
      const bare = { key: '', value: null, line: section.line, column: 1, comments: section.comments };
      return first === undefined
        ? [bare]
        : [{ ...first, comments: [...section.comments, ...first.comments] }, ...rest];
    });
    const lines = inPlace(entries, (key) => yaml[key] ?? []);
    // knockd takes UseSyslog in the section of a door as well.
    const isElsewhere = usesyslog && !entries.some(({ key }) => key === 'USESYSLOG');
    return isElsewhere ? [...lines, 'usesyslog: true'] : lines;
  }

  #noteRelative({ key, value, line }: Entry, keys: readonly string[]): void {
    if (!keys.includes(key) || value === null || value === '' || value.startsWith('/')) return;
    this.#notes.push({
      line,
      text: `${key.toLowerCase()}: a relative path (${value}) starts at the folder of knock.yaml`,
    });
  }

  #door(name: string, { comments, entries, line }: Section): string[] {
    const door = this.#config.doors.get(name);
    if (door === undefined) return [];
    for (const entry of entries) this.#noteRelative(entry, ['ONE_TIME_SEQUENCES']);
    const body = inPlace(entries, (key) => this.#key(name, door, key, line));
    const lines = [
      ...comments.map(plain),
      `${scalar(this.#names.get(name) ?? name)}:`,
      ...body.map((text) => `  ${text}`),
    ];
    if (!hasPortZero(door)) return ['', ...lines.map((text) => `  ${text}`)];
    this.#notes.push({ line, text: `the door ${name} is left out: nobody can knock on port 0` });
    return ['', ...lines.map((text) => `  # ${text}`)];
  }

  #key(name: string, door: DoorConfig, key: string, line: number): string[] {
    const action = this.#actions.get(name);
    const command = (yaml: string, text: string | null): string[] =>
      action !== undefined || text === null ? [] : [`${yaml}: ${scalar(text)}`];
    const seconds = (yaml: string, us: number): string[] => [`${yaml}: ${this.#duration(yaml, us, line)}`];
    switch (key) {
      case 'SEQUENCE':
        return door.sequence === null ? [] : [`sequence: [${door.sequence.map(formatStep).join(', ')}]`];
      case 'ONE_TIME_SEQUENCES':
        return [`one_time_sequences: ${scalar(door.oneTimeSequences ?? '')}`];
      case 'SEQ_TIMEOUT':
        return seconds('seq_timeout', door.seqTimeoutUs);
      case 'TCPFLAGS':
        return [`tcpflags: [${flagsOf(door).join(', ')}]`];
      case 'TARGET':
        return [`target: ${scalar(door.target ?? '')}`];
      case 'CMD_TIMEOUT':
        return action === undefined ? seconds('cmd_timeout', door.cmdTimeoutUs) : [];
      case 'START_COMMAND':
        return action === undefined
          ? command('start_command', door.startCommand)
          : this.#action(action, line);
      case 'START_COMMAND_6':
        return command('start_command_6', door.startCommand6);
      case 'STOP_COMMAND':
        return command('stop_command', door.stopCommand);
      case 'STOP_COMMAND_6':
        return command('stop_command_6', door.stopCommand6);
      default:
        return [];
    }
  }

  #action(action: Action, line: number): string[] {
    if ('close' in action) return [`close: ${scalar(this.#names.get(action.close) ?? action.close)}`];
    const { port, proto, to, states } = action.open;
    const parts = [`port: ${port}`, `proto: ${proto}`];
    if (to !== null) parts.push(`to: ${scalar(to)}`);
    if (action.forUs !== null) parts.push(`for: ${this.#duration('for', action.forUs, line)}`);
    const open = `open: { ${parts.join(', ')} }`;
    if (states === null) return [open];
    return [
      `# The command let in packets with ${states}. This lets in all packets of the client to the port.`,
      open,
    ];
  }

  #duration(key: string, us: number, line: number): string {
    const most = Math.min(us, LONGEST_US);
    if (most < us) {
      const text = `${key}: ${us / US_PER_SECOND} s is written as ${most / US_PER_SECOND} s, the longest there is`;
      this.#notes.push({ line, text });
    }
    return `${most / US_PER_SECOND}s`;
  }
}

/** Each entry's comments and its lines, which for a repeated key stand where it was last written. */
function inPlace(entries: readonly Entry[], linesOf: (key: string) => string[]): string[] {
  const keys = entries.map(({ key }) => ALIASES[key] ?? key);
  const lastOf = new Map(keys.map((key, at) => [key, at]));
  return entries.flatMap(({ comments }, at) => {
    const key = keys[at] ?? '';
    return [...comments.map(plain), ...(lastOf.get(key) === at ? linesOf(key) : [])];
  });
}

/** Names that knock.yaml takes, each given once. */
class FitNames {
  readonly #taken: Set<string>;
  /** The last number behind a stem. */
  readonly #last = new Map<string, number>();

  constructor(taken: readonly string[]) {
    this.#taken = new Set(taken);
  }

  of(name: string): string {
    const cut = name
      .replace(/ \(\d+\)$/, '')
      .replace(/[^\w.-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .replace(/-+$/, '')
      .slice(0, LONGEST_STEM);
    const stem = cut || 'door';
    for (let count = this.#last.get(stem) ?? 1; ; count++) {
      const own = count === 1 ? stem : `${stem}-${count}`;
      if (this.#taken.has(own)) continue;
      this.#last.set(stem, count);
      this.#taken.add(own);
      return own;
    }
  }
}

/** A comment may hold characters that YAML takes for the end of a line, or refuses. */
function plain(comment: string): string {
  return comment.replace(/[^\P{Cc}\t]|[\u2028\u2029\ufeff\ufffe\uffff]/gu, ' ');
}

function flagsOf({ tcpflags }: DoorConfig): string[] {
  const { set, clear } = tcpflags ?? { set: 0, clear: 0 };
  return Object.entries(TCP_FLAGS).flatMap(([name, bit]) => [
    ...((set & bit) === 0 ? [] : [name.toLowerCase()]),
    ...((clear & bit) === 0 ? [] : [`"!${name.toLowerCase()}"`]),
  ]);
}

function hasPortZero({ sequence }: DoorConfig): boolean {
  return sequence?.some((step) => step.proto !== 'icmp' && step.port === 0) ?? false;
}

function scalar(text: string): string {
  return dump(text, { lineWidth: -1 }).trimEnd();
}
