/** One command line, run in this process -> its exit code and what it wrote. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { runProgram } from '../../src/cli/program.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as JSON, one object a line. */
  readonly objects: readonly Record<string, unknown>[];
}

interface Surroundings {
  readonly stdin?: string;
  readonly signal?: AbortSignal;
  readonly isTerminal?: boolean;
  /** Whether stdin is a pipe; else a terminal. */
  readonly isPiped?: boolean;
}

export async function knocktail(
  argv: readonly string[],
  given: string | Surroundings = '',
  ending = new AbortController().signal,
): Promise<Ran> {
  const {
    stdin = '',
    signal = ending,
    isTerminal = false,
    isPiped = true,
  } = typeof given === 'string' ? { stdin: given } : given;
  let stdout = '';
  let stderr = '';
  const code = await runProgram(
    { name: 'knocktail', argv, version: '1.2.3' },
    {
      isPiped,
      stdin: Readable.from([Buffer.from(stdin)]),
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      columns: 80,
      isTerminal,
      drained: () => Promise.resolve(),
      signal,
      stay: () => undefined,
    },
  );
  const json = () => stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  return {
    code,
    stdout,
    stderr,
    get objects() {
      return json();
    },
  };
}

/** The path of a file with this text, in a folder of its own. */
export function fileWith(text: string, name = 'knock.yaml'): string {
  const path = join(scratchFolder(), name);
  writeFileSync(path, text);
  return path;
}
