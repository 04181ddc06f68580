import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from './lab/describe.ts';
import { CLIENT, Lab, linesOf, SERVER, until } from './lab.ts';

describeWith(['root', 'ip', 'iptables', 'knock', 'kernel log'], 'the lab', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = new Lab();
    await lab.listen(22);
  });
  afterAll(() => lab.close());

  it('lets a connection through until a rule drops it, over both families', async () => {
    for (const host of [SERVER.v4, SERVER.v6]) {
      expect((await lab.connect('client', host, 22)).outcome).toBe('open');
      expect((await lab.connect('client', host, 23)).outcome).toBe('refused');
    }
    await lab.logAndDrop();
    for (const host of [SERVER.v4, SERVER.v6]) {
      expect((await lab.connect('client', host, 22)).outcome).toBe('dropped');
    }
  });

  it("writes a knock to the log as rsyslog does, with the kernel's own stamp", async () => {
    await lab.pumpLog();
    await lab.exec('client', ['knock', SERVER.v4, '7000', '8000:udp', '9000']);
    const lines = await until(() => {
      const written = linesOf(lab.log);
      return written.length >= 3 && written;
    }, 'three lines in the log');
    const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 vm kernel: \[ *\d+\.\d{6}\] /;
    const ports = lines.map((line) => {
      expect(line).toMatch(stamp);
      expect(line.replace(stamp, '')).toContain(`${lab.prefix}IN=wire OUT= MAC=`);
      expect(line).toContain(` SRC=${CLIENT.v4} DST=${SERVER.v4} `);
      return / DPT=(\d+) /.exec(line)?.[1];
    });
    expect(ports).toEqual(['7000', '8000', '9000']);
  });

  it('leaves no namespace behind, and the kernel log to the labs that live on', async () => {
    const other = new Lab();
    const namespace = other.namespace('server');
    const list = async () => (await lab.exec('server', ['ip', 'netns', 'list'])).stdout;
    expect(await list()).toContain(namespace);
    await other.close();
    expect(await list()).not.toContain(namespace);
    const stillHeld = readFileSync('/proc/sys/net/netfilter/nf_log_all_netns', 'utf8');
    expect(stillHeld).toBe('1\n');
  });
});
