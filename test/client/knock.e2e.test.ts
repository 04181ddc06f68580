/** Our client and that of knockd 0.8, on the same wire: the same packets, the same words. */

import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Packet } from '../../src/model.ts';
import { PacketScan } from '../../src/packet/scan.ts';
import { describeWith } from '../lab/describe.ts';
import { Lab, linesOf, SERVER } from '../lab.ts';

const KNOCK = fileURLToPath(new URL('../../dist/knock.js', import.meta.url));
/** The kernel sends a SYN again after one second. */
const RESEND_MS = 1_500;

describeWith(['root', 'ip', 'iptables', 'kernel log', 'knock', 'ping'], 'the client', () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = new Lab();
    for (const [tool, proto] of [
      ['iptables', 'icmp'],
      ['ip6tables', 'icmpv6'],
    ] as const) {
      const type = ['-p', proto, `--${proto}-type`, 'echo-request'];
      const log = ['-j', 'LOG', '--log-level', 'info', '--log-prefix', lab.prefix];
      await lab.exec('server', [tool, '-w', '-A', 'INPUT', ...type, ...log]);
    }
    await lab.logAndDrop();
    await lab.pumpLog();
  });
  afterEach(() => lab.close());

  function logged(): Packet[] {
    const found: Packet[] = [];
    const scan = new PacketScan({ prefix: lab.prefix, live: false });
    const text = linesOf(lab.log)
      .map((line) => `${line}\n`)
      .join('');
    scan.scan(Buffer.from(text), Date.now() * 1000, (packet) => found.push(packet));
    return found;
  }

  /** What a client says, and what the wire had of it, even after the time at which a SYN is sent again. */
  async function hits(...argv: string[]) {
    const before = logged().length;
    const { status, stdout } = await lab.exec('client', argv);
    await new Promise((resolve) => setTimeout(resolve, RESEND_MS));
    const packets = logged().slice(before);
    return {
      status,
      stdout,
      packets: packets.map(({ src, dst, proto, dpt, flags, len }) => ({ src, dst, proto, dpt, flags, len })),
    };
  }

  it.each([
    [['-v', SERVER.v4, '7000', '8000:udp', '9000:tcp', '7000', '7000']],
    [['-v', '-6', SERVER.v6, '7000', '8000:udp', '9000']],
    [['-v', '-u', '-d', '30', SERVER.v4, '7000', '8000:tcp']],
    [['-4', SERVER.v4, '65535', '1:udp']],
  ])('knock %j sends and says what that of knockd does', async (argv) => {
    // The addresses of neighbours are asked for first, and not as part of either knock.
    await hits('knock', ...argv);
    const theirs = await hits('knock', ...argv);
    const ours = await hits(process.execPath, KNOCK, ...argv);
    expect(ours).toEqual(theirs);
    expect(ours.packets.length).toBe(
      argv.filter((word) => /^\d{1,5}(:|$)/.test(word) && word !== '30').length,
    );
  });

  it.each(['v4', 'v6'] as const)('over IP%s, icmp:SIZE is one echo request of that size', async (family) => {
    await hits('ping', '-c1', '-W1', SERVER[family]);
    const { status, packets } = await hits(process.execPath, KNOCK, SERVER[family], 'icmp:64', '7000');
    expect(status).toBe(0);
    expect(packets.map(({ proto, len }) => [proto, len])).toEqual([
      family === 'v4' ? ['icmp', 64 + 28] : ['icmpv6', 64 + 48],
      ['tcp', family === 'v4' ? 60 : 80],
    ]);
  });

  it('a network that cannot be reached is an error', async () => {
    const { status, stderr } = await lab.exec('client', [process.execPath, KNOCK, '192.0.2.1', '7000']);
    expect(status).toBe(74);
    expect(stderr).toMatch(/^tcp 192\.0\.2\.1:7000: the packet was not sent \(.*ENETUNREACH/);
  });

  it('needs no root', async () => {
    const argv = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, KNOCK];
    const { packets } = await hits(...argv, SERVER.v4, '7000', '8000:udp');
    expect(packets.map(({ dpt }) => dpt)).toEqual([7000, 8000]);
  });
});
