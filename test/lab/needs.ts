/** What an end-to-end test needs of the machine -> why it cannot run here, if it cannot. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

/** Where Debian has it. */
export const CHROMIUM = '/usr/bin/chromium';
/** That of Debian's own programs; another may stand ahead of it in PATH. */
export const PYTHON = '/usr/bin/python3';
const SBIN_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin'];

/** A laptop's PATH may lack the folders where iptables and ip are. */
export const ENV = { ...process.env, PATH: [process.env['PATH'], ...SBIN_FOLDERS].join(':') };

const NEEDS = {
  root: () => (process.getuid?.() === 0 ? null : 'not root'),
  ip: () => lacksProgram('ip') ?? lacksNamespaces(),
  iptables: () => lacksProgram('iptables') ?? lacksProgram('ip6tables'),
  nft: () => lacksProgram('iptables-nft') ?? lacksProgram('ip6tables-nft'),
  legacy: () => lacksProgram('iptables-legacy') ?? lacksProgram('ip6tables-legacy') ?? lacksLegacyTables(),
  knock: () => lacksProgram('knock'),
  knockd: () => lacksProgram('knockd'),
  ping: () => lacksProgram('ping'),
  nc: () => lacksProgram('nc'),
  nmap: () => lacksProgram('nmap'),
  curl: () => lacksProgram('curl'),
  perl: () => lacksProgram('perl'),
  rsyslogd: () => lacksProgram('rsyslogd'),
  logrotate: () => lacksProgram('logrotate'),
  nftables: () => lacksProgram('nft'),
  bash: () => lacksProgram('bash'),
  chromium: () => lacksFile(CHROMIUM, constants.X_OK),
  zsh: () => lacksProgram('zsh'),
  fish: () => lacksProgram('fish'),
  'apt-get': () => lacksProgram('apt-get'),
  debootstrap: () => lacksProgram('debootstrap'),
  unshare: () => lacksProgram('unshare'),
  groff: () => lacksProgram('groff'),
  lintian: () => lacksProgram('lintian'),
  promtool: () => lacksProgram('promtool'),
  fail2ban: () => lacksProgram('fail2ban-regex'),
  python3: () => lacksFile(PYTHON, constants.X_OK),
  'python3-systemd': () => lacksPython('systemd.journal'),
  journald: () => lacksFile('/lib/systemd/systemd-journald', constants.X_OK) ?? lacksProgram('journalctl'),
  'systemd-analyze': () => lacksProgram('systemd-analyze'),
  setpriv: () => lacksProgram('setpriv'),
  'user namespaces': () => lacksUserNamespaces(),
  image: () =>
    process.env['KNOCKTAIL_IMAGE'] === '1'
      ? (lacksProgram('podman') ?? lacksProgram('buildah'))
      : 'building the image takes minutes (npm run test:image)',
  'kernel log': () => lacksFile('/dev/kmsg') ?? lacksFile('/proc/sys/net/netfilter/nf_log_all_netns'),
} satisfies Record<string, () => string | null>;

export type Need = keyof typeof NEEDS;

/**
 * The first thing missing, or null.
 *
 * @throws when KNOCKTAIL_REQUIRE_E2E=1 and something is missing, so that a build cannot pass by skipping
 */
export function needs(...wanted: readonly Need[]): string | null {
  for (const need of wanted) {
    const reason = NEEDS[need]();
    if (reason === null) continue;
    if (process.env['KNOCKTAIL_REQUIRE_E2E'] === '1') {
      throw new Error(`end-to-end tests are required here (KNOCKTAIL_REQUIRE_E2E=1), but: ${reason}`);
    }
    return reason;
  }
  return null;
}

function lacksProgram(name: string): string | null {
  const { error } = spawnSync(name, ['--version'], { env: ENV });
  return error === undefined ? null : `no program ${name}`;
}

function lacksPython(module: string): string | null {
  return spawnSync(PYTHON, ['-c', `import ${module}`]).status === 0 ? null : `no module ${module} of Python`;
}

function lacksFile(path: string, mode = constants.R_OK | constants.W_OK): string | null {
  try {
    accessSync(path, mode);
    return null;
  } catch {
    return `no access to ${path}`;
  }
}

function lacksNamespaces(): string | null {
  return inScratchNamespace('true');
}

/** For a user without any rights. */
function lacksUserNamespaces(): string | null {
  const argv = [
    '--reuid',
    '65534',
    '--regid',
    '65534',
    '--clear-groups',
    'unshare',
    '--user',
    '--mount',
    'true',
  ];
  return spawnSync('setpriv', argv, { env: ENV }).status === 0 ? null : 'no user namespaces for other users';
}

/** The kernel may have nf_tables alone, without the older ip_tables. */
function lacksLegacyTables(): string | null {
  return (
    inScratchNamespace('iptables-legacy', '-w', '-S') ?? inScratchNamespace('ip6tables-legacy', '-w', '-S')
  );
}

function inScratchNamespace(...argv: readonly string[]): string | null {
  const name = `kt-${process.pid}-needs`;
  const ip = (...args: readonly string[]) => spawnSync('ip', args, { env: ENV, encoding: 'utf8' });
  const made = ip('netns', 'add', name);
  if (made.status !== 0) return `no network namespaces: ${made.stderr.trim()}`;
  const { status, stderr } = ip('netns', 'exec', name, ...argv);
  ip('netns', 'del', name);
  return status === 0 ? null : `${argv.join(' ')}: ${stderr.trim()}`;
}
