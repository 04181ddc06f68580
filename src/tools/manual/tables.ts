/** Lists the commands and options that commander knows, for completion and man pages. */

import type { Argument, Command, Option } from 'commander';

/** What a value is, as far as a shell can help with it. */
export type Values = { readonly kind: 'any' | 'file' | 'folder' | 'door' } | Choices;
interface Choices {
  readonly kind: 'choice';
  readonly of: readonly string[];
  /** Any file will do as well. */
  readonly orFile: boolean;
}

export interface OptionTable {
  /** `-c`, `--config`: the short one first. */
  readonly names: readonly string[];
  readonly description: string;
  /** As in the help, `<file>`; null where it takes no value. */
  readonly value: { readonly name: string; readonly values: Values } | null;
  /** What it is where it is not given; null where that goes without saying. */
  readonly preset: string | null;
}

export interface ArgumentTable {
  readonly name: string;
  readonly description: string;
  readonly isRequired: boolean;
  readonly isMany: boolean;
  readonly values: Values;
}

export interface CommandTable {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly options: readonly OptionTable[];
  readonly arguments: readonly ArgumentTable[];
  readonly commands: readonly CommandTable[];
}

const LOGS = ['auto', 'journal', 'kmsg', '-'];

export function tableOf(command: Command): CommandTable {
  const help = command.createHelp();
  return {
    name: command.name(),
    summary: command.summary(),
    description: command.description(),
    options: help.visibleOptions(command).map(optionTable),
    arguments: command.registeredArguments.map(argumentTable),
    commands: help.visibleCommands(command).map(tableOf),
  };
}

function optionTable(option: Option): OptionTable {
  const { short, long, flags, description, defaultValue, argChoices } = option;
  const [value] = /[<[].*$/.exec(flags) ?? [];
  return {
    names: [short, long].filter((name) => name !== undefined),
    description,
    value: value === undefined ? null : { name: value, values: valuesOf(value, argChoices) },
    preset: defaultValue === undefined ? null : String(defaultValue),
  };
}

function argumentTable(argument: Argument): ArgumentTable {
  const { description, required, variadic, argChoices } = argument;
  const name = argument.name();
  const values = valuesOf(`<${name}>`, argChoices);
  return { name, description, isRequired: required, isMany: variadic, values };
}

/** By the name that the help has for a value. */
function valuesOf(name: string, choices: readonly string[] | undefined): Values {
  if (choices !== undefined) return { kind: 'choice', of: choices, orFile: false };
  switch (name.replace(/[<>[\].]/g, '')) {
    case 'file':
    case 'log':
      return { kind: 'file' };
    case 'folder':
      return { kind: 'folder' };
    case 'door':
      return { kind: 'door' };
    case 'where':
      return { kind: 'choice', of: LOGS, orFile: true };
    case '4|6':
      return { kind: 'choice', of: ['4', '6'], orFile: false };
    default:
      return { kind: 'any' };
  }
}
