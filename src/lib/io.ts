/** What a command may touch of the process: its streams, and nothing else. */

import type { Readable } from 'node:stream';
import type { ExitCode } from '../errors.ts';

export interface Io {
  readonly stdin: Readable;
  /** Whether stdin is a pipe, a socket or a file, and neither a terminal nor /dev/null. */
  readonly isPiped: boolean;
  readonly stdout: { write(text: string): unknown };
  /** Resolves when stdout takes more; at once where it does. */
  readonly drained: () => Promise<void>;
  /** How wide the terminal is; 80 where there is none. */
  readonly columns: number;
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean;
  readonly stderr: { write(text: string): unknown };
  /** Aborted by TERM and INT. A second one ends the process, unless it is to stay. */
  readonly signal: AbortSignal;
  /**
   * For a daemon that knows what to do, and so has much to bring to its end: no further TERM or INT cuts that short.
   *
   * @param reload is called at each HUP
   */
  readonly stay: (reload: () => void) => void;
  /** Takes the exit code of the command that ran. */
  readonly finish: (code: ExitCode) => void;
}
