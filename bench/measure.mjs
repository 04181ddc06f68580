// Programs, and what they take of the machine -> figures that can be set side by side.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TICKS_PER_S = 100;

/** A folder that is gone when the bench ends. */
export function scratch() {
  const folder = mkdtempSync(join(tmpdir(), 'knocktail-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function isInstalled(program) {
  return spawnSync('sh', ['-c', 'command -v "$0"', program]).status === 0;
}

/**
 * Runs a program to its end -> user and system seconds of it and its children, its peak of memory, what it said.
 *
 * @param {readonly string[]} argv
 * @param {string | null} input a file for its stdin
 */
export function run(argv, input = null) {
  const script = `${input === null ? '' : `exec < ${input}; `}"$@"; echo; times`;
  const options = { encoding: 'utf8', maxBuffer: 1e9, timeout: 900_000 };
  const { stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', ...argv], options);
  const lines = stdout.trimEnd().split('\n');
  // The last line of `times` adds up all that the shell has waited for.
  const cpuS = (lines.at(-1) ?? '').split(' ').reduce((sum, text) => sum + seconds(text), 0);
  return { cpuS, stdout: lines.slice(0, -2).join('\n'), stderr };
}

/** `1m2.345s` */
function seconds(text) {
  const [, minutes = '0', rest = '0'] = /(\d+)m([\d.]+)s/.exec(text) ?? [];
  return Number(minutes) * 60 + Number(rest);
}

/** What a running process and its threads have taken so far. */
export function taken(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]);
  return {
    cpuS: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S,
    rssMb: kib('VmRSS') / 1024,
    peakMb: kib('VmHWM') / 1024,
  };
}

/** Seconds on a CPU that a process, its threads and its children have taken, by the nanosecond: ticks are too coarse at rest. */
export function runS(pid) {
  let ns = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${task}`;
    ns += Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]);
    const children = readFileSync(`${folder}/children`, 'utf8').split(' ').filter(Boolean);
    for (const child of children) ns += runS(child) * 1e9;
  }
  return ns / 1e9;
}

export function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** Rows of cells -> a table in Markdown; the first row is the head. */
export function table(rows) {
  const [head, ...body] = rows;
  const line = (cells) => `| ${cells.join(' | ')} |\n`;
  process.stdout.write(`\n${line(head)}|${'---|'.repeat(head.length)}\n${body.map(line).join('')}`);
}
