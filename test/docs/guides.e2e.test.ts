/** The guides, as whoever follows them types them. */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { blocksOf, GuideLab } from '../lab/guide.ts';
import { ENV } from '../lab/needs.ts';
import { Lab, until } from '../lab.ts';

describeWith(
  ['root', 'ip', 'iptables', 'kernel log', 'knock', 'bash', 'nc', 'nmap', 'curl', 'ping'],
  'the guide',
  () => {
    let lab: Lab;
    let guide: GuideLab;
    let box: string;
    const ends: (() => unknown)[] = [];
    beforeEach(async () => {
      lab = new Lab();
      box = `${lab.namespace('server')}-box`;
      guide = new GuideLab(lab);
      await lab.pumpLog();
    });
    afterEach(async () => {
      for (const end of ends.splice(0)) end();
      spawnSync('ip', ['netns', 'del', box], { env: ENV });
      await lab.close();
    });

    async function follow(path: string): Promise<string> {
      let said = '';
      for (const block of blocksOf(path)) {
        const { stdout } = await guide.run(block);
        if (block.on === 'client') said += stdout;
      }
      return said;
    }

    it('to the Raspberry Pi opens ssh', async () => {
      await lab.listen(22);
      expect(await follow('docs/raspberry.md')).toMatch(/shut\n[\s\S]*open\n/);
    });

    it('to a Docker host opens a published port', async () => {
      // What Docker sets up: a container behind a bridge, and the chain of the user ahead of its own rules.
      const server = lab.namespace('server');
      for (const command of [
        `netns add ${box}`,
        `link add inner netns ${server} type veth peer name eth0 netns ${box}`,
        `-n ${server} addr add 172.19.0.1/24 dev inner`,
        `-n ${server} link set inner up`,
        `-n ${box} addr add 172.19.0.2/24 dev eth0`,
        `-n ${box} link set eth0 up`,
        `-n ${box} route add default via 172.19.0.1`,
        `netns exec ${server} sysctl -qw net.ipv4.ip_forward=1`,
        `netns exec ${server} iptables -N DOCKER-USER`,
        `netns exec ${server} iptables -A DOCKER-USER -j RETURN`,
        `netns exec ${server} iptables -A FORWARD -j DOCKER-USER`,
        `netns exec ${server} iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to 172.19.0.2:8000`,
      ]) {
        execFileSync('ip', command.split(' '), { env: ENV });
      }
      const listener = spawn('ip', ['netns', 'exec', box, 'nc', '-lk', '8000'], {
        env: ENV,
        stdio: 'ignore',
      });
      ends.push(() => listener.kill());
      expect(await follow('docs/firewalls.md')).toMatch(/shut\n[\s\S]*open\n/);
      expect(guide.said).toContain('opened 8000/tcp');
    });

    it('to clients names knocks that open', async () => {
      await lab.logAndDrop();
      const ping = ['iptables', '-A', 'INPUT', '-p', 'icmp', '-j', 'LOG', '--log-prefix', lab.prefix];
      await lab.exec('server', ping);
      const door = (sequence: string) =>
        `{ sequence: [${sequence}], seq_timeout: 10s, tcpflags: [syn], open: { port: 22, for: 60s } }`;
      const doors = `ssh: ${door('4438, 1813:udp, 8235')}, phone: ${door('icmp:64, icmp:300, icmp:128')}`;
      mkdirSync(join(lab.folder, 'etc/knocktail'));
      writeFileSync(
        join(lab.folder, 'etc/knocktail/knock.yaml'),
        `log: { prefix: "${lab.prefix}" }\ndoors: { ${doors} }\n`,
      );
      await guide.run({ on: 'daemon', text: 'knocktail run' });
      const blocks = blocksOf('docs/clients.md');
      expect(blocks.length).toBeGreaterThan(4);
      for (const [index, block] of blocks.entries()) {
        await guide.run(block);
        const opened = () => guide.said.match(/: opened |is already open for /g)?.length === index + 1;
        await until(opened, `an opening by\n${block.text}in\n${guide.said}`);
      }
    });
  },
);
