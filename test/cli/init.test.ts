import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../lab/scratch-folder.ts';
import { knocktail } from './terminal.ts';

const folder = () => scratchFolder();

describe('knocktail init', () => {
  it('writes a file for its owner alone, of which check has nothing to say', async () => {
    const path = join(folder(), 'knock.yaml');
    const { code, stderr } = await knocktail(['init', '-c', path]);
    expect([code, stderr]).toEqual([0, '']);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
    const checked = await knocktail(['check', '-c', path]);
    expect(checked).toMatchObject({ code: 0, stderr: '', stdout: `${path}: good, 1 door\n` });
  });

  it('tells the knock of the sequence that it has written, and what to do next', async () => {
    const path = join(folder(), 'knock.yaml');
    const { stdout } = await knocktail(['init', '-c', path, '--port', '2222']);
    const { doors } = load(readFileSync(path, 'utf8')) as {
      doors: Record<string, { sequence: (string | number)[]; open: { port: number } }>;
    };
    const { sequence = [], open } = doors['port-2222'] ?? {};
    expect(open?.port).toBe(2222);
    expect(stdout).toContain(`  knock HOST ${sequence.join(' ')}\n`);
    expect(stdout).toContain(`  knocktail rules -c ${path} --apply `);
    expect(stdout).toContain(`  knocktail rules -c ${path} --shut\n`);
    expect(stdout).not.toContain('-A INPUT -p tcp --dport 2222 -j DROP');
    expect(stdout).toContain(`tcp/HOST/${sequence.find((step) => !String(step).includes(':'))}`);
  });

  it('draws another sequence each time', async () => {
    const texts = await Promise.all([1, 2].map(() => knocktail(['init', '-c', '-'])));
    expect(new Set(texts.map(({ stdout }) => /sequence: (.*)/.exec(stdout)?.[1])).size).toBe(2);
    expect(texts[0]?.stderr).toContain('knock HOST');
  });

  it('never writes over a file', async () => {
    const path = join(folder(), 'knock.yaml');
    writeFileSync(path, 'mine');
    const { code, stdout, stderr } = await knocktail(['init', '-c', path]);
    expect([code, stdout]).toEqual([73, '']);
    expect(stderr).toBe(`${path}: is there already, name another with -c FILE, or move it away first\n`);
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  it('makes the folder of the file', async () => {
    const path = join(folder(), 'knocktail', 'knock.yaml');
    expect((await knocktail(['init', '-c', path])).code).toBe(0);
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  it('makes no folders above that, but says how to', async () => {
    const path = join(folder(), 'missing', 'my doors', 'knock.yaml');
    const { code, stderr } = await knocktail(['init', '-c', path]);
    expect(code).toBe(73);
    expect(stderr).toContain(`make it first: mkdir -p "${join(path, '..')}"\n`);
  });

  it.each(['0', '65536', 'ssh'])('does not open port %s', async (port) => {
    expect((await knocktail(['init', '-c', '-', '--port', port])).code).toBe(64);
  });
});
