/** The rules of docs/architecture.md, read off the imports and the text of the source. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';

const SRC = 'src';
const STAGES = ['line', 'packet', 'attempt', 'opening', 'rule'];
/** What a folder or a file of src/ may import, besides itself and the files that all may share. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(STAGES.map((stage) => [stage, []])),
  command: [],
  // The keeper starts the commands of doors that it has opened.
  opening: ['command'],
  // Networks, as the matches of rules have them.
  rule: ['config'],
  config: [],
  sink: [],
  metrics: [],
  manual: [],
  setup: ['config', 'rule'],
  explain: ['config', 'packet', 'attempt'],
  report: [],
  doctor: ['config', 'line', 'packet', 'rule', 'setup'],
  // Together the place where stages meet: one log, all logs, and what becomes of them.
  'reader.ts': ['line', 'packet', 'config'],
  'intake.ts': ['line', 'packet', 'config', 'reader.ts'],
  'daemon.ts': [...STAGES, 'command', 'config', 'intake.ts', 'reader.ts'],
  cli: [
    ...STAGES,
    'command',
    'config',
    'setup',
    'explain',
    'report',
    'doctor',
    'sink',
    'metrics',
    'manual',
    'client',
    'daemon.ts',
    'reader.ts',
  ],
  'main.ts': ['cli'],
  client: ['config'],
  'knock.ts': ['client'],
};
const SHARED = ['lib', ...readdirSync(SRC).filter((name) => name.endsWith('.ts') && !(name in MAY_IMPORT))];
/** The core: no I/O, clock, timer or logger. The other files of opening/, rule/ and setup/ act on the world. */
const CORE = [
  /^packet\//,
  /^attempt\//,
  /^command\/pending-stop\.ts$/,
  /^opening\/(ends|lease|step)\.ts$/,
  /^rule\/(rule|hook|listing|operation|packet-match|rule-index|walk|iptables-chains|target|extension|nft-match|nft-ruleset|stages|exposure)\.ts$/,
  /^setup\/(?!apply)/,
  /^explain\//,
  /^report\//,
  /^metrics\/(?!file)/,
  /^manual\//,
  /^(muffle|near-misses|tally|words)\.ts$/,
  /^doctor\/(?!host|state|log-source|scratch|filters)/,
];
const IMPURE =
  /Date\.now|new Date\(\)|performance\.|setTimeout|setInterval|setImmediate|process\.|console\.|from 'node:(?!net')/;

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const textOf = (file: string): string => readFileSync(join(SRC, file), 'utf8');
const placeOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : file);

function importsOf(file: string): string[] {
  const specifiers = [...textOf(file).matchAll(/from '(\.[^']+)'/g)].map(([, path]) => path ?? '');
  return specifiers.map((path) => normalize(join(dirname(file), path)));
}

it('every file imports only what its folder may import', () => {
  const offences = files.flatMap((file) => {
    const place = placeOf(file);
    const allowed = [place, ...SHARED, ...(MAY_IMPORT[place] ?? [])];
    const wrong = importsOf(file).filter((other) => !allowed.includes(placeOf(other)));
    return wrong.map((other) => `${file} imports ${other}`);
  });
  expect(offences).toEqual([]);
});

it('every file says in its first comment what it is for', () => {
  const silent = files.filter((file) => !/^\/\*\* \S/.test(textOf(file).replace(/^#!.*\n/, '')));
  expect(silent).toEqual([]);
});

it('the core has no I/O, clock, timer or logger', () => {
  const core = files.filter((file) => CORE.some((pattern) => pattern.test(file)));
  expect(core.length).toBeGreaterThan(60);
  const offences = core.flatMap((file) =>
    textOf(file)
      .split('\n')
      .filter((line) => IMPURE.test(line) && !/^\s*(\*|\/\/|\/\*)/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(offences).toEqual([]);
});

it('no imports run in a circle', () => {
  const circles: string[] = [];
  // What is behind a file is the same by whatever way one comes to it.
  const walked = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    else if (!walked.has(file)) for (const other of importsOf(file)) walk(other, [...path, file]);
    walked.add(file);
  };
  for (const file of files) walk(file, []);
  expect(circles).toEqual([]);
});

it('only main.ts ends the process, and few files spawn', () => {
  const holding = (pattern: RegExp): string[] => files.filter((file) => pattern.test(textOf(file))).sort();
  expect(holding(/process\.exit\(/)).toEqual(['main.ts']);
  expect(holding(/node:child_process/)).toEqual([
    'cli/background.ts',
    'cli/shut-guard.ts',
    'cli/systemd.ts',
    'client/ping.ts',
    'command/command.ts',
    'doctor/scratch.ts',
    'line/journal-end.ts',
    'line/program.ts',
    'line/ring-waiter.ts',
    'rule/iptables.ts',
    'rule/nft.ts',
    'rule/restore.ts',
    'sink/syslog.ts',
  ]);
});
