/** The kernel's ring as a source: real packets, real records, and what root writes there. */

import { openSync, readFileSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Packet } from '../../src/model.ts';
import { PacketScan } from '../../src/packet/scan.ts';
import { followKmsg } from '../../src/source/kmsg.ts';
import { describeWith } from '../lab/describe.ts';
import { Lab, SERVER, until } from '../lab.ts';
import { Following } from './following.ts';

describeWith(['root', 'ip', 'iptables', 'kernel log', 'knock'], 'the ring of the kernel', () => {
  let lab: Lab;
  let ring: Following;
  beforeEach(async () => {
    lab = new Lab();
    await lab.logAndDrop();
    await lab.exec('client', ['knock', SERVER.v4, '1111']);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const ending = new AbortController();
    ring = new Following(followKmsg({ signal: ending.signal }), () => ending.abort());
    await until(() => ring.events.some(({ kind }) => kind === 'drained'), 'the end of the ring');
  });
  afterEach(() => lab.close());

  function packets(): { readonly found: Packet[]; readonly untrusted: number } {
    const found: Packet[] = [];
    const scan = new PacketScan({ prefix: lab.prefix, live: true });
    for (const event of ring.events) {
      if (event.kind === 'lines')
        scan.scan(event.bytes, event.readAt, (packet) => found.push(packet), event.bootedAt);
    }
    return { found, untrusted: scan.counts.untrusted };
  }

  it('has each packet from now on once, with the time at which it came, and none of the backlog', async () => {
    const before = Date.now() * 1000;
    await lab.exec('client', ['knock', '-d', '150', SERVER.v4, '7000', '8000:udp', '9000']);
    await lab.exec('client', ['knock', SERVER.v6, '7001']);
    const { found } = await until(() => (packets().found.length >= 4 ? packets() : null), 'four packets');
    expect(found.map(({ proto, dpt }) => `${dpt}:${proto}`)).toEqual([
      '7000:tcp',
      '8000:udp',
      '9000:tcp',
      '7001:tcp',
    ]);
    const [first, second] = found.map(({ time }) => time);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(150_000);
    expect(Math.abs((first ?? 0) - before)).toBeLessThan(20_000_000);
  });

  it('has what root writes there, which is not believed', async () => {
    await lab.exec('client', ['knock', SERVER.v4, '7000']);
    const { found } = await until(() => (packets().found.length > 0 ? packets() : null), 'a packet');
    const forged = `<4>${lab.prefix}IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=7000 WINDOW=1 RES=0x00 SYN URGP=0 \n`;
    writeSync(openSync('/dev/kmsg', 'w'), forged);
    await until(() => packets().untrusted === 1, 'the forged record');
    expect(packets().found).toEqual(found);
  });

  it('is waited for by a dd while it is quiet, which is gone in the end', async () => {
    const isDd = (pid: string): boolean => {
      try {
        return pid !== '' && readFileSync(`/proc/${pid}/comm`, 'utf8') === 'dd\n';
      } catch {
        // It has just ended.
        return false;
      }
    };
    await ring.stop();
    const children = () =>
      readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(isDd);
    const ending = new AbortController();
    const waiting = new Following(followKmsg({ signal: ending.signal }), () => ending.abort());
    await until(() => children().length > 0, 'a dd that waits');
    await lab.exec('client', ['knock', '-d', '400', SERVER.v4, '7000', '7001']);
    const ports: (number | null)[] = [];
    const scan = new PacketScan({ prefix: lab.prefix, live: true });
    await until(() => {
      for (const event of waiting.events.splice(0))
        if (event.kind === 'lines') scan.scan(event.bytes, event.readAt, ({ dpt }) => ports.push(dpt));
      return ports.length >= 2;
    }, 'both packets');
    expect(ports).toEqual([7000, 7001]);
    await waiting.stop();
    await until(() => children().length === 0, 'the end of dd');
  });

  it('that has one record for us now and then never makes us wait for it', async () => {
    const ending = new AbortController();
    const waiting = new Following(followKmsg({ signal: ending.signal }), () => ending.abort());
    let ticks = 0;
    const clock = setInterval(() => ticks++, 10);
    for (let record = 0; record < 3; record++) {
      writeSync(openSync('/dev/kmsg', 'w'), `<4>${lab.prefix}record ${record}\n`);
      await until(() => waiting.text.includes(`${lab.prefix}record ${record}`), 'the record');
      const before = ticks;
      await until(() => ticks > before + 40, 'the clock goes on');
    }
    clearInterval(clock);
    await waiting.stop();
  });

  it('is taken up again where another has left it, in the same boot', async () => {
    await lab.exec('client', ['knock', '-d', '30', SERVER.v4, '7000', '7001', '7002']);
    await until(() => packets().found.length === 3, 'three packets');
    const places = ring.events.flatMap((event) =>
      event.kind === 'lines' && event.bytes.includes(lab.prefix) ? [event.place] : [],
    );
    const [first, second] = places;
    if (!first || !second) expect.fail();
    const ending = new AbortController();
    const resume = { from: first, upTo: second };
    const source = followKmsg({ signal: ending.signal, resume });
    const again = new Following(source, () => ending.abort());
    const ports = (wanted: boolean) => {
      const found: (number | null)[] = [];
      const scan = new PacketScan({ prefix: lab.prefix, live: true });
      for (const event of again.events) {
        if (event.kind === 'lines' && event.again === wanted)
          scan.scan(event.bytes, event.readAt, ({ dpt }) => found.push(dpt));
      }
      return found;
    };
    await until(() => ports(false).includes(7002), 'the last packet');
    expect([ports(true), ports(false)]).toEqual([[7001], [7002]]);
    await again.stop();
  });
});
