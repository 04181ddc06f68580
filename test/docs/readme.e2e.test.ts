/** The first set-up of the README on a bastion, as whoever follows it types it: shut, open to a knock, shut again. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { type Block, blocksOf, GuideLab } from '../lab/guide.ts';
import { Lab, SERVER, until } from '../lab.ts';

const MAIN = resolve('dist/main.js');
vi.setConfig({ testTimeout: 180_000 });
/** What is there before: ssh early, the services, bans, and a drop at the end. */
const BASTION = [
  '-A INPUT -i lo -j ACCEPT',
  '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-A INPUT -m conntrack --ctstate INVALID -j DROP',
  '-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT',
  '-N f2b-sshd',
  '-A f2b-sshd -j RETURN',
  '-I INPUT 1 -p tcp -m multiport --dports 22 -j f2b-sshd',
  '-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT',
];
const PING = { iptables: '-A INPUT -p icmp -j ACCEPT', ip6tables: '-A INPUT -p ipv6-icmp -j ACCEPT' };
/** Shorter than what init writes, so that the test need not wait for that. */
const OPEN_SECONDS = 6;

describeWith(
  ['root', 'ip', 'nft', 'legacy', 'kernel log', 'knock', 'bash'],
  'the first set-up of the README',
  () => {
    let lab: Lab;
    let guide: GuideLab;
    let printed = '';
    beforeEach(async () => {
      lab = new Lab();
      guide = new GuideLab(lab);
      await lab.pumpLog();
      // All namespaces share one kernel log and the state folder, so this one gets its own of both.
      const config = join(lab.folder, 'etc/knocktail/knock.yaml');
      const edits = [
        `s|"KNOCK "|"${lab.prefix}"|`,
        `s|/var/lib/knocktail|${lab.folder}/state|`,
        `s|for: 30s|for: ${OPEN_SECONDS}s|`,
      ].map((edit) => `-e '${edit}'`);
      const script = [
        '#!/bin/sh',
        `[ "$1" != run ] || set -- "$@" --log ${lab.log}`,
        `set -- ${process.execPath} ${MAIN} "$@" -c ${config}`,
        '[ "$3" = init ] || exec "$@"',
        `"$@" && sed -i ${edits.join(' ')} ${config}`,
      ].join('\n');
      writeFileSync(join(lab.folder, 'bin/knocktail'), `${script}\n`, { mode: 0o755 });
      const login = '#!/bin/bash\nexec 3<>"/dev/tcp/$1/22" && echo "logged in"\n';
      writeFileSync(join(lab.folder, 'bin/ssh'), login, { mode: 0o755 });
    });
    afterEach(() => lab.close());

    /** As it stands, but for the ports, which are random. */
    function asPrinted({ on, text }: Block): Block {
      const [knock = ''] = /knock HOST .*/.exec(printed) ?? [];
      return { on, text: text.replace(/^knock your\.server .*$/m, knock.replace('HOST', 'your.server')) };
    }

    const scan = async () => {
      const [v4, v6, web] = await Promise.all([
        lab.connect('client', SERVER.v4, 22),
        lab.connect('client', SERVER.v6, 22),
        lab.connect('client', SERVER.v4, 80),
      ]);
      return [v4, v6, web].map(({ outcome }) => outcome);
    };

    it.each(['nft', 'legacy'])('shuts ssh, and a knock opens it, on a bastion of %s', async (backend) => {
      for (const tool of ['iptables', 'ip6tables'] as const) {
        for (const rule of [...BASTION, PING[tool], '-A INPUT -j DROP']) {
          const { status, stderr } = await lab.exec('server', [
            `${tool}-${backend}`,
            '-w',
            ...rule.split(' '),
          ]);
          expect(status, `${rule}: ${stderr}`).toBe(0);
        }
      }
      await lab.listen(22, 80);
      const [setUp, run, knock, shut, ...others] = blocksOf('README.md');
      if (!setUp || !run || !knock || !shut) throw new Error('the README has other blocks');
      expect(others).toEqual([]);

      printed = (await guide.run(setUp)).stdout;
      const rule = '-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT';
      expect(printed).toContain(
        `Everyone reaches port 22 as things are, knock or not, by\n\n  ${rule}\n  ${rule}    (IPv6)\n`,
      );
      await guide.run(run);
      expect(await scan(), 'before').toEqual(['open', 'open', 'open']);
      expect((await guide.run(asPrinted(knock))).stdout).toContain('logged in');
      expect(guide.said).toContain('opened 22/tcp for ');

      const terminal = lab.spawn('server', [
        'env',
        `PATH=${join(lab.folder, 'bin')}:${process.env['PATH']}`,
        ...['script', '-qec', shut.text.trim(), '/dev/null'],
      ]);
      let said = '';
      for (const stream of [terminal.stdout, terminal.stderr]) stream?.on('data', (text) => (said += text));
      await until(() => said.includes('Then type y and Enter here'), `the question in:\n${said}`);
      await until(async () => (await scan())[0] === 'dropped', 'the end of the opening');
      expect(await scan(), 'shut').toEqual(['dropped', 'dropped', 'open']);

      expect((await guide.run(asPrinted(knock))).stdout).toContain('logged in');
      expect(await scan(), 'open to who has knocked, over the family by which they did').toEqual([
        'open',
        'dropped',
        'open',
      ]);
      terminal.stdin?.write('y\n');
      await until(() => said.includes('confirmed: what was shut stays shut'), `a confirmation in:\n${said}`);
      await until(async () => (await scan())[0] === 'dropped', 'the end of the opening');
      expect(await scan(), 'shut again').toEqual(['dropped', 'dropped', 'open']);
      const { stdout } = await lab.exec('server', [
        process.execPath,
        MAIN,
        'doctor',
        '-c',
        configPath(),
        '--json',
      ]);
      expect(stdout).toContain('"check":"shut, IPv4","status":"ok"');
      expect(stdout).toContain('"check":"shut, IPv6","status":"ok"');
      expect(readFileSync(configPath(), 'utf8')).toContain(lab.prefix);
    });

    const configPath = () => join(lab.folder, 'etc/knocktail/knock.yaml');
  },
);
