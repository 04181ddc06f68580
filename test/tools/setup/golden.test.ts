/** What each format says for some configurations, against fixtures/rules. */

import { describe, expect, it } from 'vitest';
import { readConfigFile } from '../../../src/config/config-file.ts';
import { logChains } from '../../../src/tools/setup/chains.ts';
import { planRules } from '../../../src/tools/setup/plan.ts';
import { restoreText } from '../../../src/tools/setup/restore.ts';
import { watched } from '../../../src/tools/setup/watched.ts';
import { knocktail } from '../../cli/terminal.ts';

const FOLDER = 'fixtures/rules';
const ENDINGS = { iptables: 'sh', nft: 'nft', rsyslog: 'rsyslog.conf', logrotate: 'logrotate' };
const HOST = '-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n';

async function printed(name: string, format: string): Promise<string> {
  const path = `${FOLDER}/${name}/knock.yaml`;
  const { code, stdout, stderr } = await knocktail(['rules', '-c', path, '--format', format]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout.replaceAll(process.cwd(), '/etc/knocktail');
}

describe.each(['simple', 'doors', 'knockd'])('the rules of fixtures/rules/%s', (name) => {
  it.each(Object.entries(ENDINGS).filter(([format]) => format !== 'nft' || name !== 'doors'))(
    'are what they were, in the format %s',
    async (format, ending) => {
      await expect(await printed(name, format)).toMatchFileSnapshot(
        `../../../${FOLDER}/${name}/rules.${ending}`,
      );
    },
  );

  it.each([4, 6] as const)('are what they were, for iptables-restore and IPv%i', async (family) => {
    const { config } = await readConfigFile(`${FOLDER}/${name}/knock.yaml`);
    const { firewall, logs, sweepGuard } = config;
    const seen = watched(config, family, (door) => [config.doors.get(door)?.sequence ?? []]);
    const chains = seen === null ? null : logChains(seen, { logs, chain: firewall.chain, sweepGuard });
    const hooks = firewall.hooks.map((hook) => [hook, hook === 'INPUT' ? HOST : null] as const);
    const { operations } = planRules(new Map(hooks), firewall, chains);
    await expect(restoreText(operations)).toMatchFileSnapshot(`../../../${FOLDER}/${name}/rules.v${family}`);
  });
});
