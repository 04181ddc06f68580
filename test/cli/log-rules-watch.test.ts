import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Deafness } from '../../src/cli/deaf-doors.ts';
import { LogRulesWatch } from '../../src/cli/log-rules-watch.ts';
import { loadConfig } from '../../src/config/load.ts';

const loaded = loadConfig('doors: { ssh: { sequence: [4438, 1813], open: { port: 22, for: 30s } } }');
const CONFIG = loaded.problems === null ? loaded.config : expect.fail('no configuration');
const DEAF: Deafness = { door: 'ssh', text: 'door ssh is deaf', remedy: 'knocktail rules --apply' };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function watching(look: () => Promise<readonly Deafness[]>) {
  const said: string[] = [];
  const watch = new LogRulesWatch({
    config: () => CONFIG,
    look,
    typed: (message) => message.replace('rules', 'rules -c k.yaml'),
    log: { info: (text) => said.push(`info: ${text}`), warn: (text) => said.push(`warn: ${text}`) },
  });
  return { watch, said, pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
}

it('a door that is deaf is warned of once, until it is so again', async () => {
  let found: readonly Deafness[] = [];
  const { watch, said, pass } = watching(async () => found);
  watch.start();
  await pass(0);
  expect(said).toEqual([]);
  found = [DEAF];
  await pass(120_000);
  const warning = 'warn: door ssh is deaf: knocktail rules -c k.yaml --apply';
  expect(said).toEqual([warning]);
  found = [];
  await pass(60_000);
  expect(said).toEqual([warning, 'info: the firewall logs all knocks again']);
  found = [DEAF];
  watch.check();
  await pass(0);
  expect(said.at(-1)).toBe(warning);
  watch.end();
});

it('rules that cannot be read say nothing, and are read again', async () => {
  let looks = 0;
  const { watch, said, pass } = watching(async () => {
    looks++;
    if (looks === 1) throw new Error('no iptables');
    return [DEAF];
  });
  watch.start();
  await pass(0);
  expect(said).toEqual([]);
  await pass(60_000);
  expect(said).toHaveLength(1);
  watch.end();
  watch.check();
  await pass(120_000);
  expect(looks).toBe(2);
});

it('several requests at once are one look', async () => {
  let looks = 0;
  const { watch, pass } = watching(async () => {
    looks++;
    return [];
  });
  for (let request = 0; request < 5; request++) watch.check();
  await pass(0);
  expect(looks).toBe(1);
});
