/** The Debian package, from its making to its purge in a Debian of its own. */

import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from './lab/describe.ts';
import { ENV } from './lab/needs.ts';

const MIRROR = 'http://deb.debian.org/debian';
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const DEB = resolve(`dist/knocktail_${version}_all.deb`);

describeWith(['root', 'debootstrap', 'unshare', 'iptables'], 'a Debian with the package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
  const root = join(folder, 'root');
  const inRoot = (path: string): string => join(root, path);
  /** Runs a script there, with a network and a /proc of its own. */
  const run = (script: string): { status: number | null; said: string } => {
    const within = `mount -t proc proc ${root}/proc && exec chroot ${root} /bin/sh -c "$1" 2>&1`;
    const argv = ['--mount', '--net', '--pid', '--fork', '/bin/sh', '-c', within, 'sh', script];
    const { status, stdout } = spawnSync('unshare', argv, {
      env: { PATH: ENV.PATH },
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { status, said: stdout };
  };

  beforeAll(() => {
    execFileSync(process.execPath, ['deploy/deb/build.mjs'], { stdio: ['ignore', 'ignore', 'inherit'] });
    const argv = [
      '--variant=minbase',
      // The first to have a program `knock`, from which many come to this one.
      '--include=knockd,iptables,cron,logrotate,systemd-standalone-sysusers',
      'bookworm',
      root,
      MIRROR,
    ];
    execFileSync('debootstrap', argv, { env: ENV, stdio: ['ignore', 'ignore', 'inherit'] });
    copyFileSync(DEB, inRoot('knocktail.deb'));
    const next = join(folder, 'next');
    execFileSync('dpkg-deb', ['--raw-extract', DEB, next]);
    const control = readFileSync(join(next, 'DEBIAN/control'), 'utf8');
    writeFileSync(join(next, 'DEBIAN/control'), control.replace(/^Version: .*$/m, '$&.next'));
    execFileSync('dpkg-deb', ['--build', next, inRoot('knocktail-next.deb')], { stdio: 'ignore' });
    // Bookworm's own Node is too old: the one that runs this, as a package that has nothing but its name.
    copyFileSync(process.execPath, inRoot('usr/bin/node'));
    const fake = join(folder, 'nodejs');
    mkdirSync(join(fake, 'DEBIAN'), { recursive: true });
    const nodejs = [
      'Package: nodejs',
      `Version: ${process.versions.node}`,
      ...['Architecture: all', 'Maintainer: nobody <nobody@localhost>', 'Description: a name'],
    ];
    writeFileSync(join(fake, 'DEBIAN/control'), `${nodejs.join('\n')}\n`);
    execFileSync('dpkg-deb', ['--build', fake, inRoot('nodejs.deb')], { stdio: 'ignore' });
    expect(run('dpkg -i /nodejs.deb').status).toBe(0);
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

  it('installs it, and nothing is started or written', () => {
    const { status, said } = run('dpkg -i /knocktail.deb && dpkg -V knocktail && knocktail --version');
    expect({ status, said }).toEqual({
      status: 0,
      said: expect.stringContaining(`\nknocktail ${version}\n`),
    });
    expect(said).toMatch(
      /nothing was started\. As root: knocktail init, then systemctl enable --now knocktail\n/,
    );
    expect(existsSync(inRoot('etc/knocktail/knock.yaml'))).toBe(false);
    expect(run('getent passwd knocktail').said).toMatch(/^knocktail:.*:\/usr\/sbin\/nologin$/m);
    expect(run('/etc/cron.daily/knocktail')).toEqual({ status: 0, said: '' });
    expect(run('logrotate --debug /etc/logrotate.d/knocktail-daemon').status).toBe(0);
  });

  it('runs it', () => {
    const { status, said } = run('knocktail init && knocktail check && knocktail run --log - </dev/null');
    expect(status, said).toBe(0);
    expect(said).toMatch(/ready: 1 door/);
    expect(readFileSync(inRoot('etc/knocktail/knock.yaml'), 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=.*\/usr\/lib\/knocktail\/knock\.schema\.json$/m,
    );
  });

  it('makes the file of init one that the service can read, and says how to start that', () => {
    expect(run('stat -c "%a %U %G" /etc/knocktail/knock.yaml').said).toBe('640 root knocktail\n');
    const asService = 'setpriv --reuid knocktail --regid knocktail --init-groups knocktail check';
    expect(run(asService)).toEqual({ status: 0, said: '/etc/knocktail/knock.yaml: good, 1 door\n' });
    const again = run(
      'mv /etc/knocktail/knock.yaml /tmp/ && knocktail init; mv /tmp/knock.yaml /etc/knocktail/',
    );
    expect(again.said).toMatch(
      /^ {2}systemctl enable --now knocktail {4}the daemon, now and after each boot$/m,
    );
  });

  it('leaves the knock of knockd alone', () => {
    expect(run('dpkg -S /usr/bin/knock /usr/share/man/man1/knock.1.gz').said).toBe(
      'knockd: /usr/bin/knock\nknockd: /usr/share/man/man1/knock.1.gz\n',
    );
    expect(run('dpkg -V knockd').said).toBe('');
    expect(run('knocktail-knock --version').said).toMatch(/^knock \(knocktail\) /);
    expect(run('knocktail knock --help').said).toMatch(/^Usage: knocktail knock /);
  });

  it('applies its rules as the unit does, unless it is told not to', () => {
    const unit = readFileSync(inRoot('usr/lib/systemd/system/knocktail.service'), 'utf8');
    const [, script = ''] = /^ExecStartPre=-\+\/bin\/sh -c '(.*)'$/m.exec(unit) ?? [];
    // As systemd reads it.
    const start = `env APPLY_RULES=yes $(grep ^APPLY_RULES= /etc/default/knocktail) sh -c '${script.replaceAll('$$', '$')}'`;
    const count = 'iptables-nft -S | grep -c "^-A INPUT -j KNOCKD"';
    expect(run(`${start} >/dev/null && ${start} && ${count}`).said).toMatch(/nothing to do\n(.*\n)*3\n$/);
    const no = 'sed -i s/^APPLY_RULES=.*/APPLY_RULES=no/ /etc/default/knocktail';
    const yes = 'sed -i s/^APPLY_RULES=.*/APPLY_RULES=yes/ /etc/default/knocktail';
    expect(run(`${no}; ${start}; ${count}; ${yes}`)).toEqual({ status: 0, said: '0\n' });
    const own = 'sed "s/manage: true/manage: false/" /etc/knocktail/knock.yaml > /tmp/own.yaml';
    expect(run(`${own} && knocktail rules --apply --if-managed -c /tmp/own.yaml && ${count}`).said).toBe(
      'nothing was changed, as /tmp/own.yaml says manage: false\n0\n',
    );
  });

  it('closes doors every day where it is told to, and says nothing then', () => {
    const script = [
      'door=$(knocktail complete knocktail -- open "" | cut -f1)',
      'knocktail open "$door" 192.0.2.7 >/dev/null 2>&1',
      'knocktail list --json 2>/dev/null | wc -l; /etc/cron.daily/knocktail',
      'knocktail list --json 2>/dev/null | wc -l; sed -i s/^FLUSH_DAILY=no/FLUSH_DAILY=yes/ /etc/default/knocktail; /etc/cron.daily/knocktail',
      'knocktail list --json 2>/dev/null | wc -l',
    ];
    expect(run(script.join('\n'))).toEqual({ status: 0, said: '1\n1\n0\n' });
  });

  it('keeps what was changed when it is upgraded, installed again or removed, and asks nothing', () => {
    const mine = 'cat /etc/default/knocktail /etc/knocktail/knock.yaml | cksum';
    const { said: before } = run(mine);
    for (const [command, isThere] of [
      ['dpkg -i /knocktail-next.deb', true],
      ['dpkg -i /knocktail-next.deb', true],
      ['dpkg -r knocktail', false],
      ['dpkg -i /knocktail.deb', true],
    ] as const) {
      const { status, said } = run(`${command} </dev/null && /etc/cron.daily/knocktail`);
      expect(status, said).toBe(0);
      expect(said).not.toMatch(/nothing was started|modified/);
      expect(run('knocktail check').status === 0).toBe(isThere);
      expect(run(mine).said).toBe(before);
    }
  });

  it('purges it, and nothing is left', () => {
    const { status, said } = run(
      'touch /var/log/knocktail.log /var/log/knocktail.log.1.gz && dpkg -P knocktail && ' +
        'find / -xdev -name "*knocktail*" ! -name "*.deb" && grep knocktail /etc/passwd /etc/group',
    );
    // That of grep.
    expect(status, said).toBe(1);
    expect(said.split('\n').filter((line) => line.startsWith('/'))).toEqual([]);
    expect(run('dpkg -s knocktail').status).toBe(1);
  });
});

describeWith(['lintian'], 'lintian', () => {
  it('finds nothing in it', () => {
    execFileSync(process.execPath, ['deploy/deb/build.mjs'], { stdio: ['ignore', 'ignore', 'inherit'] });
    // Who builds it says who that is.
    const argv = ['--suppress-tags', 'bogus-mail-host,bogus-mail-host-in-debian-changelog', DEB];
    const { stdout } = spawnSync('lintian', argv, { encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});
