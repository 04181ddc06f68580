// Waits for the end of a run of tests, and takes away what it has left: processes, network namespaces, folders, and the setting
// of the kernel by which those log. Usage: node sweep.mjs FOLDER, with a stdin that ends with the run; `done` means that it
// has ended by itself, and so has what it has started.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isRunning } from '../lab/is-running.mjs';

const LAB_STATE = '/run/knocktail-lab.json';
const LAB_LOCK = '/run/knocktail-lab.lock';
const ROUNDS = 50;
const PAUSE_MS = 100;

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => undefined);
const [, , folder = ''] = process.argv;
let said = '';
for await (const text of process.stdin) said += text;

if (!said.includes('done')) {
  // One that is being started may have escaped the first look.
  for (let round = 0, isQuiet = 0; round < ROUNDS && isQuiet < 2; round++) {
    const left = processesOf(folder);
    isQuiet = left.length === 0 ? isQuiet + 1 : 0;
    for (const pid of left) kill(pid);
    await sleep(PAUSE_MS);
  }
}
for (const name of namespacesLeft()) spawnSync('ip', ['netns', 'del', name]);
// A holder that is gone counts no more; nobody is called 0.
if (existsSync(LAB_STATE)) {
  const settings = fileURLToPath(new URL('../lab/all-netns.mjs', import.meta.url));
  spawnSync('flock', [LAB_LOCK, process.execPath, settings, 'release', '0/none'], { stdio: 'inherit' });
}
for (let round = 0; round < ROUNDS && existsSync(folder); round++) {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    await sleep(PAUSE_MS);
  }
}

/**
 * Those whose environment names the folder, and what they have started with theirs.
 *
 * @param {string} folder
 */
function processesOf(folder) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids
    .filter((pid) => textOf(pid, 'environ').split('\0').includes(`KNOCKTAIL_SUITE=${folder}`))
    .map(Number);
}

/** Those of labs whose process is gone: `kt-PID-RANDOM-SIDE`. */
function namespacesLeft() {
  const names = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  return names.filter((name) => {
    const [, pid] = /^kt-(\d+)-/.exec(name) ?? [];
    return pid !== undefined && !isRunning(pid);
  });
}

/** @param {number} pid */
function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself since.
  }
}

/**
 * Empty for a process that is gone, or of another user.
 *
 * @param {string} pid
 * @param {string} file
 */
function textOf(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
