/** What the daemon says on its console, and what it says of other places. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DaemonLog } from '../../src/daemon/daemon-log.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

const TIME = '20\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d';
const CONFIG = { logfile: null, usesyslog: false, compat: 'none', logFormat: 'text' } as const;

function logOf(given: { verbose?: boolean; debug?: boolean } = {}) {
  const said = { stdout: '', stderr: '' };
  const io = {
    stdout: { write: (text: string) => (said.stdout += text) },
    stderr: { write: (text: string) => (said.stderr += text) },
  };
  return { said, log: new DaemonLog(io, { verbose: false, debug: false, lookup: false, ...given }) };
}

it('lines of the console begin with the local time', () => {
  const { said, log } = logOf();
  log.use(CONFIG);
  log.info('ssh: opened');
  log.error('no');
  expect(said.stdout).toMatch(new RegExp(`^${TIME} ssh: opened\\n$`));
  expect(said.stderr).toMatch(new RegExp(`^${TIME} error: no\\n$`));
});

it('under compat: knockd, whose lines have none, they do not', () => {
  const { said, log } = logOf();
  log.use({ ...CONFIG, compat: 'knockd' });
  log.info('10.0.0.7: ssh: Stage 1');
  expect(said.stdout).toBe('10.0.0.7: ssh: Stage 1\n');
});

it('what is for debugging is told where it is asked for, on stdout in any case', () => {
  const quiet = logOf();
  quiet.log.use(CONFIG);
  quiet.log.debug('stage 1 of 3');
  expect(quiet.said.stdout).toBe('');
  const logfile = join(scratchFolder(), 'daemon.log');
  const { said, log } = logOf({ debug: true });
  log.use({ ...CONFIG, logfile });
  log.debug('stage 1 of 3');
  log.info('ssh: opened');
  expect(said.stdout).toMatch(/^\S+ \S+ stage 1 of 3\n$/);
  expect(readFileSync(logfile, 'utf8')).toMatch(/stage 1 of 3\n.*ssh: opened\n$/);
});

it('the console says where events go', async () => {
  const logfile = join(scratchFolder(), 'daemon.log');
  const { said, log } = logOf();
  log.use({ ...CONFIG, logfile, usesyslog: true });
  log.ready('ready: 1 door', 'ready: 1 door');
  expect(said.stdout).toContain(
    `events go to ${logfile} and syslog as knocktail (facility daemon); -v shows them here as well\n`,
  );
  await log.close();
});

it.each([
  ['there is no other place', { logfile: null }, false],
  ['it is told all of them', { logfile: '/dev/null' }, true],
])('the console says nothing of that where %s', (_, given, verbose) => {
  const { said, log } = logOf({ verbose });
  log.use({ ...CONFIG, ...given });
  log.ready('ready: 1 door', 'ready: 1 door');
  expect(said.stdout).not.toContain('events go');
});
