/** Runs nft, and reads the rules of nftables with it. */

import { execFile } from 'node:child_process';
import { childEnvironment } from '../lib/environment.ts';
import { findProgram } from '../lib/permissions.ts';
import { type BaseChain, baseChainsOf } from './nft-ruleset.ts';

const TIME_LIMIT_MS = 10_000;
/** Bytes; a ruleset of some 100,000 rules. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;

/** All that packets come by; null where there is no nft, or it may not be asked. */
export async function readNft(searchPath: string): Promise<readonly BaseChain[] | null> {
  const program = findProgram('nft', searchPath);
  const text = program === null ? null : await runNft(program, ['-j', 'list', 'ruleset']);
  return text === null ? null : baseChainsOf(text);
}

/**
 * Runs nft to its end.
 *
 * @param input what it reads, which ends there
 * @returns what it prints; null where it fails, or cannot be run
 */
export function runNft(
  program: string,
  argv: readonly string[],
  input = '',
  timeLimitMs = TIME_LIMIT_MS,
): Promise<string | null> {
  const options = {
    timeout: timeLimitMs,
    killSignal: 'SIGKILL',
    maxBuffer: OUTPUT_LIMIT,
    env: childEnvironment(),
  } as const;
  return new Promise((resolve) => {
    try {
      const child = execFile(program, argv, options, (error, text) => resolve(error === null ? text : null));
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input);
    } catch {
      // Where the machine has no room for another process, Node throws.
      resolve(null);
    }
  });
}
