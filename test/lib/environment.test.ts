import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { childEnvironment } from '../../src/lib/environment.ts';

it('a program gets what it needs of the environment, and nothing that is for the daemon alone', () => {
  const kept = {
    ...{ PATH: '/bin', HOME: '/root', TZ: 'UTC', LANG: 'C', LC_ALL: 'C', LC_TIME: 'C', KNOCK_HOOK: 'a' },
    ...{ XTABLES_LIBDIR: '/x', XTABLES_LOCKFILE: '/y' },
  };
  const left = {
    ...{ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '1', CREDENTIALS_DIRECTORY: '/c', JOURNAL_STREAM: '8:1' },
    ...{
      NODE_OPTIONS: '--inspect',
      KNOCKTAIL_IN_BACKGROUND: '1',
      AWS_SECRET_ACCESS_KEY: 's',
      LD_PRELOAD: 'x',
    },
    ...{ INVOCATION_ID: '1', LISTEN_FDS: '1', MY_PATH: '/', PATHS: '/', ['__proto__']: 'x' },
  };
  expect(childEnvironment({}, { ...kept, ...left })).toEqual(kept);
  const more = { KNOCK_DOOR: 'ssh', KNOCK_SOURCE: '10.0.0.7' };
  expect(childEnvironment(more, { KNOCK_DOOR: 'another', ...left })).toEqual(more);
});

it('each file that starts programs chooses their environment', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const starters = files.filter((name) => {
    const text = readFileSync(join('src', name), 'utf8');
    return /from 'node:child_process'/.test(text) && !/childEnvironment\(/.test(text);
  });
  // The daemon itself, once more.
  expect(starters).toEqual(['daemon/background.ts']);
});
