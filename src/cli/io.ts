/** What a command may touch of the process: its streams, and nothing else. */

import type { Readable } from 'node:stream';
import type { ExitCode } from '../errors.ts';

export interface Io {
  readonly stdin: Readable;
  readonly stdout: { write(text: string): unknown };
  /** Resolves when stdout takes more; at once where it does. */
  readonly drained: () => Promise<void>;
  /** How wide the terminal is; 80 where there is none. */
  readonly columns: number;
  readonly stderr: { write(text: string): unknown };
  /** Aborted by TERM and INT. */
  readonly signal: AbortSignal;
  /** Calls back at each HUP. */
  readonly onHangup: (reload: () => void) => void;
  /** Takes the exit code of the command that ran. */
  readonly finish: (code: ExitCode) => void;
}
