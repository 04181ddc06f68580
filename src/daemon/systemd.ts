/** Notifies systemd of the state of the daemon, if systemd started it. */

import { execFile } from 'node:child_process';
import { messageOf } from '../errors.ts';
import { childEnvironment } from '../lib/environment.ts';
import { systemProgram } from '../lib/permissions.ts';
import type { Log } from '../telemetry/log.ts';

const TIME_LIMIT_MS = 5_000;

/**
 * Node has no Unix datagram sockets, so systemd's own helper speaks (about 10 ms; the unit needs
 * `NotifyAccess=all`). Without NOTIFY_SOCKET nothing happens.
 */
export function tellSystemd(state: string, log: Log): void {
  const { NOTIFY_SOCKET } = process.env;
  if (NOTIFY_SOCKET === undefined) return;
  const options = { timeout: TIME_LIMIT_MS, env: childEnvironment({ NOTIFY_SOCKET }) };
  const told = (error: unknown): void => {
    if (error !== null) log.warn(`systemd was not told ${state}: ${messageOf(error)}`);
  };
  try {
    execFile(systemProgram('systemd-notify') ?? 'systemd-notify', [state], options, told);
  } catch (error) {
    // Without memory for another process Node does not call back.
    told(error);
  }
}
