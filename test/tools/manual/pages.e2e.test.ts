/** The pages of the manual that the build has made. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { EXIT } from '../../../src/errors.ts';
import { keysOf } from '../../../src/tools/manual/keys.ts';
import { roffOf } from '../../../src/tools/manual/roff.ts';
import { knocktail } from '../../cli/terminal.ts';
import { describeWith } from '../../lab/describe.ts';

const FOLDER = resolve('dist/man');
const groff = (page: string): { text: string; warnings: string } => {
  const argv = ['-man', '-ww', '-Tutf8', '-P-cbou', '-rLL=200n'];
  const { stdout, stderr } = spawnSync('groff', argv, { input: page, encoding: 'utf8' });
  return { text: stdout, warnings: stderr };
};

it('there is a page for each program and for the configuration', () => {
  expect(readdirSync(FOLDER).sort()).toEqual(['knock.yaml.5', 'knocktail-knock.1', 'knocktail.1']);
});

describeWith(['groff'], 'groff', () => {
  const pageOf = (name: string): { text: string; warnings: string } =>
    groff(readFileSync(join(FOLDER, name), 'utf8'));

  it.each(readdirSync(FOLDER))('has nothing to say against %s', (name) => {
    const { text, warnings } = pageOf(name);
    expect(warnings).toBe('');
    expect(text).toMatch(/^NAME$/m);
  });

  it('shows every command and option of the help', async () => {
    const { text } = pageOf('knocktail.1');
    const { stdout: help } = await knocktail(['--help']);
    const commands = [...help.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
    expect(commands).toContain('run');
    for (const command of commands.filter((it) => it !== 'help')) {
      expect(text).toMatch(new RegExp(`^ +knocktail ${command}\\b`, 'm'));
      const { stdout } = await knocktail([command, '--help']);
      for (const [, flags = ''] of stdout.matchAll(/^ {2}(-.+?)(?: {2}|$)/gm)) {
        if (!flags.includes('--help')) expect(text).toContain(flags);
      }
    }
  });

  it('shows every key of the schema', async () => {
    const { text } = pageOf('knock.yaml.5');
    const keys = keysOf(JSON.parse((await knocktail(['schema'])).stdout));
    expect(keys.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['log.prefix', 'firewall.hooks', 'doors.NAME.open.for', 'metrics']),
    );
    for (const { path } of keys)
      expect(text).toMatch(new RegExp(`^ +${path.replaceAll('.', '\\.')}(?: |$)`, 'm'));
  });

  it('shows every exit code of the client', () => {
    const { text } = pageOf('knocktail-knock.1');
    const source = readdirSync('src/client').map((name) => readFileSync(join('src/client', name), 'utf8'));
    const names = [...source.join('\n').matchAll(/\bEXIT\.(\w+)/g)].map(([, name = '']) => name);
    const codes = Object.entries(EXIT).flatMap(([name, code]) => (names.includes(name) ? [code] : []));
    const shown = text.slice(text.indexOf('EXIT STATUS')).matchAll(/^ +(\d+) /gm);
    expect([...shown].map(([, code]) => Number(code))).toEqual([...codes, EXIT.SOFTWARE]);
  });

  it('shows text as it is, whatever it begins with and holds', () => {
    const lines = [".so it's", "'tis -x --long `a` \\n", '...'];
    const page = roffOf({
      ...{ name: 'x', section: 1, version: '1', summary: 'y' },
      sections: [
        { title: 'A', blocks: [{ kind: 'lines', lines }] },
        { title: 'B', blocks: [{ kind: 'term', term: '-a, --all', text: '.dot -o \\e' }] },
      ],
    });
    const { text, warnings } = groff(page);
    expect(warnings).toBe('');
    for (const line of [...lines, '-a, --all', '.dot -o \\e'])
      expect(text.replaceAll('−', '-')).toContain(line);
  });
});
