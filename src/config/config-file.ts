/** Reads a configuration file, or fails with every problem in it. */

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import { letServiceRead } from '../lib/permissions.ts';
import { printable } from '../lib/printable.ts';
import type { LogFormat } from '../model.ts';
import { loadConfig } from './load.ts';
import type { Position } from './positions.ts';
import type { Problem } from './problem.ts';
import { type Config, type LogConfig, nameOf, prefix as prefixSchema } from './schema.ts';

type Logs = Config['logs'];

export const DEFAULT_CONFIG = '/etc/knocktail/knock.yaml';

export interface ConfigFile {
  readonly config: Config;
  /** What is accepted, and likely not meant so. */
  readonly warnings: readonly Problem[];
  /** Where a door stands. */
  placeOf(door: string): Position;
}

/** What the command line says over the file. */
export interface Overrides {
  /** Paths, `-` for stdin, auto, journal or kmsg: read in place of all that the file names, as the first of those. */
  readonly log?: readonly string[];
  /** That of all logs. */
  readonly prefix?: string;
  /** That of all logs. */
  readonly lineFormat?: LogFormat;
  readonly dryRun?: boolean;
  readonly interface?: Pick<Config, 'interface'>;
  readonly logfile?: string;
  readonly logFormat?: Config['logFormat'];
  readonly pidfile?: string;
  readonly onlyIpV4?: boolean;
  readonly state?: string;
}

const MAKE_ONE = 'make one with knocktail init, or name another with -c FILE';

/** @throws KnocktailError 66 or 77 when the file cannot be read, 78 when it is wrong */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const file = await readAsWritten(path, MAKE_ONE);
  return { ...file, config: withPaths(file.config, dirname(path)) };
}

/**
 * The same with the text, and with relative paths left as they are written.
 *
 * @param remedy what to do where there is no such file
 */
export async function readAsWritten(
  path: string,
  remedy: string,
): Promise<ConfigFile & { readonly text: string }> {
  const text = await readText(path, remedy);
  const loaded = loadConfig(text);
  if (loaded.problems === null) return { ...loaded, text };
  const lines = loaded.problems.map((problem) => tellProblem(path, problem));
  throw new KnocktailError(lines.join('\n'), { exitCode: EXIT.CONFIG });
}

/**
 * The text of a configuration, whatever it holds.
 *
 * @param remedy what to do where there is no such file
 * @throws KnocktailError 66 or 77 when the file cannot be read
 */
export async function readText(path: string, remedy: string): Promise<string> {
  const written = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadable(path, cause, remedy);
  });
  // Editors on Windows put a byte order mark first.
  return written.replace(/^\ufeff/, '');
}

/** One line for a terminal, whatever stands in the file. */
export function tellProblem(path: string, { line, column, text }: Problem): string {
  return printable(`${path}:${line}:${column}: ${text}`);
}

/**
 * Paths on the command line are those of the working directory.
 *
 * @throws KnocktailError 64 when a log is named twice, or the prefix can be none
 */
export function override(config: Config, given: Overrides): Config {
  const { log, prefix, lineFormat, dryRun, onlyIpV4 } = given;
  const { error } = prefixSchema.optional().safeParse(prefix);
  if (error !== undefined) {
    const what = error.issues[0]?.message ?? error.message;
    throw new KnocktailError(what, { exitCode: EXIT.USAGE, where: '--prefix' });
  }
  return {
    ...config,
    logs: mapLogs(log === undefined ? config.logs : logsAt(log, config.logs), (it) => ({
      ...it,
      prefix: prefix ?? it.prefix,
      format: lineFormat ?? it.format,
    })),
    firewall: { ...config.firewall, ...(dryRun === true ? { backend: 'dry-run' as const } : {}) },
    ...given.interface,
    state: given.state === undefined ? config.state : resolve(given.state),
    // Here the file has the last word, as in knockd 0.8 (observed).
    logfile: config.logfile ?? (given.logfile === undefined ? null : resolve(given.logfile)),
    pidfile: config.pidfile ?? (given.pidfile === undefined ? null : resolve(given.pidfile)),
    logFormat: given.logFormat ?? config.logFormat,
    ipv6: config.ipv6 && onlyIpV4 !== true,
  };
}

function logsAt([first, ...rest]: readonly string[], [model, ...others]: Logs): Logs {
  if (first === undefined) return [model, ...others];
  const logAt = (where: string): LogConfig => ({ ...model, ...placeOf(where) });
  const logs: Logs = [logAt(first), ...rest.map(logAt)];
  const names = logs.map(nameOf);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice === undefined) return logs;
  throw new KnocktailError('read already', {
    exitCode: EXIT.USAGE,
    where: '--log',
    value: twice,
    remedy: 'name each log once',
  });
}

function mapLogs([first, ...rest]: Logs, change: (log: LogConfig) => LogConfig): Logs {
  return [change(first), ...rest.map(change)];
}

function placeOf(log: string): Pick<LogConfig, 'from'> & Partial<LogConfig> {
  if (log === '-') return { from: 'stdin' };
  if (log === 'auto' || log === 'journal' || log === 'kmsg') return { from: log };
  return { from: 'file', path: resolve(log) };
}

/** Relative paths in a configuration are those of its folder, wherever the daemon is started. */
function withPaths(config: Config, folder: string): Config {
  const within = (path: string | null): string | null => (path === null ? null : resolve(folder, path));
  const doors = [...config.doors].map(
    ([name, door]) => [name, { ...door, oneTimeSequences: within(door.oneTimeSequences) }] as const,
  );
  return {
    ...config,
    logs: mapLogs(config.logs, (log) => ({ ...log, path: resolve(folder, log.path) })),
    state: resolve(folder, config.state),
    logfile: within(config.logfile),
    metrics: within(config.metrics),
    pidfile: within(config.pidfile),
    doors: new Map(doors),
  };
}

function unreadable(path: string, cause: unknown, whereMissing: string): KnocktailError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const known: Record<string, readonly [what: string, exitCode: ExitCode, remedy: string]> = {
    ENOENT: ['no such file', EXIT.NO_INPUT, whereMissing],
    ENOTDIR: ['no such file', EXIT.NO_INPUT, whereMissing],
    EACCES: ['permission denied', EXIT.NO_PERMISSION, letServiceRead(path) ?? 'run as its owner or as root'],
    EISDIR: ['is a folder', EXIT.NO_INPUT, 'name a file in it'],
  };
  const [what, exitCode, remedy] = known[code] ?? [`cannot be read (${code})`, EXIT.IO, 'name another'];
  return new KnocktailError(what, { where: path === '' ? "''" : path, exitCode, remedy, cause });
}
