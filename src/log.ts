/** What the daemon has to say -> lines: events on stdout, warnings and errors on stderr. */

export interface Log {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

interface Output {
  write(text: string): unknown;
}

/** A log that writes one line a call, whatever is in the text. */
export function logTo(stdout: Output, stderr: Output): Log {
  return {
    info: (text) => stdout.write(`${printable(text)}\n`),
    warn: (text) => stderr.write(`warning: ${printable(text)}\n`),
    error: (text) => stderr.write(`error: ${printable(text)}\n`),
  };
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
