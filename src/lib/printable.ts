/** Makes text from outside safe to print: on a terminal, in a log and as JSON. */

/**
 * Text that cannot act on a terminal or pass for another line: names in log lines and what commands print
 * may hold escape sequences and line ends.
 */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** One line of JSON that cannot act on a terminal, either: JSON itself leaves some such characters alone. */
export function jsonLine(value: object): string {
  return JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
