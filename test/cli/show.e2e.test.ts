/** The snippets of `show`, run by the client that they are for. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { Lab, linesOf, SERVER, until } from '../lab.ts';

describeWith(['root', 'ip', 'iptables', 'kernel log', 'bash', 'ping'], 'what show prints for bash', () => {
  let lab: Lab;
  beforeEach(() => {
    lab = new Lab();
  });
  afterEach(() => lab.close());

  it.each([
    ['ports alone', '4438, 1813:udp, 8235', ['TCP 4438', 'UDP 1813', 'TCP 8235']],
    ['a ping between', '4438, icmp:64, 1813:udp', ['TCP 4438', 'ICMP 92', 'UDP 1813']],
  ])('knocks each step once, in order: %s', async (_, sequence, wanted) => {
    const config = join(lab.folder, 'knock.yaml');
    writeFileSync(config, `doors: { ssh: { sequence: [${sequence}], open: { port: 22, for: 30s } } }\n`);
    await lab.pumpLog();
    await lab.logAndDrop();
    const ping = ['iptables', '-A', 'INPUT', '-p', 'icmp', '--icmp-type', 'echo-request', '-j', 'LOG'];
    await lab.exec('server', [...ping, '--log-prefix', lab.prefix]);
    const argv = ['dist/main.js', 'show', '-c', config, '--host', SERVER.v4, 'ssh'];
    const { stdout } = await lab.exec('server', [process.execPath, ...argv]);
    const [, snippet = ''] = /In bash, without one:\n\n {2}(.+)\n/.exec(stdout) ?? [];
    await lab.exec('client', ['bash', '-c', snippet]);
    const packets = () =>
      linesOf(lab.log).map((line) => {
        const [, length, proto, port] = /LEN=(\d+) .*?PROTO=(\w+) (?:SPT=\d+ DPT=(\d+))?/.exec(line) ?? [];
        return `${proto} ${port ?? length}`;
      });
    await until(() => packets().length === 3, 'three packets');
    expect(packets()).toEqual(wanted);
  });
});
