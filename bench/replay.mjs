// CPU time of reading a recorded log of a million lines of realistic traffic: knocktail beside programs that do less with it.
// Usage: node bench/replay.mjs [LINES [rfc3339|rfc3164|kmsg]]. Runs are interleaved, figures are medians of user and system time.

import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate, KNOCKS } from './generate.mjs';
import { isInstalled, median, run, scratch, table } from './measure.mjs';

const ROUNDS = 5;
/** Those that take a minute each run once. */
const SLOW_ROUNDS = 1;
const SEED = 1;
const lines = Number(process.argv[2] ?? 1_000_000);
const stamps = process.argv[3] ?? 'rfc3339';
const folder = scratch();
const log = join(folder, 'kern.log');
const config = join(folder, 'knock.yaml');
const PEAK = `data:text/javascript,import{readFileSync}from'node:fs';process.on('exit',()=>console.error(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status','utf8'))[1]))`;

const COUNT_PORTS =
  '/KNOCK IN=/ { for (i = 1; i <= NF; i++) if (substr($i, 1, 4) == "DPT=") ports[substr($i, 5)]++ } END { print length(ports) }';
const SSHGUARD = '/usr/libexec/sshguard/sshg-parser';
const PROGRAMS = [
  {
    name: 'knocktail replay',
    argv: [process.execPath, `--import=${PEAK}`, 'dist/main.js', 'replay', '-c', config, '--json', log],
  },
  { name: 'node, doing nothing', argv: [process.execPath, '-e', '0'] },
  { name: '`wc -l`', argv: ['wc', '-l', log] },
  { name: '`grep -c` into `cat`', argv: ['sh', '-c', `grep -c 'KNOCK IN=' ${log} | cat`] },
  { name: 'mawk, counting ports', argv: ['mawk', COUNT_PORTS, log] },
  { name: "sshguard's parser", argv: [SSHGUARD], input: log, isSlow: true },
  {
    name: 'fail2ban-regex',
    argv: ['fail2ban-regex', log, String.raw`KNOCK IN=\S* OUT=\S* .*SRC=<HOST> .*DPT=4438 `],
    isSlow: true,
  },
].filter(({ argv: [program = ''] }) => isInstalled(program));

writeFileSync(
  config,
  `log: { path: ${log}, prefix: "KNOCK " }\ndoors: { ssh: { sequence: [4438, 1813:udp, 8235], seq_timeout: 5s, open: { port: 22, for: 30s } } }\n`,
);
const { withPrefix, hours } = await generate({ seed: SEED, lines, stamps, out: log });
console.log(
  `replay: ${lines} lines of ${hours} hours, ${withPrefix} with the prefix, ${Math.round(statSync(log).size / 1e6)} MB, ${KNOCKS} knocks; CPU, medians of ${ROUNDS}`,
);

const results = new Map();
for (let round = 0; round < ROUNDS; round++) {
  for (const { name, argv, input = null, isSlow = false } of PROGRAMS) {
    if (isSlow && round >= SLOW_ROUNDS) continue;
    results.set(name, [...(results.get(name) ?? []), run(argv, input)]);
  }
}
const own = results.get('knocktail replay');
const ownS = median(own.map(({ cpuS }) => cpuS));
table([
  ['program', 'CPU', 'knocktail takes'],
  ...[...results].map(([name, runs]) => {
    const cpuS = median(runs.map((each) => each.cpuS));
    return [name, `${cpuS.toFixed(2)} s`, `${(ownS / cpuS).toFixed(2)}x`];
  }),
]);
const opened = own[0].stdout.split('\n').filter((line) => line.includes('"open"')).length;
const peakMb = median(own.map(({ stderr }) => Number(stderr) / 1024));
console.log(
  `\nknocktail opened for ${opened} of ${KNOCKS} knocks, and had ${peakMb.toFixed(0)} MB at its peak`,
);
if (opened !== KNOCKS) process.exitCode = 1;
