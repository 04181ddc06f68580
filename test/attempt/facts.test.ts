/** The observed facts about knockd 0.8 (docs/knockd.md), by number, under both settings of `compat`. */

import { describe, expect, it } from 'vitest';
import { door, play, told } from './traffic.ts';

const SSH = door('ssh: 7000,8000,9000 syn 5');
const CLOSE = door('close: 9000,8000,7000 syn 5');
const PLAIN = door('plain: 4100,4200,4300 - 5');
const UDP = door('udp: 6000:udp,6001:udp - 5');
const SINGLE = door('single: 5000 syn 5');
const FIN = door('fin: 4500,4600 fin.!ack 5');
const REP = door('rep: 7100,7100,8100 syn 5');
const ALL = [SSH, CLOSE, PLAIN, UDP, SINGLE, FIN, REP];

/** One row: the script, what knockd opens, and what the default opens where that differs. */
type Row = readonly [script: string, knockd: string, byDefault?: string];

function both(doors: Parameters<typeof play>[0], rows: readonly Row[]): void {
  for (const [script, knockd, byDefault = knockd] of rows) {
    it(script, () => {
      expect(play(doors, script, 'knockd').opens, 'compat: knockd').toBe(knockd);
      expect(play(doors, script, 'none').opens, 'compat: none').toBe(byDefault);
    });
  }
}

describe('fact 1: a packet that no door could take is invisible', () => {
  both(ALL, [
    ['7000 1234 8000 22 9000', 'ssh@4'],
    ['7000 8000:udp 8000 9000', 'ssh@3'],
    ['6000:udp 6000 6001:udp', 'udp@2'],
    ['7000 8000/ack 8000 9000', 'ssh@3'],
    ['7000 8000:132 8000 8000:udplite 9000', 'ssh@4'],
  ]);
});

describe('fact 2: the ports of all doors count, and a wrong one breaks the attempt', () => {
  both(ALL, [
    ['7000 4100 8000 9000', ''],
    ['7000 8000 5000 9000', '', 'single@2'],
    ['7000 6001:udp 8000 9000', ''],
  ]);
});

describe('fact 3: flags that do not fit my door make a packet unseen by me, whatever other doors see', () => {
  both(ALL, [
    ['7000 4500/fin 8000 9000', 'ssh@3'],
    ['4100 4500/fin 4200 4300', ''],
    ['7000 6000:udp 8000 9000', ''],
  ]);
});

describe('fact 4: tcpflags are these set, those clear, all others free', () => {
  both(ALL, [
    ['7000/syn.ack 8000/syn.ece.cwr 9000/syn.fin', 'ssh@2'],
    ['4500/fin 4600/fin.psh', 'fin@1'],
    ['4500/fin 4600/fin.ack 4600/fin', 'fin@2'],
    ['4100/ 4200/rst 4300/ack', 'plain@2'],
    ['4100 4100/ack 4200 4300', '', 'plain@3'],
  ]);
});

describe('fact 5: a wrong packet ends the attempt and starts nothing; by default a step already taken is not wrong', () => {
  both(ALL, [
    ['7000 8000 7000 8000 9000', '', 'ssh@4'],
    ['7000 9000 8000 9000', ''],
    ['7000 4100 4200 4300', '', 'plain@3'],
    ['7000 4100 7000 8000 9000', 'ssh@4'],
    ['7000 4100 4100 4200 4300', 'plain@4'],
  ]);
});

describe('fact 6: a retransmission of a knock that is not the last breaks the attempt; by default it is ignored', () => {
  both(
    [SSH],
    [
      ['7000 =7000 8000 9000', '', 'ssh@3'],
      ['7000 8000 =8000 9000', '', 'ssh@3'],
      ['7000 8000 +1 =7000 9000', '', 'ssh@3'],
      ['7000 8000 9000 =9000', 'ssh@2'],
      ['7000 7000 8000 9000', '', 'ssh@3'],
      ['7000 7000 7000 8000 9000', 'ssh@4'],
      ['7000 7000 7000 7000 8000 9000', '', 'ssh@5'],
      ['7000 8000 8000 9000', '', 'ssh@3'],
      ['7000 8000 7000 9000', '', 'ssh@3'],
    ],
  );
  both([SSH, CLOSE], [['7000 8000 9000 =9000 8000 7000', 'ssh@2 close@5']]);
});

describe('fact 7: the awaited port with refused flags neither advances nor breaks', () => {
  both(
    [SSH],
    [
      ['7000 8000/fin 8000 9000', 'ssh@3'],
      ['7000 8000/fin 9000', ''],
      ['7000/fin 8000 9000', ''],
    ],
  );
});

describe('fact 8: while a source has an attempt running no other door starts; by default doors are independent', () => {
  both(ALL, [
    ['7000 5000 8000 9000', '', 'single@1'],
    ['7000 4100 4200 4300', '', 'plain@3'],
    ['4100 4500/fin 4600/fin', '', 'fin@2'],
  ]);
  both([SSH, PLAIN], [['7000 4100 8000 4200 9000 4300', '']]);
  const twoUdp = [
    door('a: 1001:udp,1002:udp - 5'),
    door('syn: 2001,2002 syn 5'),
    door('fin: 3001,3002 fin 5'),
  ];
  both(twoUdp, [['2001 3001/fin 2002 3002/fin', 'syn@2', 'syn@2 fin@3']]);
});

describe('fact 9: without an attempt a packet starts every door whose first knock it is', () => {
  const twins = [door('twin1: 1501,1502 syn 5'), door('twin2: 1501,1502 syn 5')];
  both(twins, [['1501 1502', 'twin1@1 twin2@1']]);
  const nested = [door('long: 5400,5500,5600 syn 5'), door('short: 5400,5500 syn 5')];
  both(nested, [['5400 5500 5600', 'short@1 long@2']]);
  // knockd 0.8 loses the long door when it stands behind the short one (its head-of-list bug): mended.
  both([...nested].reverse(), [['5400 5500 5600', 'short@1 long@2']]);
});

describe('fact 10: a completed attempt is gone before the next packet', () => {
  both(
    [SSH, CLOSE],
    [
      ['7000 8000 9000 7000 8000 9000', 'ssh@2 ssh@5'],
      ['7000 8000 9000 9000 8000 7000', 'ssh@2 close@5'],
      ['7000 8000 9000 8000 7000', 'ssh@2', 'ssh@2 close@4'],
    ],
  );
  both([door('aba: 1301,1302,1301 syn 5')], [['1301 1302 1301 1302 1301', 'aba@2']]);
});

describe('fact 11: repeated ports are matched plainly; by default one too many is ignored', () => {
  both(
    [REP],
    [
      ['7100 7100 8100', 'rep@2'],
      ['7100 7100 7100 8100', '', 'rep@3'],
      ['7100 7100 7100 7100 8100', '', 'rep@4'],
      ['7100 7100 7100 7100 7100 8100', 'rep@5'],
      ['7100 8100', ''],
    ],
  );
});

describe('fact 12: a door of one step opens on every hit', () => {
  both([SINGLE, SSH], [['5000 5000 5000', 'single@0 single@1 single@2']]);
});

describe('fact 13: sources never add up, and nothing but port, protocol and flags matters', () => {
  both([SSH], [['a>7000 b>8000 a>9000 b>7000 a>8000 a>9000', '']]);
  both([SSH], [['a>7000 b>7000 a>8000 b>8000 b>9000 a>9000', 'ssh@4 ssh@5']]);
});

describe('fact 14: the window counts from the first packet and does not slide; knockd counts whole seconds', () => {
  both(
    [SSH],
    [
      ['7000 +4 8000 +0.9 9000', 'ssh@2'],
      ['7000 +4 8000 +1 9000', ''],
      ['7000 +3 8000 +3 9000', ''],
      // From .9 of a second to .0 of the fifth after it: 4.1 s, but five ticks of the clock.
      ['+0.9 7000 +2 8000 +2.1 9000', '', 'ssh@2'],
      ['+0.9 7000 +2 8000 +2.0 9000', 'ssh@2'],
    ],
  );
});

describe('fact 15: expiry is noticed at the next visible packet, which is then a fresh one', () => {
  both([SSH], [['7000 8000 +5 7000 8000 9000', 'ssh@4']]);
  both([SSH, PLAIN], [['7000 8000 +5 4100 4200 4300', 'plain@4']]);
  both([door('zero: 7000,8000 - 0'), door('one: 5000 - 0')], [['7000 8000 5000', 'one@2']]);

  it('whoever sends that packet', () => {
    const played = play([SSH], 'a>7000 a>8000 +6 b>7000', 'knockd');
    expect(told(played)).toEqual(['stage ssh 1', 'stage ssh 2', 'timeout ssh 2', 'stage ssh 1']);
  });

  it('but by default at its very moment', () => {
    const { decisions } = play([SSH], 'a>7000 +1 a>8000 +9 b>7000', 'none');
    const [first, , timeout] = decisions;
    expect(timeout?.event).toBe('timeout');
    expect((timeout?.time ?? 0) - (first?.time ?? 0)).toBe(SSH.seqTimeoutUs);
  });
});
