/** The configuration of a service that has a user of its own: who may read it, and what is said where nobody lets it. */

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { ENV } from '../lab/needs.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

/** Numbers that no user of this machine has, and that are those of a service. */
const [UID, GID, ADM] = [787, 787, 4];

describeWith(['root', 'unshare', 'setpriv'], 'where there is a group knocktail', () => {
  let folder: string;
  let program: string;
  beforeEach(() => {
    folder = scratchFolder();
    chmodSync(folder, 0o755);
    program = join(folder, 'program');
    cpSync('dist', join(program, 'dist'), { recursive: true });
    for (const file of ['package.json', 'knock.schema.json']) cpSync(file, join(program, file));
    writeFileSync(join(folder, 'group'), `root:x:0:\nadm:x:${ADM}:\nknocktail:x:${GID}:\n`);
    writeFileSync(join(folder, 'passwd'), `root:x:0:0::/:/bin/sh\nknocktail:x:${UID}:${GID}::/:/bin/false\n`);
  });

  /** Runs it where the users and groups of the machine are those two. */
  function run(argv: readonly string[], { asService = false, umask = '022' } = {}) {
    const user = ['setpriv', '--reuid', `${UID}`, '--regid', `${GID}`, '--clear-groups', '--'];
    const command = [process.execPath, join(program, 'dist/main.js'), ...argv];
    const script = [
      `mount --bind ${folder}/group /etc/group`,
      `mount --bind ${folder}/passwd /etc/passwd`,
      `umask ${umask}`,
      'exec "$@"',
    ].join(' && ');
    const words = ['--mount', 'sh', '-c', script, 'sh', ...(asService ? user : []), ...command];
    const { status, stdout, stderr } = spawnSync('unshare', words, {
      env: ENV,
      encoding: 'utf8',
      timeout: 20_000,
    });
    return { status, stdout, stderr };
  }
  const ownershipOf = (path: string): string => {
    const { uid, gid, mode } = statSync(path);
    return `${uid} ${gid} ${(mode & 0o777).toString(8)}`;
  };

  it.each(['022', '077'])('init lets it read the file, and nobody else, under a umask of %s', (umask) => {
    const config = join(folder, 'etc', 'knock.yaml');
    const { status, stdout } = run(['init', '-c', config], { umask });
    expect(status).toBe(0);
    expect(stdout).toContain(`wrote ${config}, which only root and the group knocktail can read\n`);
    expect(ownershipOf(config)).toBe(`0 ${GID} 640`);
    expect(ownershipOf(join(folder, 'etc'))).toBe(`0 ${GID} 750`);
    for (const asService of [false, true])
      expect(run(['check', '-c', config], { asService })).toEqual({
        status: 0,
        stdout: `${config}: good, 1 door\n`,
        stderr: '',
      });
    expect(run(['doctor', '-c', config]).stdout).toContain(`ok    config: ${config}\n`);
  });

  it('says what to type where it may not read the file', () => {
    const config = join(folder, 'knock.yaml');
    expect(run(['init', '-c', config]).status).toBe(0);
    chownSync(config, 0, 0);
    const { status, stderr } = run(['run', '-c', config], { asService: true });
    expect(status).toBe(77);
    expect(stderr).toBe(
      `${config}: permission denied, let knocktail read it, as root: chgrp knocktail ${config} && chmod 640 ${config}\n`,
    );
  });

  it.each([
    [0o640, 'add its group to the unit, as root: systemctl edit knocktail, SupplementaryGroups=adm'],
    [0o600, 'let knocktail read it, as root: chgrp knocktail LOG && chmod 640 LOG'],
  ])('says what to type where it may not read a log of mode %o', (mode, remedy) => {
    const config = join(folder, 'knock.yaml');
    const log = join(folder, 'kern.log');
    writeFileSync(log, '');
    chownSync(log, 0, ADM);
    chmodSync(log, mode);
    expect(run(['init', '-c', config]).status).toBe(0);
    const { status, stderr } = run(['replay', '-c', config, log], { asService: true });
    expect(status).toBe(77);
    expect(stderr).toBe(`${log}: permission denied, ${remedy.replaceAll('LOG', log)}\n`);
  });

  it('says what to type where it may not enter the folder', () => {
    const closed = join(folder, 'closed');
    const config = join(closed, 'deeper', 'knock.yaml');
    mkdirSync(join(closed, 'deeper'), { recursive: true });
    expect(run(['init', '-c', config]).status).toBe(0);
    chmodSync(closed, 0o700);
    const { status, stderr } = run(['run', '-c', config], { asService: true });
    expect(status).toBe(77);
    expect(stderr).toContain(`as root: chgrp knocktail ${closed} && chmod 750 ${closed}\n`);
    const person = run(['run', '-c', config]);
    expect(person.stderr).not.toContain('chgrp');
  });
});
