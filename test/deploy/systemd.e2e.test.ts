import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

const UNIT = readFileSync('deploy/knocktail.service', 'utf8');
/** In tenths, as systemd-analyze takes it. */
const MOST_EXPOSURE = 20;

describeWith(['systemd-analyze'], 'the unit', () => {
  let folder: string;
  beforeEach(() => {
    folder = scratchFolder();
  });

  /** Throws, with what systemd says, where it is not content. */
  function analyze(text: string, ...argv: readonly string[]): string {
    const path = join(folder, 'knocktail.service');
    writeFileSync(path, text.replaceAll('/usr/bin/node', process.execPath));
    return execFileSync('systemd-analyze', [...argv, path], { encoding: 'utf8', stdio: 'pipe' });
  }

  it('is taken by systemd', () => {
    expect(analyze(UNIT, 'verify')).toBe('');
    expect(() => analyze(UNIT.replace('ExecStart=', 'ExecStart=not/absolute '), 'verify')).toThrow();
  });

  it('is taken with the lines of its comments, too', () => {
    const uncommented = UNIT.replaceAll(/^# {5}(?=\w+=)/gm, '');
    expect(uncommented).toContain('\nDeviceAllow=/dev/kmsg r');
    expect(analyze(uncommented, 'verify')).toBe('');
  });

  it('leaves little exposed', () => {
    const judge = ['security', '--offline=true', '--no-pager', `--threshold=${MOST_EXPOSURE}`];
    expect(analyze(UNIT, ...judge)).toContain('Overall exposure level');
    expect(() => analyze(UNIT.replace(/^Capab.*$/m, ''), ...judge)).toThrow(/Command failed/);
  });
});
