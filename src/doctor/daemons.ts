/** The processes of this host -> whether another daemon hears the same knocks. */

import { type Finding, ok, warn } from './finding.ts';

const CHECK = 'other daemons';

export interface Process {
  readonly pid: number;
  /** Its arguments, the program first. */
  readonly argv: readonly string[];
}

/** knocktail itself may run, once. */
export function checkDaemons(processes: readonly Process[]): Finding {
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
  return ok(CHECK, ours.length === 1 ? `none but knocktail itself, as ${ours[0]?.pid}` : 'none');
}

/** Those that run one for them (an init, sudo) have its words among their own. */
export function ownDaemons(processes: readonly Process[]): readonly Process[] {
  return processes.filter(
    ({ argv: [program = '', ...argv] }) =>
      /(^|\/)(node|nodejs|knocktail)$/.test(program) &&
      argv.includes('run') &&
      [program, ...argv].some((word) => /knocktail|dist\/main\.js$/.test(word)),
  );
}
