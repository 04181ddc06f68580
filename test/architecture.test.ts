/** The rules of docs/architecture.md, read off the imports and the text of the source. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';

const SRC = 'src';
/** Files beside the folders that every folder may import. */
const SHARED = ['model.ts', 'errors.ts', 'sweep-limits.ts'];
/** What each folder may import, besides itself, the shared files and lib/. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  config: [],
  telemetry: [],
  // The stages of the pipeline: none imports another, except that an opening also starts commands.
  source: [],
  packet: [],
  attempt: [],
  command: ['telemetry'],
  opening: ['command', 'telemetry'],
  // MAX_CHAIN_NAME, and the counts of the metrics.
  firewall: ['config', 'telemetry'],
  'tools/setup': ['config', 'firewall'],
  'tools/doctor': ['config', 'source', 'packet', 'firewall', 'tools/setup'],
  'tools/explain': ['config', 'packet', 'attempt'],
  'tools/report': [],
  'tools/manual': [],
  client: ['config'],
  daemon: [...['config', 'telemetry'], ...['source', 'packet', 'attempt', 'opening', 'command', 'firewall']],
  cli: [
    ...['config', 'telemetry', 'client', 'daemon'],
    ...['source', 'packet', 'attempt', 'opening', 'command', 'firewall'],
    ...['tools/setup', 'tools/doctor', 'tools/explain', 'tools/report', 'tools/manual'],
  ],
  'main.ts': ['cli'],
  'knock.ts': ['client'],
  'model.ts': [],
  'errors.ts': [],
  'sweep-limits.ts': [],
};
/** The core: no I/O, clock, timer or logger. The other files of these folders act on the world. */
const CORE = [
  /^packet\//,
  /^attempt\//,
  /^opening\/(expiry-heap|lease|clock-step-detector)\.ts$/,
  /^command\/pending-stop\.ts$/,
  /^firewall\/(rule|hook|listing|operation|packet-match|rule-index|walk|iptables-chains|target|extension|nft-match|nft-ruleset|stages|exposure)\.ts$/,
  /^tools\/setup\/(?!apply)/,
  /^tools\/(explain|report|manual)\//,
  /^tools\/doctor\/(?!host|state|log-source|scratch|filters)/,
  /^telemetry\/metrics\/(?!file)/,
  /^telemetry\/(rate-limiter|near-misses|frequent-items|messages)\.ts$/,
];
const IMPURE =
  /Date\.now|new Date\(\)|performance\.|setTimeout|setInterval|setImmediate|process\.|console\.|from 'node:(?!net')/;

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const textOf = (file: string): string => readFileSync(join(SRC, file), 'utf8');
/** The folder that a file belongs to, or the file itself where it lies beside the folders. */
function placeOf(file: string): string {
  const [first = '', second = '', ...rest] = file.split('/');
  return first === 'tools' && rest.length > 0 ? `${first}/${second}` : first;
}

function importsOf(file: string): string[] {
  const specifiers = [...textOf(file).matchAll(/from '(\.[^']+)'/g)].map(([, path]) => path ?? '');
  return specifiers.map((path) => normalize(join(dirname(file), path)));
}

it('every file imports only what its folder may import', () => {
  const offences = files.flatMap((file) => {
    const place = placeOf(file);
    const allowed = [place, 'lib', ...SHARED, ...(MAY_IMPORT[place] ?? [])];
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
    'cli/shut-guard.ts',
    'client/ping.ts',
    'command/command.ts',
    'daemon/background.ts',
    'daemon/systemd.ts',
    'firewall/iptables.ts',
    'firewall/nft.ts',
    'firewall/restore.ts',
    'source/child-process.ts',
    'source/journal-end.ts',
    'source/ring-waiter.ts',
    'telemetry/sink/syslog.ts',
    'tools/doctor/scratch.ts',
  ]);
});
