/** Sends one echo request with the system's ping, since a raw socket would need root. */

import { type ExecFileException, execFile } from 'node:child_process';
import { EXIT, KnocktailError } from '../errors.ts';
import { childEnvironment } from '../lib/environment.ts';
import type { Target } from './host.ts';

/** A ping that has no option for its patience is ended: the packet has long been sent. */
const TIME_LIMIT_MS = 2_000;

export interface PingCommand {
  readonly argv: readonly [string, ...string[]];
  /** The exit status of a ping that was sent and had no answer. */
  readonly noReply: number;
}

/**
 * Resolves whatever comes back, be it nothing.
 *
 * @param size - bytes of payload; null for ping's own choice
 * @throws KnocktailError 69 when there is no ping, or it says that it did not send
 */
export function ping(target: Target, size: number | null): Promise<void> {
  const { argv, noReply } = pingCommand(process.platform, target, size);
  const [program, ...args] = argv;
  const options = { timeout: TIME_LIMIT_MS, killSignal: 'SIGKILL', env: childEnvironment() } as const;
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, _stdout, stderr) => {
      if (error === null || error.killed === true || error.code === noReply) resolve();
      else reject(failure(argv, error, stderr.trim()));
    });
  });
}

/** How each system's ping is told to send one request, with no answer waited for longer than a second. */
export function pingCommand(
  platform: NodeJS.Platform,
  { address, family }: Target,
  size: number | null,
): PingCommand {
  const payload = size === null ? [] : [platform === 'win32' ? '-l' : '-s', String(size)];
  if (platform === 'win32') {
    return { argv: ['ping', `-${family}`, '-n', '1', ...payload, '-w', '1000', address], noReply: 1 };
  }
  if (platform === 'linux') {
    return { argv: ['ping', `-${family}`, '-c', '1', ...payload, '-W', '1', address], noReply: 1 };
  }
  return { argv: [family === 4 ? 'ping' : 'ping6', '-c', '1', ...payload, address], noReply: 2 };
}

function failure(argv: readonly string[], error: ExecFileException, words: string): KnocktailError {
  const isMissing = typeof error.code === 'string';
  return new KnocktailError(isMissing ? `cannot be run: ${error.code}` : words || error.message, {
    exitCode: EXIT.UNAVAILABLE,
    where: argv.join(' '),
    remedy: isMissing ? 'install ping or leave the icmp step' : 'see to the routes and the rights of ping',
    cause: error,
  });
}
