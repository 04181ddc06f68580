/** Finds out who else could write to a log. */

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { KERNEL_LOGS } from '../lib/kernel-logs.ts';
import { groupOfOwner, openFolderOf, othersWhoWrite } from '../lib/permissions.ts';
import { commandLine } from '../lib/shell-quote.ts';
import type { LogFormat } from '../model.ts';
import type { LogPlace } from './auto.ts';

export interface Settings {
  readonly allNetns: string;
  /** Configuration files of rsyslog, and folders of them. */
  readonly rsyslog: readonly string[];
  /** Where the kernel says who may make user namespaces. */
  readonly userNamespaces: {
    readonly most: string;
    readonly unprivileged: string;
    readonly apparmor: string;
  };
}

const THIS_MACHINE: Settings = {
  allNetns: '/proc/sys/net/netfilter/nf_log_all_netns',
  rsyslog: ['/etc/rsyslog.conf', '/etc/rsyslog.d'],
  userNamespaces: {
    most: '/proc/sys/user/max_user_namespaces',
    // Debian's and Ubuntu's kernels alone have these two.
    unprivileged: '/proc/sys/kernel/unprivileged_userns_clone',
    apparmor: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
  },
};
/** What lets through whole messages of the kernel, and nothing else. */
const KERNEL_ONLY = /inputname\s*(==|, *isequal,)\s*["']imkmsg["']|\$!_TRANSPORT\s*==\s*["']kernel["']/;
/** The same by way of /proc/kmsg. */
const SPLIT_ONLY = /inputname\s*(==|, *isequal,)\s*["']imklog["']/;
/** The kernel writes its stamp ahead of each line of /proc/kmsg; imkmsg and journald leave it out. */
const SPLIT_LINE = /kernel: \[ *\d+\.\d{6}\]/;
const SPLIT_MARK = Buffer.from('kernel: [');
/** Of a line of rsyslog's: what stands in quotes, a brace that parts blocks, or what is between them. */
const PARTS = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{}]|[^"'{}]+|["']/g;
/** How much of the end of a file is searched for such lines. */
const TAIL_BYTES = 64 * 1024;

export interface Doubt {
  readonly what: string;
  /** What to type or do. */
  readonly remedy: string;
  /** Whether it is about what writes the lines of a file. */
  readonly isOfWriter?: true;
}

export interface FormattedLog extends LogPlace {
  readonly format?: LogFormat;
}

/** What is to be known of a log; nothing where only the kernel can be at work. */
export function doubtsOf(log: FormattedLog, settings = THIS_MACHINE): Doubt[] {
  const ofFile = log.from === 'file' ? doubtsOfFile(log.path, settings) : [];
  return [...doubtsOfHost(settings), ...doubtsOfFormat(log), ...ofFile];
}

/** Of those, what goes for a log in which more is believed than what the kernel says. */
export function doubtsOfFormat({ from, path, format }: FormattedLog): Doubt[] {
  if (format !== 'any') return [];
  const what = `${from === 'file' ? path : `log.from: ${from}`} is read with format: any, so anyone who can write there can open doors`;
  return [{ what, remedy: 'let only the firewall and its logger write there, docs/shippers.md' }];
}

/** Of those, what goes for each log. */
export function doubtsOfHost({ allNetns } = THIS_MACHINE): Doubt[] {
  if (read(allNetns).trim() !== '1') return [];
  const what =
    'net.netfilter.nf_log_all_netns is 1, so any local user can have the kernel log packets of a network of their own';
  return [{ what, remedy: 'sysctl -w net.netfilter.nf_log_all_netns=0' }];
}

/** Of those, what goes for a log file alone. */
export function doubtsOfFile(path: string, settings = THIS_MACHINE): Doubt[] {
  const doubts: Doubt[] = [];
  // A logger that is not root owns its files, and often /var/log is of its group.
  const logger = groupOfOwner(path);
  const writers = othersWhoWrite(path, logger);
  if (writers !== null)
    doubts.push({
      what: `${path} can be written by ${writers}`,
      remedy: commandLine(['chmod', 'go-w', path]),
    });
  const open = openFolderOf(path, logger);
  if (open !== null) {
    const what = `${open.folder} can be written by ${open.who}, who could replace ${path}`;
    doubts.push({ what, remedy: commandLine(['chmod', 'go-w', open.folder]) });
  }
  const writer = writerOf(path, settings);
  if (writer === 'anybody') {
    const what = `${path} holds what any local user tells syslog, beside the lines of the kernel`;
    doubts.push({
      what,
      remedy: 'read log: { from: kmsg }, or give them a separate file: knocktail rules --format rsyslog',
      isOfWriter: true,
    });
  }
  if (writer === 'split' || (writer === 'unknown' && hasSplitLines(tailOf(path))))
    doubts.push(doubtOfSplitLines(path, settings));
  return doubts;
}

/**
 * /proc/kmsg gives each line of a message a header of its own, and some messages hold text of a user's choosing:
 * overlayfs prints the names of folders that it cannot mount, line feeds included (observed with Linux 6.18 and imklog).
 * In /dev/kmsg, and so in the journal, one message stays one record.
 */
export function doubtOfSplitLines(path: string, settings = THIS_MACHINE): Doubt {
  const what = `${path} is written by way of /proc/kmsg (imklog, klogd), where ${mountersOf(settings)} can forge lines`;
  const remedy = 'read log: { from: kmsg }, or the journal';
  return { what, remedy, isOfWriter: true };
}

/** Whether some of these lines came by way of /proc/kmsg. */
export function hasSplitLines(bytes: Buffer): boolean {
  return bytes.includes(SPLIT_MARK) && SPLIT_LINE.test(bytes.toString('latin1'));
}

/** Who can mount in a namespace. */
function mountersOf({ userNamespaces: { most, unprivileged, apparmor } }: Settings): string {
  if (read(most).trim() === '0' || read(unprivileged).trim() === '0')
    return 'anyone who may mount file systems (user namespaces are off, so no other local user)';
  if (read(apparmor).trim() === '1') return 'any local user whom AppArmor allows user namespaces';
  return 'any local user (user.max_user_namespaces is not 0)';
}

/**
 * Who gets lines into the file, by the rules of rsyslog: the least trusted counts. Without any rule, as in a container
 * that has but the log of its host, the usual names count.
 */
function writerOf(path: string, { rsyslog }: Settings): 'anybody' | 'split' | 'kernel' | 'unknown' {
  const rules = rsyslog.flatMap(configsAt).flatMap((text) => rulesFor(path, text));
  if (rules.length === 0) return KERNEL_LOGS.some((each) => each === path) ? 'anybody' : 'unknown';
  if (rules.some((rule) => !KERNEL_ONLY.test(rule) && !SPLIT_ONLY.test(rule))) return 'anybody';
  return rules.some((rule) => SPLIT_ONLY.test(rule)) ? 'split' : 'kernel';
}

function tailOf(path: string): Buffer {
  let file: number | null = null;
  try {
    // Without O_NONBLOCK, a FIFO would hold the open until somebody writes.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { size } = fstatSync(file);
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    return tail.subarray(0, readSync(file, tail, 0, tail.length, size - tail.length));
  } catch {
    return Buffer.alloc(0);
  } finally {
    if (file !== null) closeSync(file);
  }
}

function configsAt(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [read(path)];
    return readdirSync(path)
      .filter((name) => name.endsWith('.conf'))
      .map((name) => read(join(path, name)));
  } catch {
    return [];
  }
}

/** Each line that names the file, with the heads of the blocks that it is in, as in `if $inputname == 'imkmsg' then`. */
function rulesFor(path: string, text: string): string[] {
  const rules: string[] = [];
  const heads: string[] = [];
  let head = '';
  for (const line of text.split('\n').map((each) => each.replace(/^\s*#.*/, ''))) {
    if (names(line, path)) rules.push([...heads, head, line].join('\n'));
    for (const [part] of `${line}\n`.matchAll(PARTS)) {
      if (part === '{') heads.push(head);
      if (part === '}') heads.pop();
      head = part === '{' || part === '}' ? '' : head + part;
    }
    if (!goesOn(head)) head = '';
  }
  return rules;
}

/** Whether the next line belongs to this one: a condition without a statement, or an open parenthesis. */
function goesOn(head: string): boolean {
  const opened = head.split('(').length - head.split(')').length;
  return opened > 0 || (/\bif\b/.test(head) && !/\bthen\s+\S/.test(head));
}

function names(line: string, path: string): boolean {
  const at = line.indexOf(path);
  return at >= 0 && !/[\w./-]/.test(line[at + path.length] ?? ' ');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
