/** Where lines come from, and how this machine is set up -> who else could write them, in words. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine } from '../command-line.ts';
import { KERNEL_LOGS } from '../kernel-logs.ts';
import type { LogFormat } from '../model.ts';
import { isOpenToOthers, openFolderOf } from '../permissions.ts';
import type { LogPlace } from './choose.ts';

export interface Settings {
  readonly allNetns: string;
  /** Configuration files of rsyslog, and folders of them. */
  readonly rsyslog: readonly string[];
}

const THIS_MACHINE: Settings = {
  allNetns: '/proc/sys/net/netfilter/nf_log_all_netns',
  rsyslog: ['/etc/rsyslog.conf', '/etc/rsyslog.d'],
};
/** What lets true lines of the kernel through alone. */
const KERNEL_ONLY = /\$inputname\s*==\s*["']imklog["']|\$!_TRANSPORT\s*==\s*["']kernel["']/;

export interface Doubt {
  readonly what: string;
  /** What to type or do. */
  readonly remedy: string;
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
  if (isOpenToOthers(path))
    doubts.push({
      what: `${path} can be written by any local user`,
      remedy: commandLine(['chmod', 'o-w', path]),
    });
  const folder = openFolderOf(path);
  if (folder !== null) {
    const what = `${folder} can be written by any local user, who could replace ${path}`;
    doubts.push({ what, remedy: commandLine(['chmod', 'o-w', folder]) });
  }
  if (isShared(path, settings)) {
    const what = `${path} holds what any local user tells syslog, beside the lines of the kernel`;
    doubts.push({
      what,
      remedy: 'give them a file of their own: knocktail rules --format rsyslog, docs/setup.md',
    });
  }
  return doubts;
}

/**
 * Whether some rule of rsyslog writes there without asking for the kernel. Without any rule, as in a container that
 * has but the log of its host, the usual names count.
 */
function isShared(path: string, { rsyslog }: Settings): boolean {
  const rules = rsyslog.flatMap(configsAt).flatMap((text) => rulesFor(path, text));
  if (rules.length > 0) return rules.some((rule) => !KERNEL_ONLY.test(rule));
  return KERNEL_LOGS.some((each) => each === path);
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

/** Each rule that names the file, from the `if` that guards its block or from the start of its line. */
function rulesFor(path: string, text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(/^\s*#.*/, ''));
  return lines.flatMap((line, at) => {
    if (!names(line, path)) return [];
    const before = lines.slice(0, at).join('\n');
    const block =
      before.lastIndexOf('{') > before.lastIndexOf('}') ? before.slice(before.lastIndexOf('if ')) : '';
    return [`${block}\n${line}`];
  });
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
