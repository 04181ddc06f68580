/** The text of a knockd.conf -> the knock.yaml that means the same, comments kept. */

import { dump } from 'js-yaml';
import { TCP_FLAGS, US_PER_SECOND } from '../model.ts';
import { type Action, actionsOf } from './door-action.ts';
import { ALIASES, OPTIONS, uniqueName } from './knockd-conf.ts';
import { type Entry, readKnockdText, type Section } from './knockd-text.ts';
import type { Config, DoorConfig } from './schema.ts';
import { formatStep } from './sequence.ts';
import { DOOR_NAME } from './values.ts';

export interface Converted {
  readonly yaml: string;
  /** What could not be carried over as it was, for whoever converts. */
  readonly notes: readonly { readonly line: number; readonly text: string }[];
}

/** @param config what this text says, as `loadConfig` reads it */
export function convertKnockdConf(text: string, config: Config): Converted {
  return new Converter(config).convert(text);
}

class Converter {
  readonly #config: Config;
  readonly #actions: ReadonlyMap<string, Action>;
  readonly #names = new Map<string, string>();
  readonly #notes: { line: number; text: string }[] = [];

  constructor(config: Config) {
    this.#config = config;
    this.#actions = actionsOf(config);
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
      ...options.flatMap((section) => this.#options(section)),
      '',
      'doors:',
      ...doors.flatMap(([name, section]) => this.#door(name, section)),
      ...comments,
    ];
    return { yaml: `${lines.join('\n')}\n`, notes: this.#notes };
  }

  /** Sections with the names of their doors, and fit names for those that knock.yaml does not take. */
  #named(sections: readonly Section[]): readonly (readonly [string, Section])[] {
    const taken = new Set<string>();
    const fit = new Set<string>();
    return sections.map((section) => {
      const name = uniqueName(section.name, taken);
      taken.add(name);
      const plain = name
        .replace(/[^\w.-]+/g, '-')
        .replace(/^[^A-Za-z0-9]+/, '')
        .replace(/-+$/, '')
        .slice(0, 56);
      const own = uniqueName(DOOR_NAME.test(name) ? name : plain || 'door', fit).replace(
        / \((\d+)\)$/,
        '-$1',
      );
      fit.add(own);
      if (own !== name)
        this.#notes.push({ line: section.line, text: `the door ${name} is called ${own} now` });
      this.#names.set(name, own);
      return [name, section];
    });
  }

  #options({ comments, entries }: Section): string[] {
    const { usesyslog, logfile, pidfile, interface: name } = this.#config;
    const yaml: Record<string, string | null> = {
      USESYSLOG: usesyslog ? 'usesyslog: true' : null,
      LOGFILE: logfile === null ? null : `logfile: ${scalar(logfile)}`,
      PIDFILE: pidfile === null ? null : `pidfile: ${scalar(pidfile)}`,
      INTERFACE: name === null ? null : `interface: ${scalar(name)}`,
    };
    return [...comments, ...inPlace(entries, (key) => yaml[key] ?? null)];
  }

  #door(name: string, { comments, entries, line }: Section): string[] {
    const door = this.#config.doors[name];
    if (door === undefined) return [];
    const body = inPlace(entries, (key) => this.#key(name, door, key));
    const lines = [
      ...comments,
      `${scalar(this.#names.get(name) ?? name)}:`,
      ...body.map((text) => `  ${text}`),
    ];
    if (!hasPortZero(door)) return ['', ...lines.map((text) => `  ${text}`)];
    this.#notes.push({ line, text: `the door ${name} is left out: nobody can knock on port 0` });
    return ['', ...lines.map((text) => `  # ${text}`)];
  }

  #key(name: string, door: DoorConfig, key: string): string | null {
    const action = this.#actions.get(name);
    const command = (yaml: string, text: string | null): string | null =>
      action !== undefined || text === null ? null : `${yaml}: ${scalar(text)}`;
    switch (key) {
      case 'SEQUENCE':
        return door.sequence === null ? null : `sequence: [${door.sequence.map(formatStep).join(', ')}]`;
      case 'ONE_TIME_SEQUENCES':
        return `one_time_sequences: ${scalar(door.oneTimeSequences ?? '')}`;
      case 'SEQ_TIMEOUT':
        return `seq_timeout: ${duration(door.seqTimeoutUs)}`;
      case 'TCPFLAGS':
        return `tcpflags: [${flagsOf(door).join(', ')}]`;
      case 'TARGET':
        return `target: ${scalar(door.target ?? '')}`;
      case 'CMD_TIMEOUT':
        return action === undefined ? `cmd_timeout: ${duration(door.cmdTimeoutUs)}` : null;
      case 'START_COMMAND':
        return action === undefined ? command('start_command', door.startCommand) : this.#action(action);
      case 'START_COMMAND_6':
        return command('start_command_6', door.startCommand6);
      case 'STOP_COMMAND':
        return command('stop_command', door.stopCommand);
      case 'STOP_COMMAND_6':
        return command('stop_command_6', door.stopCommand6);
      default:
        return null;
    }
  }

  #action(action: Action): string {
    if ('close' in action) return `close: ${scalar(this.#names.get(action.close) ?? action.close)}`;
    const { port, proto, to } = action.open;
    const parts = [`port: ${port}`, `proto: ${proto}`];
    if (to !== null) parts.push(`to: ${scalar(to)}`);
    if (action.forUs !== null) parts.push(`for: ${duration(action.forUs)}`);
    return `open: { ${parts.join(', ')} }`;
  }
}

/** Each entry's comments and its line, which for a repeated key stands where it was last written. */
function inPlace(entries: readonly Entry[], lineOf: (key: string) => string | null): string[] {
  const keys = entries.map(({ key }) => ALIASES[key] ?? key);
  return entries.flatMap(({ comments }, at) => {
    const key = keys[at] ?? '';
    const line = keys.lastIndexOf(key) === at ? lineOf(key) : null;
    return line === null ? comments : [...comments, line];
  });
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

function duration(us: number): string {
  return `${us / US_PER_SECOND}s`;
}

function scalar(text: string): string {
  return dump(text, { lineWidth: -1 }).trimEnd();
}
