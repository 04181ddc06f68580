/** The daemon as the unit runs it: no root, the unit's capabilities and no more. */

import { chownSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { Lab, SERVER, until } from '../lab.ts';

const UNIT = readFileSync('deploy/knocktail.service', 'utf8');
const NOBODY = 65_534;
const KNOCK = ['4438', '1813:udp', '8235'];

describeWith(
  ['root', 'ip', 'nft', 'kernel log', 'knock', 'setpriv'],
  'with the capabilities of the unit',
  () => {
    let lab: Lab;
    beforeEach(async () => {
      lab = new Lab();
      await lab.logAndDrop('nft');
      await lab.listen(22);
    });
    afterEach(() => lab.close());

    /** As setpriv spells what the unit says of one set. */
    function capabilities(key: string): string {
      const [, names] = new RegExp(`^${key}=(.+)$`, 'm').exec(UNIT) ?? [];
      const added = (names ?? expect.fail(`the unit has no ${key}`)).split(' ');
      return ['-all', ...added.map((name) => name.replace('CAP_', '+').toLowerCase())].join(',');
    }

    /** The program and its state where a user without rights can get at them. */
    function install(door: string): string {
      const home = join(lab.folder, 'home');
      cpSync('dist', join(home, 'dist'), { recursive: true });
      cpSync('package.json', join(home, 'package.json'));
      mkdirSync(join(home, 'state'));
      const config = join(home, 'knock.yaml');
      const log = `log: { from: auto, prefix: "${lab.prefix}" }`;
      writeFileSync(config, `${log}\nstate: state\nfirewall: { iptables: nft }\ndoors:\n  ssh: ${door}\n`);
      for (const path of [lab.folder, join(home, 'state')]) chownSync(path, NOBODY, NOBODY);
      return home;
    }

    it.each(['v4', 'v6'] as const)('a knock over IP%s opens the port', async (family) => {
      const home = install(`{ sequence: [${KNOCK}], seq_timeout: 5s, open: { port: 22, for: 60s } }`);
      const daemon = lab.spawn('server', [
        'setpriv',
        ...['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', '--no-new-privs'],
        ...['--bounding-set', capabilities('CapabilityBoundingSet')],
        ...['--inh-caps', capabilities('AmbientCapabilities')],
        ...['--ambient-caps', capabilities('AmbientCapabilities')],
        ...[process.execPath, join(home, 'dist/main.js'), 'run', '-c', join(home, 'knock.yaml')],
      ]);
      let said = '';
      for (const stream of [daemon.stdout, daemon.stderr]) stream?.on('data', (text) => (said += text));
      await until(() => /\bready: /.test(said), `ready in:\n${said}`);
      expect(said).toContain('/dev/kmsg: reading');
      const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
      // CAP_NET_ADMIN and CAP_SYSLOG.
      expect(status).toMatch(/^CapEff:\s0000000400001000$/m);
      expect(status).toMatch(/^Uid:\s65534\s/m);
      expect((await lab.connect('client', SERVER[family], 22)).outcome).toBe('dropped');
      await lab.exec('client', ['knock', '-d', '20', SERVER[family], ...KNOCK]);
      await until(() => /: opened /.test(said), `an opening in:\n${said}`);
      expect((await lab.connect('client', SERVER[family], 22)).outcome).toBe('open');
      expect(said).not.toMatch(/warning|error|cannot/i);
    });
  },
);
