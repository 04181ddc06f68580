/** What TAB offers. */

import { describe, expect, it } from 'vitest';
import { fileWith, knocktail } from '../../cli/terminal.ts';

const CONFIG = fileWith(
  'doors: { ssh: { sequence: [1, 2, 3], open: { port: 22 } }, smtp: { sequence: [4, 5, 6] }, web: { sequence: [7, 8] } }',
);

async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const { stdout, code } = await knocktail(['complete', 'knocktail', '--', ...words]);
  expect(code).toBe(0);
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0] ?? '']));
}

describe('TAB', () => {
  it.each([
    [['re'], ['replay', 'report']],
    [['r'], ['run', 'rules', 'replay', 'report']],
    [['nonsense', ''], expect.arrayContaining(['run', 'list'])],
    [
      ['check', '--'],
      ['--config', '--strict', '--help'],
    ],
    [['check', '-c'], ['-c']],
    [
      ['rules', '--format', 'ipt'],
      ['iptables', 'iptables-restore'],
    ],
    [['rules', '--format=n'], ['--format=nft']],
    [['rules', '--format', '=', 'n'], ['nft']],
    [['rules', '--format', '='], expect.arrayContaining(['nft', 'iptables'])],
    [
      ['run', '--log', ''],
      ['auto', 'journal', 'kmsg', '-', ':file'],
    ],
    [
      ['run', '--log-format', ''],
      ['text', 'json'],
    ],
    [['run', '-c', ''], [':file']],
    [['run', '--state', ''], [':folder']],
    [['run', ''], []],
    [['run', '--prefix', ''], []],
    [['replay', ''], [':file']],
    [['replay', 'kern.log', ''], []],
    [['convert', '--', '-'], [':file']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [
      ['completion', 'zsh', ''],
      ['knocktail', 'knocktail-knock', 'knock'],
    ],
    [
      ['open', '-c', CONFIG, 's'],
      ['ssh', 'smtp'],
    ],
    [
      ['close', `--config=${CONFIG}`, ''],
      ['ssh', 'smtp', 'web'],
    ],
    [['close', '--json', '--config', CONFIG, 'w'], ['web']],
    [['open', '-c', CONFIG, 'ssh', ''], []],
    [['open', '-c', '/nonexistent', ''], []],
  ])('after %j offers %j', async (words, wanted) => {
    expect(await offered(...words)).toEqual(wanted);
  });

  it('tells what things are', async () => {
    const { stdout } = await knocktail(['complete', 'knocktail', '--', 'doc']);
    expect(stdout).toMatch(/^doctor\t\S+ .*\n$/);
  });

  it('knows the client', async () => {
    const { stdout } = await knocktail(['complete', 'knock', '--', '--']);
    expect(stdout.split('\n').map((line) => line.split('\t')[0])).toContain('--delay');
  });
});
