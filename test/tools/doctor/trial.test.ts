import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/schema.ts';
import type { Family } from '../../../src/model.ts';
import { chooseTrial, stepText } from '../../../src/tools/doctor/trial.ts';
import { address } from '../../attempt/traffic.ts';

const ENDS = {
  4: { ours: address('198.18.0.1'), theirs: address('198.18.0.2') },
  6: { ours: address('fd00:1:2::1'), theirs: address('fd00:1:2::2') },
};
const HERE = address('192.0.2.7');
const NONE = 'no door has a first step of several that a stranger can send as a SYN, a datagram or a ping';

function configOf(doors: string, settings = ''): Config {
  const loaded = loadConfig(`${settings}\ndoors:\n${doors}`);
  return loaded.problems === null ? loaded.config : expect.fail(JSON.stringify(loaded.problems));
}

/** What is sent, or why nothing is. */
function chosen(config: Config, family: Family = 4): string {
  const sequencesOf = (door: string) => [config.doors.get(door)?.sequence ?? []];
  const trial = chooseTrial(config, family, ENDS[family], sequencesOf, (each) => each === HERE);
  return typeof trial === 'string'
    ? trial
    : `${trial.door}: ${stepText(trial.step)} ${trial.from} -> ${trial.to}`;
}

const door = (name: string, sequence: string, more = '') =>
  `  ${name}: { sequence: [${sequence}]${more}, open: { port: 22, for: 1s } }\n`;

describe('the knock of a test', () => {
  it('is the first of a door, from one end of the wire to the other', () => {
    const config = configOf(door('a', '4438, 1813:udp, 8235'));
    expect(chosen(config)).toBe('a: 4438:tcp 198.18.0.2 -> 198.18.0.1');
    expect(chosen(config, 6)).toBe('a: 4438:tcp fd00:1:2::2 -> fd00:1:2::1');
  });

  it('is never one that opens a door, however often it is sent', () => {
    expect(chosen(configOf(door('a', '4438')))).toBe(NONE);
    expect(chosen(configOf(door('a', '4438, 4438, 4438')))).toBe(NONE);
    expect(chosen(configOf(door('a', '4438, 1813') + door('b', '4438')))).toBe(NONE);
    expect(chosen(configOf(door('a', '"icmp:64", 1813') + door('b', 'icmp')))).toBe(NONE);
    expect(chosen(configOf(door('a', 'icmp, 1813') + door('b', '"icmp:56"')))).toBe(NONE);
    expect(chosen(configOf(door('a', '4438, 4438, 1813')))).toContain('a: 4438:tcp');
  });

  it('is a ping where there is nothing else', () => {
    expect(chosen(configOf(door('a', '"icmp:64", 1813')))).toContain('a: icmp:64 ');
    expect(chosen(configOf(door('a', '"icmp:64", 1813') + door('b', '1813:udp, 5')))).toContain(
      'b: 1813:udp ',
    );
  });

  it('has the flags that the door asks for', () => {
    expect(chosen(configOf(door('a', '4438, 1813', ', tcpflags: [syn, "!ack"]')))).toContain('a: 4438:tcp ');
    expect(chosen(configOf(door('a', '4438, 1813', ', tcpflags: [fin]')))).toBe(NONE);
    expect(chosen(configOf(door('a', '4438, 1813', ', tcpflags: ["!syn"]')))).toBe(NONE);
    expect(chosen(configOf(door('a', '4438:udp, 1813', ', tcpflags: [fin]')))).toContain('a: 4438:udp ');
  });

  it('comes from where the door lets it come from, and goes to this host', () => {
    expect(chosen(configOf(door('a', '4438, 1813', ', from: [10.0.0.0/8]')))).toBe(NONE);
    expect(chosen(configOf(door('a', '4438, 1813', ', from: [198.18.0.0/15]')))).toContain('a: 4438:tcp ');
    expect(chosen(configOf(door('a', '4438, 1813', `, target: ${HERE}`)))).toContain(`-> ${HERE}`);
    expect(chosen(configOf(door('a', '4438, 1813', ', target: 192.0.2.8')))).toBe(NONE);
    expect(chosen(configOf(door('a', '4438, 1813', `, target: ${HERE}`)), 6)).toBe(NONE);
  });

  it('is none where no packet of the test would count', () => {
    const steps = door('a', '4438, 1813');
    expect(chosen(configOf(steps, 'interface: eth0'))).toContain('knocks count on eth0 alone');
    expect(chosen(configOf(steps, 'ipv6: false'), 6)).toContain('ipv6: false');
    expect(chosen(configOf(steps, 'firewall: { hooks: [FORWARD] }'))).toContain('behind this one (FORWARD)');
    expect(chosen(configOf(steps, 'firewall: { hooks: [FORWARD, INPUT] }'))).toContain('a: 4438:tcp ');
  });
});
