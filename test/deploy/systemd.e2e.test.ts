import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { EXIT } from '../../src/errors.ts';
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

  it('does not start again where a person has to change something first', () => {
    const [, codes = ''] = /^RestartPreventExitStatus=(.*)$/m.exec(UNIT) ?? [];
    expect(codes.split(' ').map(Number)).toEqual([
      EXIT.USAGE,
      EXIT.NO_INPUT,
      EXIT.NO_PERMISSION,
      EXIT.CONFIG,
    ]);
    // What fails before the main process is tried again whatever its status, so nothing else may look at the configuration.
    expect(UNIT.match(/^ExecStartPre=(?!-).*$/gm)).toBeNull();
  });

  it('applies rules at a start and at a reload, before the daemon hears of it', () => {
    const steps = [...UNIT.matchAll(/^Exec(\w+)=(.*)$/gm)].map(([, key = '', command = '']) => {
      const [word = ''] = /check|rules --apply|kill|run/.exec(command) ?? [];
      return `${key} ${word}`;
    });
    expect(steps).toEqual([
      'StartPre rules --apply',
      'Start run',
      'Reload check',
      'Reload rules --apply',
      'Reload kill',
    ]);
  });

  it('leaves little exposed', () => {
    const judge = ['security', '--offline=true', '--no-pager', `--threshold=${MOST_EXPOSURE}`];
    expect(analyze(UNIT, ...judge)).toContain('Overall exposure level');
    expect(() => analyze(UNIT.replace(/^Capab.*$/m, ''), ...judge)).toThrow(/Command failed/);
  });
});
