/** Reads the rules of nftables. */

import { execFile } from 'node:child_process';
import { childEnvironment } from '../environment.ts';
import { findProgram } from '../permissions.ts';
import { type BaseChain, baseChainsOf } from './nft-ruleset.ts';

const TIME_LIMIT_MS = 10_000;
/** Bytes; a ruleset of some 100,000 rules. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;

/** All that packets come by; null where there is no nft, or it may not be asked. */
export function readNft(searchPath: string): Promise<readonly BaseChain[] | null> {
  const program = findProgram('nft', searchPath);
  if (program === null) return Promise.resolve(null);
  const options = {
    timeout: TIME_LIMIT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: OUTPUT_LIMIT,
    env: childEnvironment(),
  } as const;
  return new Promise((resolve) => {
    const answered = (error: Error | null, text: string): void =>
      resolve(error === null ? baseChainsOf(text) : null);
    try {
      execFile(program, ['-j', 'list', 'ruleset'], options, answered);
    } catch {
      // Where the machine has no room for another process, Node throws.
      resolve(null);
    }
  });
}
