/** An echo request -> the system's own ping, since raw sockets need root. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { familyOf } from '../address.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import type { Address, Family } from '../model.ts';

const TIME_LIMIT_MS = 5_000;

interface Pinger {
  readonly programs: readonly string[];
  /** One request, and at most a second for the reply. */
  readonly args: readonly string[];
  readonly sizeOption: string;
  /** What it exits with when no reply came. */
  readonly unanswered: number;
}

/**
 * Sends one echo request with this many bytes of payload, or as many as the system's ping has it.
 *
 * @throws KnocktailError when there is no ping, or it could not send
 */
export async function ping(to: Address, size: number | null, platform = process.platform): Promise<void> {
  const { programs, args, sizeOption, unanswered } = pingerFor(platform, familyOf(to));
  const program = programs.find((path) => existsSync(path));
  if (program === undefined) {
    throw new KnocktailError('there is no ping', {
      value: programs.join(', '),
      exitCode: EXIT.UNAVAILABLE,
      remedy: 'install it (on Debian: apt install iputils-ping)',
    });
  }
  const argv = [...args, ...(size === null ? [] : [sizeOption, String(size)]), to];
  await new Promise<void>((resolve, reject) => {
    execFile(program, argv, { timeout: TIME_LIMIT_MS }, (error, _stdout, stderr) => {
      if (error === null || error.code === unanswered) resolve();
      else reject(new Error(stderr.trim() || error.message));
    });
  });
}

export function pingerFor(platform: NodeJS.Platform, family: Family): Pinger {
  if (platform === 'win32') {
    const root = process.env['SystemRoot'] ?? 'C:\\Windows';
    const args = [`-${family}`, '-n', '1', '-w', '1000'];
    return { programs: [`${root}\\System32\\ping.exe`], args, sizeOption: '-l', unanswered: 1 };
  }
  if (platform === 'darwin') {
    const programs = [family === 4 ? '/sbin/ping' : '/sbin/ping6'];
    return { programs, args: ['-c', '1'], sizeOption: '-s', unanswered: 2 };
  }
  const programs = ['/usr/bin/ping', '/bin/ping', '/sbin/ping'];
  return { programs, args: [`-${family}`, '-c', '1', '-W', '1'], sizeOption: '-s', unanswered: 1 };
}
