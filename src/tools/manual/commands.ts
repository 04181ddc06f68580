/** Writes the man page sections of a command line. */

import type { Block, Section } from './roff.ts';
import type { ArgumentTable, CommandTable, OptionTable } from './tables.ts';

/** What exit codes mean, by program. */
const CODES: Readonly<Record<string, readonly (readonly [code: string, meaning: string])[]>> = {
  knocktail: [
    ['0', 'All went well.'],
    [
      '1',
      'Nothing matched; from doctor, there were warnings; from health, no knock would open; from rules --shut, the changes were undone.',
    ],
    ['2', 'From doctor alone: something keeps knocks from opening.'],
    ['64', 'The command line is wrong.'],
    ['65', 'What was read is not what was expected.'],
    ['66', 'There is no such file.'],
    ['68', 'From knock alone: the host is not known.'],
    [
      '69',
      'The firewall is not available, or another knocktail is in the way; from knock, a packet could not be sent.',
    ],
    ['70', 'A fault of knocktail itself.'],
    ['73', 'A file cannot be created.'],
    ['74', 'Reading or writing failed.'],
    ['77', 'Permission is missing.'],
    ['78', 'The configuration is wrong; from check --strict, it has warnings.'],
  ],
  'knocktail-knock': [
    ['0', 'All knocks were sent; whether a door has opened is not known.'],
    ['64', 'The command line is wrong. Nothing was sent.'],
    ['68', 'The host is not known.'],
    ['69', 'A knock could not be sent, and none after it was tried.'],
    ['70', 'A fault of the client itself.'],
  ],
};

/** A program with commands has one heading a command. */
export function sectionsOf(program: CommandTable): readonly Section[] {
  const { name, description, options, commands } = program;
  const synopses =
    commands.length === 0 ? [synopsisOf(program, [])] : commands.map((it) => synopsisOf(it, [name]));
  const optionsSection = { title: 'OPTIONS', blocks: [...termsOf(program), ...options.map(termOf)] };
  const commandsSection = { title: 'COMMANDS', blocks: commands.flatMap((it) => blocksOf(it, [name])) };
  return [
    { title: 'SYNOPSIS', blocks: [{ kind: 'lines', lines: synopses }] },
    { title: 'DESCRIPTION', blocks: [{ kind: 'text', text: description }] },
    ...(commands.length === 0 ? [] : [commandsSection]),
    optionsSection,
    {
      title: 'EXIT STATUS',
      blocks: (CODES[name] ?? []).map(([term, text]) => ({ kind: 'term', term, text })),
    },
  ];
}

function blocksOf(command: CommandTable, path: readonly string[]): readonly Block[] {
  return [
    { kind: 'heading', text: synopsisOf(command, path) },
    { kind: 'text', text: command.description },
    ...termsOf(command),
    ...ownOptions(command).map(termOf),
  ];
}

function synopsisOf(command: CommandTable, path: readonly string[]): string {
  const isOptional = ownOptions(command).length > 0 ? ['[options]'] : [];
  return [...path, command.name, ...isOptional, ...command.arguments.map(wordOf)].join(' ');
}

/** All commands have --help. */
function ownOptions({ options }: CommandTable): readonly OptionTable[] {
  return options.filter(({ names }) => !names.includes('--help'));
}

function wordOf({ name, isRequired, isMany }: ArgumentTable): string {
  const word = `${name}${isMany ? '...' : ''}`;
  return isRequired ? `<${word}>` : `[${word}]`;
}

function termsOf({ arguments: wanted }: CommandTable): readonly Block[] {
  return wanted.map((argument) => ({
    kind: 'term',
    term: wordOf(argument),
    text: sentence(argument.description),
  }));
}

function termOf({ names, value, description, preset }: OptionTable): Block {
  const choices = value?.values.kind === 'choice' && !value.values.orFile ? value.values.of : [];
  const notes = [
    ...(choices.length > 0 ? [`One of ${choices.join(', ')}.`] : []),
    ...(preset === null ? [] : [`The default is ${preset}.`]),
  ];
  const term = `${names.join(', ')}${value === null ? '' : ` ${value.name}`}`;
  return { kind: 'term', term, text: [sentence(description), ...notes].join(' ') };
}

/** Descriptions of options begin small and end without a full stop, as in the help. */
function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return whole.endsWith('.') ? whole : `${whole}.`;
}
