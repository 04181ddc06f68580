/** Logs to the console and to other sinks, one line for each call. */

import { printable } from '../lib/printable.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** The same as a text, for programs. */
export type Facts = Readonly<Record<string, string | number | null>>;

type Tell = (text: string, facts?: Facts) => void;

export interface Log {
  /** For those who look for a fault; left out otherwise. */
  readonly debug: Tell;
  readonly info: Tell;
  readonly warn: Tell;
  readonly error: Tell;
}

/** A place where lines go. A text is one line, printable, without its end. */
export interface Sink {
  write(level: Level, text: string, facts?: Facts): void;
}

/** The line, without its end, that says a text. */
export type Form = (level: Level, text: string, facts?: Facts) => string;

interface Output {
  write(text: string): unknown;
}

/** A log that hands one line a call to each sink, whatever is in the text. */
export function logTo(...sinks: readonly Sink[]): Log {
  const tell =
    (level: Level): Tell =>
    (text, facts) => {
      for (const sink of sinks) sink.write(level, printable(text), facts);
    };
  return { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') };
}

export interface ConsoleManners {
  /** Events go elsewhere; what is for debugging comes all the same. */
  readonly isQuiet?: () => boolean;
  readonly onStdout?: Form;
  readonly onStderr?: Form;
}

/** Events on stdout, unless it is to be quiet; warnings and errors on stderr. */
export function consoleSink(stdout: Output, stderr: Output, manners: ConsoleManners = {}): Sink {
  const { isQuiet = () => false, onStdout = withLevel, onStderr = withLevel } = manners;
  return {
    write(level, text, facts) {
      if (level === 'warn' || level === 'error') stderr.write(`${onStderr(level, text, facts)}\n`);
      else if (level === 'debug' || !isQuiet()) stdout.write(`${onStdout(level, text, facts)}\n`);
    },
  };
}

export function withLevel(level: Level, text: string): string {
  return { debug: '', info: '', warn: 'warning: ', error: 'error: ' }[level] + text;
}
