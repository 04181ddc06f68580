/** Completion in the shells themselves. */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { completionScript, SHELLS, type Shell } from '../../../src/tools/manual/scripts.ts';
import { describeWith } from '../../lab/describe.ts';
import { scratchFolder } from '../../lab/scratch-folder.ts';

/** A folder with doors, a program that says them, and scripts. */
const folder = scratchFolder();
writeFileSync(
  join(folder, 'knocktail'),
  `#!/bin/sh\nexec ${process.execPath} ${resolve('dist/main.js')} "$@"\n`,
  {
    mode: 0o755,
  },
);
writeFileSync(
  join(folder, 'knock.yaml'),
  'doors: { ssh: { sequence: [1, 2, 3] }, smtp: { sequence: [4, 5, 6] }, web: { sequence: [7, 8] } }',
);
writeFileSync(join(folder, 'kern.log'), '');

/** What a shell offers after these words. */
const ASK: Readonly<Record<Shell, (script: string, words: readonly string[]) => string>> = {
  bash: (script, words) => `. ${script}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_${words[0]}; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // What the completion system would be told of; it needs a terminal to be asked.
  zsh: (script, words) => `compdef() { : }
compset() { : }
_files() { print -l -- *(N) }
_describe() { print -l -- "\${(P@)2%%:*}" }
. ${script}
words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}
_${words[0]}`,
  fish: (script, words) => `source ${script}; complete -C '${words.join(' ')}'`,
};

describeWith(['bash', 'zsh', 'fish'], 'completion', () => {
  it.each(
    SHELLS.flatMap((shell) => [
      { shell, words: ['knocktail', 're'], wanted: ['replay', 'report'] },
      { shell, words: ['knocktail', 'completion', ''], wanted: ['bash', 'fish', 'zsh'] },
      { shell, words: ['knocktail', 'open', '-c', 'knock.yaml', 's'], wanted: ['smtp', 'ssh'] },
      { shell, words: ['knocktail', 'replay', 'kern'], wanted: ['kern.log'] },
      { shell, words: ['knocktail', 'knock', '--ver'], wanted: ['--verbose', '--version'] },
      { shell, words: ['knocktail-knock', '--ver'], wanted: ['--verbose', '--version'] },
      { shell, words: ['knock', '--ver'], wanted: ['--verbose', '--version'] },
    ]),
  )('$shell completes $words', ({ shell, words, wanted }) => {
    const script = join(folder, `${words[0]}.${shell}`);
    writeFileSync(script, completionScript(shell, words[0] ?? ''));
    const { stdout, stderr } = spawnSync(shell, ['-c', ASK[shell](script, words)], {
      cwd: folder,
      env: { ...process.env, PATH: `${folder}:${process.env['PATH']}`, HOME: folder },
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    const offered = stdout.split('\n').flatMap((line) => line.split('\t')[0] || []);
    expect(offered.filter((it) => shell !== 'zsh' || it.startsWith(words.at(-1) ?? '')).sort()).toEqual(
      wanted,
    );
  });
});
