/** The command line of `knock` -> packets on the wire and an exit code. */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommanderError } from 'commander';
import { parseAddress } from '../address.ts';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import type { Address } from '../model.ts';
import { describeHit, hit } from './hit.ts';
import { knockCommand, type Wish } from './options.ts';

interface Output {
  write(text: string): unknown;
}

/** Never rejects: every failure has been told on stderr when it returns. */
export async function runKnock(
  argv: readonly string[],
  version: string,
  { stdout, stderr }: { readonly stdout: Output; readonly stderr: Output },
): Promise<ExitCode> {
  const program = knockCommand(version, (wish) => knock(wish, stdout))
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride();
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return EXIT.OK;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
    if (!(error instanceof KnocktailError)) throw error;
    stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
}

async function knock({ host, family, steps, delayMs, verbose }: Wish, stdout: Output): Promise<void> {
  const to = await resolve(host, family);
  for (const [index, step] of steps.entries()) {
    if (index > 0) await sleep(delayMs);
    if (verbose) stdout.write(`hitting ${describeHit(to, step)}\n`);
    await hit(to, step);
  }
}

async function resolve(host: string, family: Wish['family']): Promise<Address> {
  const { address } = await lookup(host, { family }).catch((cause: unknown) => {
    throw unknownHost(host, family, cause);
  });
  // Where the host is an address, `lookup` does not mind its family.
  if (family !== 0 && isIP(address) !== family) throw unknownHost(host, family, address);
  // A zone, as in fe80::1%eth0, is no part of the canonical form, and the socket needs it.
  return parseAddress(address) ?? (address as Address);
}

function unknownHost(host: string, family: Wish['family'], cause: unknown): KnocktailError {
  return new KnocktailError('no such host', {
    value: host,
    exitCode: EXIT.NO_HOST,
    remedy: family === 0 ? 'see how it is spelled' : `see how it is spelled, and whether it has IPv${family}`,
    cause,
  });
}
