/** What the daemon has to say -> lines, on the console and wherever else it is to be read. */

export type Level = 'info' | 'warn' | 'error';

export interface Log {
  readonly info: (text: string) => void;
  readonly warn: (text: string) => void;
  readonly error: (text: string) => void;
}

/** A place where lines go. A text is one line, printable, without its end. */
export interface Sink {
  write(level: Level, text: string): void;
}

interface Output {
  write(text: string): unknown;
}

/** A log that hands one line a call to each sink, whatever is in the text. */
export function logTo(...sinks: readonly Sink[]): Log {
  const tell = (level: Level) => (text: string) => {
    for (const sink of sinks) sink.write(level, printable(text));
  };
  return { info: tell('info'), warn: tell('warn'), error: tell('error') };
}

/** Events on stdout, unless it is to be quiet; warnings and errors on stderr. */
export function consoleSink(stdout: Output, stderr: Output, isQuiet: () => boolean = () => false): Sink {
  return {
    write(level, text) {
      if (level !== 'info') stderr.write(`${withLevel(level, text)}\n`);
      else if (!isQuiet()) stdout.write(`${text}\n`);
    },
  };
}

export function withLevel(level: Level, text: string): string {
  return { info: '', warn: 'warning: ', error: 'error: ' }[level] + text;
}

/**
 * Text that cannot act on a terminal or pass for another line: names in log lines and what commands print
 * may hold escape sequences and line ends.
 */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
