/** dist/ and what belongs to it -> dist/knocktail_VERSION_all.deb, with nothing but dpkg-deb. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const HERE = 'deploy/deb';
/** Where the program is; the unit of deploy/ has it in /opt. */
const HOME = '/usr/lib/knocktail';
const DOC = '/usr/share/doc/knocktail';
/** The name `knock` is taken by Debian's knockd, beside which this can stand (Debian Policy, 10.1). */
const PROGRAMS = { knocktail: 'main.js', 'knocktail-knock': 'knock.js' };
const SHELLS = [
  ['bash', (name) => `/usr/share/bash-completion/completions/${name}`],
  ['zsh', (name) => `/usr/share/zsh/vendor-completions/_${name}`],
  ['fish', (name) => `/usr/share/fish/vendor_completions.d/${name}.fish`],
];

/** Whoever builds it says who that is, as for Debian's own tools. */
const { DEBFULLNAME = 'knocktail', DEBEMAIL = 'knocktail@localhost' } = process.env;
const MAINTAINER = `${DEBFULLNAME} <${DEBEMAIL}>`;

process.umask(0o022);
const { version, description, man } = JSON.parse(readFileSync('package.json', 'utf8'));
const root = mkdtempSync(join(tmpdir(), 'knocktail-deb-'));
chmodSync(root, 0o755);
try {
  program();
  manual();
  configuration();
  service();
  documentation();
  control();
  const deb = `dist/knocktail_${version}_all.deb`;
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', root, deb], { stdio: 'inherit' });
} finally {
  rmSync(root, { recursive: true });
}

function program() {
  for (const name of readdirSync('dist').filter((file) => file.endsWith('.js'))) {
    // No map of the source comes along that the last line could name.
    const text = readFileSync(join('dist', name), 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
    put(`${HOME}/dist/${name}`, text, statSync(join('dist', name)).mode & 0o111 ? 0o755 : 0o644);
  }
  for (const name of ['package.json', 'knock.schema.json']) put(`${HOME}/${name}`, readFileSync(name));
  for (const [name, file] of Object.entries(PROGRAMS)) {
    link(`/usr/bin/${name}`, `../lib/knocktail/dist/${file}`);
    for (const [shell, path] of SHELLS) {
      put(path(name), execFileSync(process.execPath, ['dist/main.js', 'completion', shell, name]));
    }
  }
}

function manual() {
  for (const path of man)
    put(`/usr/share/man/man${path.at(-1)}/${basename(path)}.gz`, gzip(readFileSync(path)));
}

/** No knock.yaml: `knocktail init` writes one with a sequence of its own, and nothing starts before that. */
function configuration() {
  mkdirSync(join(root, 'etc/knocktail'), { recursive: true });
  put('/etc/default/knocktail', readFileSync(join(HERE, 'default')));
  put('/etc/cron.daily/knocktail', readFileSync(join(HERE, 'cron.daily')), 0o755);
  put('/etc/logrotate.d/knocktail-daemon', readFileSync(join(HERE, 'logrotate')));
  put('/usr/share/lintian/overrides/knocktail', readFileSync(join(HERE, 'lintian-overrides')));
}

function service() {
  const inPlace = (text) => text.replaceAll('/opt/knocktail/docs', DOC).replaceAll('/opt/knocktail', HOME);
  const unit = 'deploy/knocktail.service';
  if (existsSync(unit)) put('/usr/lib/systemd/system/knocktail.service', inPlace(readFileSync(unit, 'utf8')));
  const users = 'deploy/knocktail.sysusers';
  if (existsSync(users)) put('/usr/lib/sysusers.d/knocktail.conf', readFileSync(users));
}

function documentation() {
  for (const name of readdirSync('docs')) put(`${DOC}/${name}`, readFileSync(join('docs', name)));
  const example = readFileSync('knock.yaml', 'utf8').replace(
    './knock.schema.json',
    `${HOME}/knock.schema.json`,
  );
  put(`${DOC}/examples/knock.yaml`, example);
  for (const name of readdirSync('deploy/fail2ban')) {
    put(`${DOC}/examples/fail2ban/${name}`, readFileSync(join('deploy/fail2ban', name)));
  }
  put(`${DOC}/changelog.gz`, gzip(changelog()));
  put(`${DOC}/copyright`, readFileSync('dist/LICENCES'));
}

/** In the form of Debian's; what has changed is in the changelog of the program. */
function changelog() {
  const date = execFileSync('date', ['-R', '-u', '-r', 'CHANGELOG.md'], { encoding: 'utf8' }).trim();
  put(`${DOC}/NEWS.md.gz`, gzip(readFileSync('CHANGELOG.md')));
  return `knocktail (${version}) unstable; urgency=medium

  * As NEWS.md says.

 -- ${MAINTAINER}  ${date}
`;
}

function control() {
  const files = filesIn(root);
  const size = files.reduce((sum, path) => sum + Math.ceil(statSync(join(root, path)).size / 1024), 0);
  const sums = files.map((path) => `${hashOf(path)}  ${path}\n`);
  const conffiles = files.filter((path) => path.startsWith('etc/')).map((path) => `/${path}\n`);
  put(
    '/DEBIAN/control',
    `Package: knocktail
Version: ${version}
Architecture: all
Maintainer: ${MAINTAINER}
Installed-Size: ${size}
Depends: nodejs (>= 20.19), iptables
Recommends: nftables, systemd
Suggests: fail2ban, prometheus-node-exporter, logrotate
Section: net
Priority: optional
Description: ${description.charAt(0).toLowerCase()}${description.slice(1)}
 The kernel's LOG target writes each dropped packet to the kernel log; knocktail
 follows that log and opens a door for who knocks at the right ports in the
 right order: a rule of iptables that the kernel itself lets expire.
`,
  );
  put('/DEBIAN/md5sums', sums.join(''));
  put('/DEBIAN/conffiles', conffiles.join(''));
  for (const name of ['postinst', 'prerm', 'postrm']) {
    put(`/DEBIAN/${name}`, readFileSync(join(HERE, name)), 0o755);
  }
}

function filesIn(folder, path = '') {
  return readdirSync(join(folder, path), { withFileTypes: true }).flatMap((entry) => {
    const at = join(path, entry.name);
    if (entry.isDirectory()) return filesIn(folder, at);
    return entry.isFile() ? [at] : [];
  });
}

function hashOf(path) {
  return createHash('md5')
    .update(readFileSync(join(root, path)))
    .digest('hex');
}

function gzip(text) {
  return gzipSync(text, { level: 9 });
}

function put(path, content, mode = 0o644) {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, content);
  chmodSync(target, mode);
}

function link(path, to) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(to, join(root, path));
}
