/** Files that somebody may change -> one call, a quiet moment after they were. */

import { readlinkSync } from 'node:fs';
import { dirname, join, parse, relative, resolve, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';

/** Editors and scripts write in more than one go. */
const QUIET_MS = 300;
/** As many as the kernel follows. */
const MOST_LINKS = 40;

/**
 * What is watched are the folders of a file and of each symlink on the way to it: a file that an editor puts in the
 * place of another, one that is gone for a while, and a link that is turned round (a ConfigMap) are seen there alone.
 */
export class Watch {
  readonly #changed: () => void;
  readonly #warn: (text: string) => void;
  readonly #quietMs: number;
  #paths: readonly string[] = [];
  #ways: readonly string[] = [];
  #watcher: FSWatcher | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(changed: () => void, warn: (text: string) => void, quietMs = QUIET_MS) {
    this.#changed = changed;
    this.#warn = warn;
    this.#quietMs = quietMs;
  }

  /** Watches these files, absolute paths, instead of any others. Once they are watched, they count as changed. */
  async set(paths: readonly string[]): Promise<void> {
    this.#paths = paths;
    const ways = paths.flatMap(wayTo);
    if (ways.join('\0') === this.#ways.join('\0')) return;
    await this.#stop();
    this.#ways = ways;
    const folders = new Set(ways.map((path) => dirname(path)));
    const ignored = (path: string): boolean => !folders.has(path) && !ways.includes(path);
    const options = { depth: 0, followSymlinks: false, ignored, ignoreInitial: true, persistent: false };
    this.#watcher = watch([...folders], options);
    for (const event of ['ready', 'add', 'change'] as const) {
      this.#watcher.on(event, () => this.#wait());
    }
    this.#watcher.on('error', (error) =>
      this.#warn(`changes of the configuration are not seen, use HUP: ${error}`),
    );
  }

  async close(): Promise<void> {
    this.#paths = [];
    await this.#stop();
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ways = [];
    const watcher = this.#watcher;
    this.#watcher = null;
    await watcher?.close();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      await this.set(this.#paths);
      this.#changed();
    }, this.#quietMs).unref();
  }
}

/** The symlinks on the way to a file, and the file itself. */
function wayTo(path: string): string[] {
  const links: string[] = [];
  let rest = path;
  for (let count = 0; count < MOST_LINKS; count++) {
    const link = firstLink(rest);
    if (link === null) break;
    links.push(link.path);
    rest = resolve(dirname(link.path), link.target, relative(link.path, rest));
  }
  return [...links, rest];
}

function firstLink(path: string): { readonly path: string; readonly target: string } | null {
  const { root } = parse(path);
  let here = root;
  for (const name of relative(root, path).split(sep)) {
    here = join(here, name);
    try {
      return { path: here, target: readlinkSync(here) };
    } catch {
      // It is no link, or it is not there yet.
    }
  }
  return null;
}
