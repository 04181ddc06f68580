/** What docs/near-misses.md has for CrowdSec, in the CrowdSec of this Debian. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { asJson } from '../src/telemetry/sink/form.ts';
import { describeWith } from './lab/describe.ts';
import { ENV } from './lab/needs.ts';
import { removeFolder } from './lab/remove-folder.ts';

/** Decisions count from the time of the line. */
const NOW = new Date();
const HEAD = `${NOW.toISOString().replace('Z', '000+00:00')} vm knocktail[123]: `;
const TEXT = [
  '192.0.2.7: near miss: ssh: 2 of 3 steps',
  '2001:db8::7: near miss: port sweep',
  '192.0.2.8 (a.example): near miss: ssh: touched a trap',
  '192.0.2.1: ssh: command output: 203.0.113.9: near miss: port sweep',
  '192.0.2.7: ssh: timeout at stage 2 of 3',
  ...Array<string>(4).fill('192.0.2.9: near miss: 5 attempts within 10 minutes opened nothing'),
];
const form = asJson(() => NOW);
const trap = { event: 'near miss', kind: 'trap', door: 'ssh' };
const JSON_LINES = [
  form('info', '192.0.2.7: ssh: stage 1 of 3', { event: 'stage', door: 'ssh', source: '192.0.2.7' }),
  ...Array<string>(4).fill(
    form('info', '2001:db8::9: near miss: ssh: touched a trap', { ...trap, source: '2001:db8::9' }),
  ),
];

describeWith(['root', 'unshare', 'ip', 'apt-get'], 'CrowdSec', () => {
  const folder = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
  const at = (name: string): string => join(folder, name);
  let said = '';

  beforeAll(() => {
    // Unpacked alone it is no service that starts, and asks nobody.
    execFileSync('apt-get', ['download', '-qq', 'crowdsec'], {
      cwd: folder,
      stdio: 'ignore',
      timeout: 120_000,
    });
    const deb = readdirSync(folder).find((name) => name.endsWith('.deb')) ?? '';
    execFileSync('dpkg-deb', ['--extract', at(deb), at('unpacked')], { timeout: 60_000 });
    const documents = readFileSync('docs/near-misses.md', 'utf8').matchAll(
      /```yaml\n(# \/etc\/crowdsec\/(\S+)\n.*?)```/gs,
    );
    for (const [, text = '', name = ''] of documents) {
      mkdirSync(dirname(join(at('own'), name)), { recursive: true });
      writeFileSync(join(at('own'), name), text);
    }
    writeFileSync(at('syslog'), TEXT.map((line) => `${HEAD}${line}\n`).join(''));
    writeFileSync(at('json'), JSON_LINES.map((line) => `${line}\n`).join(''));
    const argv = [resolve('test/lab/crowdsec.sh'), at('unpacked'), at('own'), at('home')];
    const files = [at('syslog'), 'syslog', at('json'), 'knocktail'];
    const ran = spawnSync('unshare', ['--net', ...argv, ...files], {
      env: ENV,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(ran.status, ran.stderr).toBe(0);
    said = ran.stdout;
  }, 240_000);
  afterAll(() => removeFolder(folder));

  /** The addresses that a line is taken to be of: one, or none. */
  const sourcesOf = (line: string): readonly string[] => {
    const [, verdict = ''] = said.split(`line: ${line}\n`);
    const [own = ''] = verdict.split('\nline: ');
    return [...own.matchAll(/evt\.Meta\.source_ip : (\S+)/g)].map(([, source = '']) => source);
  };

  it.each([
    [TEXT[0], ['192.0.2.7']],
    [TEXT[1], ['2001:db8::7']],
    [TEXT[2], ['192.0.2.8']],
    [TEXT[3], []],
    [TEXT[4], []],
  ])('takes %s to be of %j', (line, sources) => {
    expect(said).toContain(`line: ${HEAD}${line}\n`);
    expect(sourcesOf(`${HEAD}${line}`)).toEqual(sources);
  });

  it('reads near misses in JSON, and nothing else', () => {
    expect(JSON_LINES.slice(0, 2).map(sourcesOf)).toEqual([[], ['2001:db8::9']]);
  });

  it('bans who comes near again and again, for ten minutes', () => {
    const alerts: { source: { value: string }; decisions: { type: string; duration: string }[] }[] =
      JSON.parse(said.split('\nalerts: ')[1] ?? '');
    expect(alerts.map(({ source }) => source.value).sort()).toEqual(['192.0.2.9', '2001:db8::9']);
    // What is left of it: hours, without a profile of its own.
    const left = alerts.flatMap(({ decisions }) =>
      decisions.map(({ type, duration }) => `${type} ${duration}`),
    );
    expect(left).toEqual(Array(2).fill(expect.stringMatching(/^ban \dm/)));
  });
});
