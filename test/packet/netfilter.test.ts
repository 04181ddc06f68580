/** What the kernel writes, and what looks like it: one fact a test. */

import { describe, expect, it } from 'vitest';
import { flagNames, packetJson } from '../../src/packet/format.ts';
import { HostClocks } from '../../src/packet/host-clocks.ts';
import { readLine } from '../../src/packet/line.ts';
import { PacketScan } from '../../src/packet/scan.ts';

const READ_AT = Date.UTC(2026, 10, 21, 1) * 1000;
const HEAD = 'Nov 21 00:00:51 vm kernel: [ 1024.324353] ';
const MAC = 'MAC=02:00:00:00:00:0b:02:00:00:00:00:0a:08:00';
const NETWORK = 'SRC=192.0.2.1 DST=192.0.2.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=4711 DF';
const SYN = 'PROTO=TCP SPT=40000 DPT=7000 WINDOW=64240 RES=0x00 SYN URGP=0 ';

function read(text: string, prefix: string | null = null) {
  const line = Buffer.from(text);
  return readLine(
    line,
    0,
    line.length,
    prefix === null ? null : Buffer.from(prefix),
    new HostClocks({ live: false }),
    READ_AT,
  );
}
const packetOf = (body: string, prefix = 'KNOCK: ') => read(`${HEAD}${prefix}${body}`)?.packet ?? null;

describe('a body', () => {
  it('is read in the order of the kernel', () => {
    expect(packetOf(`IN=eth0 OUT= ${MAC} ${NETWORK} ${SYN}`)).toMatchObject({
      prefix: 'KNOCK: ',
      in: 'eth0',
      out: '',
      src: '192.0.2.1',
      dst: '192.0.2.2',
      proto: 'tcp',
      spt: 40_000,
      dpt: 7_000,
      flags: 2,
      len: 40,
      id: 4_711,
    });
  });

  it('is none where a hole of a crash has joined two', () => {
    const hole = '\0'.repeat(64);
    expect(packetOf(`IN=eth0 OUT= ${MAC} SRC=192.0.2.9 DST=192.0.2.2 LEN=${hole} ID=7 DF ${SYN}`)).toBeNull();
    expect(packetOf(`IN=eth0 OUT= ${MAC} ${NETWORK} PROTO=TCP SPT=4 DPT=7 RES=0${hole} ${SYN}`)).toBeNull();
  });

  it('is none where a bracket opens that the kernel does not write', () => {
    for (const flags of ['', 'ACK '])
      expect(
        packetOf(`IN=eth0 OUT= ${MAC} ${NETWORK} PROTO=TCP SPT=4 DPT=7 WINDOW=9 RES=0x00 ${flags}[  12.3`),
      ).toBeNull();
  });

  it.each(['DPT=7000', 'x]SRC=6.6.6.6', 'e\u001b[31m', 'IN=eth1', 'OUT=', 'SRC=1.2.3.4'])(
    'takes an interface named %j for a name',
    (name) => {
      expect(packetOf(`IN=${name} OUT=${name} ${MAC} ${NETWORK} ${SYN}`)).toMatchObject({
        in: name,
        out: name,
        src: '192.0.2.1',
        dpt: 7_000,
      });
    },
  );

  it.each([
    '',
    'KNOCK',
    'A: IN=eth9 OUT=eth8 ',
    'SRC=9.9.9.9 DPT=22 ',
    '[UFW BLOCK] ',
    'IN=eth9 OUT=eth8 SRC=9.9.',
  ])('may have the prefix %j', (prefix) => {
    const packet = packetOf(`IN=eth0 OUT= ${MAC} ${NETWORK} ${SYN}`, prefix);
    expect([packet?.prefix, packet?.in, packet?.src]).toEqual([prefix, 'eth0', '192.0.2.1']);
  });

  it('quotes another packet in brackets in an ICMP error, nested even, and none of that counts', () => {
    const inner =
      'SRC=6.6.6.6 DST=192.0.2.2 LEN=40 TTL=1 ID=1 PROTO=TCP SPT=1 DPT=7000 WINDOW=1 RES=0x00 SYN URGP=0';
    const packet = packetOf(
      `IN=eth0 OUT= ${MAC} ${NETWORK} PROTO=ICMP TYPE=3 CODE=4 [${inner} [${inner} ] ] MTU=1400 `,
    );
    expect(packet).toMatchObject({
      src: '192.0.2.1',
      proto: 'icmp',
      icmp: { type: 3, code: 4 },
      spt: null,
      dpt: null,
      flags: null,
    });
  });

  it('has LEN, ID and OPT twice, and the first are those of the packet', () => {
    const packet = packetOf(
      `IN=eth0 OUT= ${MAC} SRC=192.0.2.1 DST=192.0.2.2 LEN=29 ID=7 OPT (830B) PROTO=UDP SPT=1 DPT=2 LEN=9 `,
    );
    expect([packet?.len, packet?.id]).toEqual([29, 7]);
    const echo = packetOf(
      `IN=eth0 OUT= ${MAC} SRC=192.0.2.1 DST=192.0.2.2 LEN=84 ID=7 PROTO=ICMP TYPE=8 CODE=0 ID=99 SEQ=1 `,
    );
    expect([echo?.len, echo?.id, echo?.seq]).toEqual([84, 7, null]);
  });

  it('has a number in ACK=0 and a flag in ACK, and URGP is not URG', () => {
    const flags = (words: string) =>
      flagNames(packetOf(`IN=eth0 OUT= ${MAC} ${NETWORK} PROTO=TCP SPT=1 DPT=2 ${words} `) ?? expect.fail());
    expect(flags('SEQ=5 ACK=0 WINDOW=1 RES=0x00 SYN URGP=0')).toEqual(['SYN']);
    expect(flags('SEQ=5 ACK=9 WINDOW=1 RES=0x00 ACK URGP=7 OPT (020405B4)')).toEqual(['ACK']);
    expect(flags('WINDOW=1 RES=0x00 URGP=9')).toEqual([]);
    expect(flags('WINDOW=1 RES=0x00 AE CWR ECE URG ACK PSH RST SYN FIN URGP=0')).toEqual([
      'AE',
      'CWR',
      'ECE',
      'URG',
      'ACK',
      'PSH',
      'RST',
      'SYN',
      'FIN',
    ]);
  });

  it('keeps the sequence number of TCP where it is logged', () => {
    expect(
      packetOf(
        `IN=eth0 OUT= ${MAC} ${NETWORK} PROTO=TCP SPT=1 DPT=2 SEQ=4294967295 ACK=0 WINDOW=1 RES=0x00 SYN URGP=0 `,
      )?.seq,
    ).toBe(4_294_967_295);
  });

  it.each([
    ['a later fragment', 'FRAG:185 PROTO=UDP ', 'udp'],
    ['SCTP', 'PROTO=132 ', '132'],
    ['a TCP header that is cut off', 'PROTO=TCP INCOMPLETE [8 bytes] ', 'tcp'],
    ['AH', 'PROTO=AH SPI=0x1 ', 'ah'],
  ])('has no ports for %s', (_, rest, proto) => {
    expect(packetOf(`IN=eth0 OUT= ${MAC} ${NETWORK} ${rest}`)).toMatchObject({ proto, spt: null, dpt: null });
  });

  it('has ports for the first fragment over IPv6, and for UDP-Lite, which is not UDP', () => {
    const v6 = 'SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0000:0000:0000:0000:0000:0002';
    expect(
      packetOf(
        `IN=eth0 OUT= ${MAC} ${v6} LEN=1248 TC=0 HOPLIMIT=64 FLOWLBL=0 FRAG:0 INCOMPLETE ID:deadbeef PROTO=UDP SPT=5 DPT=7 LEN=9 `,
      ),
    ).toMatchObject({ src: '2001:db8::1', proto: 'udp', dpt: 7 });
    expect(packetOf(`IN=eth0 OUT= ${MAC} ${NETWORK} PROTO=UDPLITE SPT=5 DPT=7 LEN=9 `)).toMatchObject({
      proto: 'udplite',
      dpt: 7,
    });
  });

  it.each([
    ['an octet above 255', NETWORK.replace('192.0.2.1', '192.0.2.256')],
    ['an octet in octal', NETWORK.replace('192.0.2.1', '192.0.2.010')],
    ['addresses of two families', NETWORK.replace('192.0.2.1', '2001:db8::1')],
    ['no source', NETWORK.replace('SRC=192.0.2.1 ', '')],
    ['a word of another kind', `${NETWORK} HELLO`],
    ['a second source', `${NETWORK} SRC=6.6.6.6`],
  ])('with %s is no packet', (_, network) => {
    expect(packetOf(`IN=eth0 OUT= ${MAC} ${network} ${SYN}`)).toBeNull();
  });

  it.each([
    'SPT=65536 DPT=1',
    'SPT=1 DPT=65536',
    'SPT=-1 DPT=1',
    'SPT=1 DPT=',
    'SPT=1 DPT=0x16',
    'DPT=1',
    'SPT=1 SPT=2 DPT=3',
    'SPT=1 DPT=2 DPT=3',
  ])('with the ports %s is no packet', (ports) => {
    expect(
      packetOf(`IN=eth0 OUT= ${MAC} ${NETWORK} PROTO=TCP ${ports} WINDOW=1 RES=0x00 SYN URGP=0 `),
    ).toBeNull();
  });

  it('that runs into another is no packet, or not believed', () => {
    const whole = `${HEAD}KNOCK: IN=eth0 OUT= ${MAC} ${NETWORK} ${SYN}`;
    for (let cut = HEAD.length + 10; cut < whole.length; cut++) {
      const joined = read(`${whole.slice(0, cut)}${whole.replace('192.0.2.1', '6.6.6.6')}`, 'KNOCK: ');
      if (joined?.trusted === true) expect([cut, joined.packet.src]).toEqual([whole.length, '192.0.2.1']);
    }
  });
});

describe('a prefix that is asked for', () => {
  const line = (before: string) => `${before}KNOCK: IN=eth0 OUT= ${MAC} ${NETWORK} ${SYN}`;
  it('counts where the message begins', () => {
    expect(read(line(HEAD), 'KNOCK: ')).toMatchObject({ trusted: true, why: '' });
  });
  it.each(['x ', 'KNOCK: ', 'IN=', '['])('does not count behind %j', (before) => {
    expect(read(line(HEAD + before), 'KNOCK: ')).toMatchObject({ trusted: false });
  });
  it('does not count ahead of anything but IN=', () => {
    expect(read(`${HEAD}KNOCK: xIN=eth0 OUT= ${MAC} ${NETWORK} ${SYN}`, 'KNOCK: ')).toBeNull();
  });
  it('is found in its escaped form in a record of /dev/kmsg, and told unescaped', () => {
    const record = `4,1,1024324353,-;LSU \\xc3\\xa9\\x5c IN=eth0 OUT= ${MAC} ${NETWORK} ${SYN}`;
    expect(read(record, 'LSU é\\ ')).toMatchObject({ trusted: true, packet: { prefix: 'LSU é\\ ' } });
  });
});

describe('a scan', () => {
  it("counts the lines that carry the prefix and are not the kernel's", () => {
    const scan = new PacketScan({ prefix: 'KNOCK: ', live: false });
    const good = `${HEAD}KNOCK: IN=eth0 OUT= ${MAC} ${NETWORK} ${SYN}\n`;
    const seen: number[] = [];
    scan.scan(Buffer.from(`${good}${good.replace('kernel', 'app')}other\n${good}`), READ_AT, ({ dpt }) =>
      seen.push(dpt ?? 0),
    );
    expect([seen, scan.counts]).toEqual([[7_000, 7_000], { trusted: 2, untrusted: 1 }]);
  });
});

it('JSON has its keys in a stable order, without what the line does not have', () => {
  const packet =
    packetOf(`IN=eth0 OUT= ${MAC} ${NETWORK} PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=2 `) ?? expect.fail();
  expect(Object.keys(packetJson(packet))).toEqual([
    'time',
    'host',
    'prefix',
    'in',
    'out',
    'src',
    'dst',
    'proto',
    'icmp',
    'len',
    'id',
  ]);
});
