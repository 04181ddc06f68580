/** Chooses the environment of the programs that are started: what they need, and nothing that is the daemon's own. */

/** XTABLES_LIBDIR and XTABLES_LOCKFILE are iptables'; a program of Windows does not start without SystemRoot. */
const KEPT = /^(?:PATH|HOME|TZ|LANG|LANGUAGE|LC_\w+|XTABLES_\w+|KNOCK_\w+|SYSTEMROOT)$/i;

/**
 * Of a daemon's own, systemd's NOTIFY_SOCKET would let a command speak in the daemon's name, and a service manager may
 * hand it credentials. An admin who wants a command to have a variable gives it a name that begins with KNOCK_.
 */
export function childEnvironment(
  more: NodeJS.ProcessEnv = {},
  own: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const kept = Object.entries(own).filter(([name]) => KEPT.test(name));
  return { ...Object.fromEntries(kept), ...more };
}
