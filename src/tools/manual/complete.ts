/** Completes the last word of a command line. */

import type { CommandTable, OptionTable, Values } from './tables.ts';

export interface Candidate {
  readonly text: string;
  readonly about: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** What will do beside those. */
  readonly or: 'file' | 'folder' | 'door' | 'nothing';
  /** The configuration that the words name so far; null where they name none. */
  readonly config: string | null;
}

/** @param words all that stands behind the name of the program, the last of them, maybe empty, unfinished */
export function complete(program: CommandTable, words: readonly string[]): Completion {
  const told = joined(words);
  const last = told.at(-1) ?? '';
  const before = read(program, told.slice(0, -1));
  const { command, config } = before;
  if (before.awaited !== null) return { ...offers(before.awaited, last), config };
  const [, name, value] = /^(--[^=]+)=(.*)$/s.exec(last) ?? [];
  const option = name === undefined ? undefined : optionNamed(command, name);
  if (option?.value != null && value !== undefined) {
    const { candidates, or } = offers(option.value.values, value);
    return { candidates: candidates.map((it) => ({ ...it, text: `${name}=${it.text}` })), or, config };
  }
  if (last.startsWith('-') && last !== '-' && !before.isOver) {
    const candidates = command.options.flatMap(({ names, description }) =>
      names.map((text) => ({ text, about: description })),
    );
    return { candidates: fitting(candidates, last), or: 'nothing', config };
  }
  if (command.commands.length > 0) {
    const candidates = command.commands.map(({ name, summary }) => ({ text: name, about: summary }));
    return { candidates: fitting(candidates, last), or: 'nothing', config };
  }
  const argument = command.arguments[Math.min(before.given, command.arguments.length - 1)];
  const isOneTooMany = before.given >= command.arguments.length && argument?.isMany !== true;
  if (argument === undefined || isOneTooMany) return { candidates: [], or: 'nothing', config };
  return { ...offers(argument.values, last), config };
}

interface Before {
  readonly command: CommandTable;
  /** Arguments so far. */
  readonly given: number;
  readonly config: string | null;
  /** The last option wants this. */
  readonly awaited: Values | null;
  /** No option comes any more. */
  readonly isOver: boolean;
}

function read(program: CommandTable, words: readonly string[]): Before {
  let command = program;
  let given = 0;
  let config: string | null = null;
  let isOver = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const [name = word, value] = word.startsWith('--') ? word.split(/=(.*)/s) : [word];
    const option = isOver ? undefined : optionNamed(command, name);
    if (option?.value != null) {
      if (value === undefined) at++;
      if (at >= words.length) return { command, given, config, awaited: option.value.values, isOver };
      if (name === '-c' || name === '--config') config = value ?? words[at] ?? null;
    } else if (word === '--') isOver = true;
    else if (option === undefined && (isOver || word === '-' || !word.startsWith('-'))) {
      const inner = command.commands.find((it) => it.name === word);
      if (inner === undefined) given++;
      else command = inner;
    }
  }
  return { command, given, config, awaited: null, isOver };
}

/** Bash takes `--option=value` apart. */
function joined(words: readonly string[]): readonly string[] {
  const kept = words.filter((word, index) => word !== '=' || index === 0);
  return words.at(-1) === '=' && words.length > 1 ? [...kept, ''] : kept;
}

function offers(values: Values, last: string): Pick<Completion, 'candidates' | 'or'> {
  if (values.kind === 'any') return { candidates: [], or: 'nothing' };
  if (values.kind !== 'choice') return { candidates: [], or: values.kind };
  const candidates = values.of.map((text) => ({ text, about: '' }));
  return { candidates: fitting(candidates, last), or: values.orFile ? 'file' : 'nothing' };
}

function fitting(candidates: readonly Candidate[], last: string): readonly Candidate[] {
  return candidates.filter(({ text }) => text.startsWith(last));
}

function optionNamed({ options }: CommandTable, name: string): OptionTable | undefined {
  return options.find(({ names }) => names.includes(name));
}
