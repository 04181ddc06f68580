import { expect, it } from 'vitest';
import { readConfigFile } from '../../../src/config/config-file.ts';
import { chainFrom } from '../../../src/firewall/iptables-chains.ts';
import type { Chains } from '../../../src/firewall/walk.ts';
import { checkSweeps } from '../../../src/tools/doctor/sweeps.ts';
import { logChains } from '../../../src/tools/setup/chains.ts';
import { watched } from '../../../src/tools/setup/watched.ts';
import { chains as chainsFrom } from '../../firewall/chains.ts';

const { config } = await readConfigFile('knock.yaml');
const seen = watched(config, 4, (door) => [config.doors.get(door)?.sequence ?? []]) ?? expect.fail('no door');
const { chain } = config.firewall;
const made = logChains(seen, { chain, logs: config.logs, sweepGuard: 8 });
const ours: Chains = new Map(
  [made.line, made.log, ...Object.values(made.rest ?? {})].map(({ name, rules }) => [
    name,
    chainFrom(name, rules),
  ]),
);

function check(rules: readonly string[], sweepGuard = 8): string {
  const filter = {
    family: 4,
    iptables: new Map([...ours, ...chainsFrom({ INPUT: rules })]),
    nft: null,
  } as const;
  const finding = checkSweeps(filter, { ...config, sweepGuard }, seen, config.logs);
  return `${finding.status}: ${finding.detail}`;
}

it('port sweeps are seen where packets to other ports are logged, in whichever way', () => {
  const ok = 'ok: packets to ports of no door are logged';
  expect(check([`-j ${chain}-LOG`, `-j ${chain}-CLOSED`, '-p tcp -m tcp --dport 22 -j DROP'])).toBe(ok);
  expect(check([`-j ${chain}-LOG`, '-i lo -j ACCEPT', `-j ${chain}-REST`, '-j DROP'])).toBe(ok);
  expect(check(['-j LOG --log-prefix "KNOCK "', '-j DROP'])).toBe(ok);
});

it('are not where only steps are logged, and it says in numbers what a sequence is worth then', () => {
  const worth = /one in \d+ scans of all ports in random order opens \S+$/;
  const unseen = check([`-j ${chain}-LOG`, '-p tcp -m tcp --dport 22 -j DROP']);
  expect(unseen).toMatch(
    /^warn: packets to ports of no door are not logged \(\w+\), so no port sweep is stopped: /,
  );
  expect(unseen).toMatch(worth);
  expect(check([], 0)).toMatch(/^skip: sweep_guard is 0, so no port sweep is stopped: /);
  expect(check([], 0)).toMatch(worth);
});
