import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../lab/scratch-folder.ts';
import { fileWith, knocktail } from './terminal.ts';

const TEXT =
  '# mine\ndoors:\n  ssh: { sequence: [4438, 1813:udp, 8235], trap: [4439], open: { port: 22, for: 30s } }\n';

interface Door {
  readonly sequence: readonly (string | number)[];
  readonly open: object;
}
const doorsIn = (path: string) => (load(readFileSync(path, 'utf8')) as { doors: Record<string, Door> }).doors;

describe('knocktail add', () => {
  it('adds a door that check accepts, prints its knock, and says what to do next', async () => {
    const path = fileWith(TEXT);
    const { code, stdout, stderr } = await knocktail([
      'add',
      'web',
      '--port',
      '443',
      '--for',
      '10m',
      '-c',
      path,
    ]);
    expect([code, stderr]).toEqual([0, '']);
    const { web } = doorsIn(path);
    expect(web?.open).toEqual({ port: 443, proto: 'tcp', for: '10m' });
    expect(readFileSync(path, 'utf8').startsWith(TEXT)).toBe(true);
    expect(stdout).toContain(`  knocktail rules -c ${path} --apply `);
    expect(stdout).toContain('systemctl reload knocktail');
    expect(stdout).toContain(`  knock HOST ${web?.sequence.join(' ')}\n`);
    expect(await knocktail(['check', '-c', path])).toMatchObject({ code: 0, stderr: '' });
    expect((await knocktail(['show', '-c', path, 'web'])).stdout).toContain(
      `knock HOST ${web?.sequence.join(' ')}\n`,
    );
  });

  it('is open for 30 seconds over TCP where nothing else is said', async () => {
    const path = fileWith(TEXT);
    await knocktail(['add', 'dns', '--port', '53', '-c', path]);
    expect(doorsIn(path)['dns']?.open).toEqual({ port: 53, proto: 'tcp', for: '30s' });
    await knocktail(['add', 'dns2', '--port', '53', '--proto', 'udp', '-c', path]);
    expect(doorsIn(path)['dns2']?.open).toMatchObject({ proto: 'udp' });
  });

  it('keeps mode, byte order mark and symlink, and leaves no other file behind', async () => {
    const path = fileWith(`\ufeff${TEXT}`);
    chmodSync(path, 0o640);
    const link = join(scratchFolder(), 'knock.yaml');
    symlinkSync(path, link);
    expect((await knocktail(['add', 'web', '--port', '443', '-c', link])).code).toBe(0);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('640');
    expect(readFileSync(path, 'utf8')).toMatch(/^\ufeff# mine\n/);
    expect(readdirSync(dirname(path))).toEqual(['knock.yaml']);
  });

  it.each([
    [
      'a name that is taken',
      TEXT,
      ['ssh', '--port', '443'],
      64,
      'there is a door of that name already (ssh)',
    ],
    ['a name that is none', TEXT, ['a b', '--port', '443'], 64, 'Use letters'],
    ['no port', TEXT, ['web'], 64, "required option '--port <port>'"],
    ['port 0', TEXT, ['web', '--port', '0'], 64, 'Not a port'],
    ['no time', TEXT, ['web', '--port', '443', '--for', '0'], 64, 'such as 30s'],
    ['a knockd.conf', '[a]\nsequence = 4438,8235\n', ['web', '--port', '443'], 65, 'knocktail convert'],
    ['an alias', 'doors: *a\n', ['web', '--port', '443'], 78, 'alias'],
  ])('refuses %s and changes nothing', async (_, text, argv, wanted, words) => {
    const path = fileWith(text);
    const { code, stderr, stdout } = await knocktail(['add', ...argv, '-c', path]);
    expect([code, stdout]).toEqual([wanted, '']);
    expect(stderr).toContain(words);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('adds to a file of one line, too', async () => {
    const path = fileWith('doors: { ssh: { sequence: [4438, 1813, 8235], open: { port: 22, for: 30s } } }\n');
    expect((await knocktail(['add', 'web', '--port', '443', '-c', path])).code).toBe(0);
    expect(Object.keys(doorsIn(path)).sort()).toEqual(['ssh', 'web']);
  });

  it('a file that is not there is made by init', async () => {
    const path = join(scratchFolder(), 'knock.yaml');
    expect(await knocktail(['add', 'web', '--port', '443', '-c', path])).toMatchObject({
      code: 66,
      stderr: `${path}: no such file, make one with knocktail init\n`,
    });
    mkdirSync(path);
    expect((await knocktail(['add', 'web', '--port', '443', '-c', path])).code).toBe(66);
  });
});
