/** Calls back when one of some files has changed, a quiet moment later. */

import { type FSWatcher, readlinkSync, watch } from 'node:fs';
import { basename, dirname, join, parse, relative, resolve, sep } from 'node:path';
import { messageOf } from '../errors.ts';

/** Editors and scripts write in more than one go. */
const QUIET_MS = 300;
/** As many as the kernel follows. */
const MOST_LINKS = 40;
/** How often the way is followed again at once when a link on it changes while it is followed. */
const MOST_TRIES = 3;

/** What cannot be watched where it is not there yet; the folder above tells when it comes. */
const ABSENT = ['ENOENT', 'ENOTDIR'];

/**
 * What is watched are folders, those of a file, of each symlink on the way to it and of each folder above them: a file
 * that an editor puts in the place of another, a folder that is replaced and a link that is turned round (a ConfigMap)
 * are seen there alone. A log may lie in any of these folders, so an event is judged by its file name, which comes with
 * it: other files cost no system call.
 */
export class Watch {
  readonly #changed: () => void;
  readonly #warn: (text: string) => void;
  readonly #quietMs: number;
  #paths: readonly string[] = [];
  #watchers: readonly FSWatcher[] = [];
  #timer: NodeJS.Timeout | undefined;
  #warned = '';

  constructor(changed: () => void, warn: (text: string) => void, quietMs = QUIET_MS) {
    this.#changed = changed;
    this.#warn = warn;
    this.#quietMs = quietMs;
  }

  /** Watches these files, absolute paths, instead of any others. Once they are watched, they count as changed. */
  set(paths: readonly string[]): void {
    if (paths.join('\0') === this.#paths.join('\0')) return;
    this.#paths = paths;
    this.#watchAll();
    this.#wait();
  }

  close(): void {
    this.#paths = [];
    this.#unwatch();
    clearTimeout(this.#timer);
  }

  #unwatch(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }

  #watchAll(): void {
    let ways = this.#paths.flatMap(wayTo);
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      this.#unwatch();
      const folders = namesByFolder(ways);
      const own = new Set(ways.map((path) => dirname(path)));
      this.#watchers = [...folders].flatMap(([folder, names]) =>
        this.#watchFolder(folder, names, own.has(folder)),
      );
      const before = ways.join('\0');
      ways = this.#paths.flatMap(wayTo);
      if (ways.join('\0') === before) return;
    }
  }

  /** @param isOwn whether it holds a file or a link that is waited for; a folder above it may be closed to us */
  #watchFolder(folder: string, names: ReadonlySet<string>, isOwn: boolean): readonly FSWatcher[] {
    const warn = (error: unknown): void => {
      const isAbsent = error instanceof Error && 'code' in error && ABSENT.includes(String(error.code));
      if (isOwn && !isAbsent) this.#warnOnce(messageOf(error));
    };
    try {
      const watcher = watch(folder, { persistent: false });
      watcher.on('change', (_, name) => {
        if (name === null || names.has(String(name))) this.#wait();
      });
      watcher.on('error', warn);
      return [watcher];
    } catch (error) {
      warn(error);
      return [];
    }
  }

  #warnOnce(reason: string): void {
    if (reason !== this.#warned) this.#warn(`changes of the configuration are not seen, use HUP: ${reason}`);
    this.#warned = reason;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // A watcher stays with the folder that it was made for, wherever that is now.
      this.#watchAll();
      this.#changed();
    }, this.#quietMs).unref();
  }
}

/** The folders of these paths and those above them, each with the names in it that lead to one of the paths. */
function namesByFolder(paths: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const folders = new Map<string, Set<string>>();
  for (const path of paths) {
    for (let here = path; here !== dirname(here); here = dirname(here)) {
      const names = folders.get(dirname(here)) ?? new Set();
      folders.set(dirname(here), names.add(basename(here)));
    }
  }
  return folders;
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
