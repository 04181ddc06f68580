/** Tells who may read or change a file or folder, and whether we may run it. */

import { accessSync, constants, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { commandLine } from './shell-quote.ts';

const READABLE_BY_OTHERS = 0o004;
const READABLE_BY_GROUP = 0o040;
const WRITABLE_BY_OTHERS = 0o002;
const WRITABLE_BY_GROUP = 0o020;
const ROOT_GROUP = 0;
const PASSABLE_BY_OTHERS = 0o001;
/** The users of services have smaller numbers (SYS_UID_MAX in login.defs(5)). */
const FIRST_LOGIN_UID = 1000;
/** A service or a user's shell often has no sbin in its PATH. */
const SBIN_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin'];
/** In such a folder nobody replaces the files of others. Of a file the bit means nothing. */
const STICKY = 0o1000;

/** Whether anyone but its owner and root may write to it: every local user, or those of its group. */
export function isWritableByOthers(stats: Pick<Stats, 'mode' | 'gid'>): boolean {
  return writersOf(stats, ROOT_GROUP) !== null;
}

/**
 * Who else may write to a file or folder: `any local user` or `the group staff`; null for nobody, or where there is
 * nothing.
 *
 * @param trustedGroup one whose members may
 */
export function othersWhoWrite(path: string, trustedGroup: number = ROOT_GROUP): string | null {
  const stats = statOf(path);
  return stats === null ? null : writersOf(stats, trustedGroup);
}

export interface OpenFolder {
  readonly folder: string;
  /** Who may write to it. */
  readonly who: string;
}

/** The nearest folder by which somebody else could put another file in the place of this one; null for none. */
export function openFolderOf(path: string, trustedGroup: number = ROOT_GROUP): OpenFolder | null {
  for (const folder of [...foldersOf(path), ...foldersOf(realPathOf(path))]) {
    const who = othersWhoWrite(folder, trustedGroup);
    if (who !== null) return { folder, who };
  }
  return null;
}

export interface ForeignOwner {
  /** The file, or a folder above it. */
  readonly path: string;
  readonly user: string;
}

/** Another user than root and that of this process, who owns the file or a folder above it and so can change it. */
export function foreignOwnerOf(path: string): ForeignOwner | null {
  for (const each of [path, ...foldersOf(path), realPathOf(path), ...foldersOf(realPathOf(path))]) {
    const uid = statOf(each)?.uid ?? 0;
    if (uid !== 0 && uid !== process.geteuid?.()) return { path: each, user: nameIn('/etc/passwd', uid) };
  }
  return null;
}

/** The group of the user who owns a file, as of the logger that writes it; that of root where it is not known. */
export function groupOfOwner(path: string): number {
  try {
    const { uid } = statSync(path);
    const users = readFileSync('/etc/passwd', 'utf8').split('\n');
    const [, , , gid] = users.map((line) => line.split(':')).find(([, , id]) => id === String(uid)) ?? [];
    return gid === undefined ? ROOT_GROUP : Number(gid);
  } catch {
    return ROOT_GROUP;
  }
}

/** The number of a group by this name; null where there is none. */
export function groupNamed(name: string): number | null {
  try {
    const entries = readFileSync('/etc/group', 'utf8').split('\n');
    const [, , gid] = entries.map((line) => line.split(':')).find(([each]) => each === name) ?? [];
    return gid === undefined ? null : Number(gid);
  } catch {
    return null;
  }
}

/** The group that its mode lets read a file, unless that is root's; null for none. */
export function groupWhoReads(path: string): string | null {
  const stats = statOf(path);
  const isReadable = stats !== null && (stats.mode & READABLE_BY_GROUP) !== 0 && stats.gid !== ROOT_GROUP;
  return isReadable ? nameIn('/etc/group', stats.gid) : null;
}

/**
 * How root lets this process read a file, where it runs as the user of a service, which would be worse off as root; null
 * where it does not.
 */
export function letServiceRead(path: string): string | null {
  const service = serviceAccount();
  if (service === null) return null;
  const folder = closedFolderOf(path);
  const [what, mode] = folder === null ? [path, '640'] : [folder, '750'];
  const commands = [
    ['chgrp', service.group, what],
    ['chmod', mode, what],
  ];
  return `let ${service.user} read it, as root: ${commands.map(commandLine).join(' && ')}`;
}

/** Whom this process runs as, where that is a user of a service and not a person or root. */
function serviceAccount(): { readonly user: string; readonly group: string } | null {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  if (uid === 0 || uid >= FIRST_LOGIN_UID) return null;
  return { user: nameIn('/etc/passwd', uid), group: nameIn('/etc/group', gid) };
}

/** The outermost folder above it that this process may not enter; null for none. */
function closedFolderOf(path: string): string | null {
  return foldersOf(path).findLast((folder) => !mayEnter(folder)) ?? null;
}

function mayEnter(folder: string): boolean {
  try {
    accessSync(folder, constants.X_OK);
    return true;
  } catch (error) {
    // One that is not there keeps nobody out.
    return !(error instanceof Error && 'code' in error && error.code === 'EACCES');
  }
}

function writersOf({ mode, gid }: Pick<Stats, 'mode' | 'gid'>, trustedGroup: number): string | null {
  if ((mode & STICKY) !== 0 && (mode & constants.S_IFMT) === constants.S_IFDIR) return null;
  if ((mode & WRITABLE_BY_OTHERS) !== 0) return 'any local user';
  const isOfGroup = (mode & WRITABLE_BY_GROUP) !== 0 && gid !== ROOT_GROUP && gid !== trustedGroup;
  return isOfGroup ? `the group ${nameIn('/etc/group', gid)}` : null;
}

/** The name of a user or group; its number where it has none here. */
function nameIn(file: string, id: number): string {
  try {
    const entries = readFileSync(file, 'utf8').split('\n');
    return (
      entries.map((line) => line.split(':')).find(([, , each]) => each === String(id))?.[0] ?? String(id)
    );
  } catch {
    return String(id);
  }
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

/** Whether any local user can read it, past all folders above it. False where there is nothing. */
export function isReadableByOthers(path: string): boolean {
  const real = realPathOf(path);
  const lets = (what: string, bit: number): boolean => {
    try {
      return (statSync(what).mode & bit) !== 0;
    } catch {
      return false;
    }
  };
  return (
    lets(real, READABLE_BY_OTHERS) && foldersOf(real).every((folder) => lets(folder, PASSABLE_BY_OTHERS))
  );
}

/** Whether it is a file that may be run. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The path of a program in the folders of `PATH` or in an sbin; null where it is in none. */
export function findProgram(name: string, searchPath: string): string | null {
  const folders = [...searchPath.split(':').filter(isAbsolute), ...SBIN_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isProgram) ?? null;
}

/** The path of a program of the system: where most have it, else as PATH says, since NixOS and Guix have none there. */
export function systemProgram(name: string): string | null {
  const usual = ['/usr/bin', '/bin'].map((folder) => join(folder, name)).find(isProgram);
  return usual ?? findProgram(name, process.env['PATH'] ?? '');
}

/** Where symlinks lead; the path itself where there is nothing. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** All folders above it, the nearest first. */
function foldersOf(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...foldersOf(folder)];
}
