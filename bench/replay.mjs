// CPU time of reading a recorded log of a million lines: knocktail beside programs that do less with it.
// Usage: npm run bench:replay [-- LINES]. Runs are interleaved, figures are medians of user and system time.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KNOCKS } from './generate.mjs';

const ROUNDS = 5;
const SEED = 1;
const lines = Number(process.argv[2] ?? 1_000_000);
const folder = mkdtempSync(join(tmpdir(), 'knocktail-bench-'));
const log = join(folder, 'kern.log');
const config = join(folder, 'knock.yaml');

const COUNT_PORTS =
  '/KNOCK IN=/ { for (i = 1; i <= NF; i++) if (substr($i, 1, 4) == "DPT=") ports[substr($i, 5)]++ } END { print length(ports) }';
const PROGRAMS = {
  knocktail: [process.execPath, 'dist/main.js', 'replay', '-c', config, '--json', log],
  'wc -l': ['wc', '-l', log],
  'grep -c | cat': ['sh', '-c', `grep -c 'KNOCK IN=' ${log} | cat`],
  'mawk, ports counted': ['mawk', COUNT_PORTS, log],
  'fail2ban-regex': ['fail2ban-regex', log, String.raw`KNOCK IN=\S* OUT=\S* .*SRC=<HOST> .*DPT=4438 `],
};

try {
  writeFileSync(
    config,
    `log: { path: ${log}, prefix: "KNOCK " }\ndoors: { ssh: { sequence: [4438, 1813:udp, 8235], seq_timeout: 5s, open: { port: 22, for: 30s } } }\n`,
  );
  run([process.execPath, 'bench/generate.mjs', String(SEED), String(lines), log]);
  console.log(
    `${lines} lines, ${Math.round(statSync(log).size / 1e6)} MB, ${KNOCKS} knocks; medians of ${ROUNDS}\n`,
  );
  const results = new Map();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, argv] of Object.entries(PROGRAMS)) {
      const result = run(argv);
      if (result !== null) results.set(name, [...(results.get(name) ?? []), result]);
    }
  }
  const own = median(results.get('knocktail').map(({ cpuS }) => cpuS));
  console.log('| program | CPU | knocktail takes |\n|---|---|---|');
  for (const [name, runs] of results) {
    const cpuS = median(runs.map((each) => each.cpuS));
    console.log(`| ${name} | ${cpuS.toFixed(2)} s | ${(own / cpuS).toFixed(2)}x |`);
  }
  const opened = results
    .get('knocktail')[0]
    .stdout.split('\n')
    .filter((line) => line.includes('"open"')).length;
  console.log(`\nknocktail opened for ${opened} of ${KNOCKS} knocks`);
  if (opened !== KNOCKS) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** Null where there is no such program. */
function run(argv) {
  const [program] = argv;
  if (spawnSync('sh', ['-c', 'command -v "$0"', program]).status !== 0) return null;
  const times = join(folder, 'times');
  // The second line of `times` adds up all that the shell has waited for.
  const script = `"$@"; times > ${times}`;
  const { stdout } = spawnSync('bash', ['-c', script, 'bash', ...argv], { encoding: 'utf8', maxBuffer: 1e9 });
  const [, children = ''] = readFileSync(times, 'utf8').split('\n');
  const cpuS = children.split(' ').reduce((sum, text) => sum + seconds(text), 0);
  return { cpuS, stdout };
}

/** `1m2.345s` */
function seconds(text) {
  const [, minutes = '0', rest = '0'] = /(\d+)m([\d.]+)s/.exec(text) ?? [];
  return Number(minutes) * 60 + Number(rest);
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
