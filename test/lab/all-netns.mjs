// HOLDER's hold or release -> nf_log_all_netns is 1 while anyone holds it, and afterwards what it was before.
// Usage: flock LOCKFILE node all-netns.mjs hold|release PID/NAME
// Tests of several files run at once, and a killed one never releases: a holder whose process is gone counts no more,
// and its namespaces go with it.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isRunning } from './is-running.mjs';

const SYSCTL = '/proc/sys/net/netfilter/nf_log_all_netns';
const STATE = '/run/knocktail-lab.json';

const [, , verb, holder = ''] = process.argv;
const state = existsSync(STATE)
  ? JSON.parse(readFileSync(STATE, 'utf8'))
  : { before: readFileSync(SYSCTL, 'utf8').trim(), holders: [] };
const others = state.holders.filter((/** @type {string} */ each) => each !== holder && isAlive(each));
for (const each of state.holders) if (!isAlive(each)) sweep(each);
const holders = verb === 'hold' ? [...others, holder] : others;

if (holders.length > 0) {
  writeFileSync(STATE, JSON.stringify({ ...state, holders }));
  writeFileSync(SYSCTL, '1');
} else {
  writeFileSync(SYSCTL, state.before);
  rmSync(STATE, { force: true });
}

/** @param {string} each */
function isAlive(each) {
  return isRunning(Number.parseInt(each, 10));
}

/** @param {string} each */
function sweep(each) {
  const name = each.slice(each.indexOf('/') + 1);
  for (const side of ['server', 'client']) spawnSync('ip', ['netns', 'del', `${name}-${side}`]);
}
