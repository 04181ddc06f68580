/** Checks that the daemon runs, and that no second one hears the same knocks. */

import type { LockOwner } from '../../lib/lock-socket.ts';
import { type Finding, ok, warn } from './finding.ts';

const CHECK = 'other daemons';

export interface Process {
  readonly pid: number;
  /** The process that has made it; null where that is not told. */
  readonly parent: number | null;
  /** Its arguments, the program first. */
  readonly argv: readonly string[];
}

/** @param holder who holds the lock of the state folder, which may be a process that is not among these */
export function checkDaemon(processes: readonly Process[], holder: LockOwner | null = null): Finding {
  const daemon = runningDaemon(processes, holder);
  if (daemon !== null) return ok('daemon', describeDaemon(daemon));
  const dry = processes.find((process) => isOwn(process) && isDry(process));
  const what =
    dry === undefined ? 'no knocktail runs here' : `knocktail runs as ${dry.pid} with --dry-run alone`;
  return warn('daemon', `${what}, so no door opens`, 'systemctl start knocktail, or knocktail run');
}

/** knocktail itself may run, once. */
export function checkOthers(processes: readonly Process[]): Finding {
  const knockds = processes.filter(({ argv }) => /(^|\/)knockd$/.test(argv[0] ?? ''));
  const [knockd] = knockds;
  if (knockd !== undefined) {
    return warn(
      CHECK,
      `knockd runs as ${knockd.pid}, and may act on the same knocks`,
      'systemctl disable --now knockd',
    );
  }
  const ours = ownDaemons(processes);
  if (ours.length > 1) {
    const pids = ours.map(({ pid }) => pid).join(', ');
    return warn(
      CHECK,
      `knocktail runs ${ours.length} times, as ${pids}`,
      'end all but one, unless each has a configuration of its own',
    );
  }
  return ok(CHECK, 'none');
}

/** The daemon that opens doors here: the one that holds the lock of the state folder, else the first that is seen. */
export function runningDaemon(processes: readonly Process[], holder: LockOwner | null): LockOwner | null {
  // From here a process in a container may be seen as well, by an id that means something here.
  if (holder !== null && holder.pid !== null && holder.isInReach) return holder;
  const [ours] = ownDaemons(processes);
  return ours === undefined ? holder : { pid: ours.pid, isInReach: true };
}

/** As in `knocktail runs as 812`. */
export function describeDaemon({ pid, isInReach }: LockOwner): string {
  if (pid === null) return 'knocktail runs here';
  return `knocktail runs as ${pid}${isInReach ? '' : ' in another container'}`;
}

/** The options --log and --prefix of the daemon that opens doors here. What a relative path is to it only it knows. */
export function logOptionsOf(processes: readonly Process[]): {
  readonly logs: readonly string[];
  readonly prefix: string | null;
} {
  const argv = ownDaemons(processes)[0]?.argv ?? [];
  const valuesOf = (option: string): string[] =>
    argv.flatMap((word, at) => {
      if (word === option) return argv.slice(at + 1, at + 2);
      return word.startsWith(`${option}=`) ? [word.slice(option.length + 1)] : [];
    });
  return {
    logs: valuesOf('--log').filter((log) => /^(?:\/.*|auto|journal|kmsg|-)$/.test(log)),
    prefix: valuesOf('--prefix').at(-1) ?? null,
  };
}

/** Those that open doors. What one of them is about to run has its words until it is another program. */
function ownDaemons(processes: readonly Process[]): readonly Process[] {
  const own = processes.filter((process) => isOwn(process) && !isDry(process));
  return own.filter(({ parent }) => own.every(({ pid }) => pid !== parent));
}

/** Those that run one for them (an init, sudo) have its words among their own. */
function isOwn({ argv: [program = '', ...argv] }: Process): boolean {
  return (
    /(^|\/)(node|nodejs|knocktail)$/.test(program) &&
    // By the name of knockd it is the daemon, and nothing else.
    (/\/knockd$/.test(argv[0] ?? '') ||
      (argv.includes('run') && [program, ...argv].some((word) => /knocktail|dist\/main\.js$/.test(word))))
  );
}

function isDry({ argv }: Process): boolean {
  return argv.includes('--dry-run');
}
