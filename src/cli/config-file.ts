/** The path of a configuration -> Config, or an error that lists every problem. */

import { readFile } from 'node:fs/promises';
import { loadConfig } from '../config/load.ts';
import { type Positions, positionsIn } from '../config/positions.ts';
import type { Config } from '../config/schema.ts';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';

export const DEFAULT_CONFIG = '/etc/knocktail/knock.yaml';

export interface ConfigFile {
  readonly config: Config;
  readonly positions: Positions;
}

/** What the command line says over the file. */
export interface Overrides {
  /** A path, or `-` for stdin. */
  readonly log?: string;
  readonly prefix?: string;
  readonly dryRun?: boolean;
}

/** @throws KnocktailError 66 or 77 when the file cannot be read, 78 when it is wrong */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const { config, problems } = loadConfig(text);
  if (problems === null) return { config, positions: positionsIn(text) };
  const lines = problems.map(({ line, column, text }) => `${path}:${line}:${column}: ${text}`);
  throw new KnocktailError(lines.join('\n'), { exitCode: EXIT.CONFIG });
}

export function override(config: Config, { log, prefix, dryRun }: Overrides): Config {
  return {
    ...config,
    log: {
      ...config.log,
      ...(log === undefined
        ? {}
        : log === '-'
          ? { from: 'stdin' as const }
          : { from: 'file' as const, path: log }),
      ...(prefix === undefined ? {} : { prefix }),
    },
    firewall: { ...config.firewall, ...(dryRun === true ? { backend: 'dry-run' as const } : {}) },
  };
}

function unreadable(path: string, cause: unknown): KnocktailError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const known: Record<string, readonly [what: string, exitCode: ExitCode, remedy: string]> = {
    ENOENT: ['no such file', EXIT.NO_INPUT, 'name the configuration with -c FILE'],
    EACCES: ['may not be read', EXIT.NO_PERMISSION, 'run as its owner or as root'],
    EISDIR: ['is a folder', EXIT.NO_INPUT, 'name a file with -c FILE'],
  };
  const [what, exitCode, remedy] = known[code] ?? ['cannot be read', EXIT.IO, String(cause)];
  return new KnocktailError(what, { where: path, exitCode, remedy, cause });
}
