import { expect, it } from 'vitest';
import { ANY_OPENING } from '../../src/firewall/hook.ts';
import { matchRule, type Probe } from '../../src/firewall/packet-match.ts';
import { address, asPort } from '../attempt/traffic.ts';

const SSH: Probe = { ...ANY_OPENING, port: asPort(22) };
const STRANGER: Probe = { ...SSH, from: 'stranger' };

const takes = (rule: string, probe = SSH) => matchRule(rule.split(' '), probe).takes;

// As `iptables -S` of 1.8.9 prints them.
it.each([
  ['-j DROP', 'yes'],
  ['-p tcp -j DROP', 'yes'],
  ['! -p tcp -j DROP', 'no'],
  ['-p udp -m udp --dport 22 -j DROP', 'no'],
  ['-p tcp -m tcp --dport 20:25 -j DROP', 'yes'],
  ['-p tcp -m tcp ! --dport 22 -j DROP', 'no'],
  ['-p tcp -m multiport --dports 80,20:25 -j DROP', 'yes'],
  ['-p tcp -m multiport ! --dports 80,443 -j DROP', 'yes'],
  ['-p tcp -m tcp --sport 1024:65535 --dport 22 -j DROP', 'yes'],
  ['-p tcp -m tcp --sport 53 -j ACCEPT', 'maybe'],
  ['-i lo -j ACCEPT', 'no'],
  ['! -i lo -j DROP', 'yes'],
  ['-i eth0 -j DROP', 'maybe'],
  ['-s 192.0.2.0/24 -j DROP', 'maybe'],
  ['-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', 'no'],
  ['-m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT', 'yes'],
  ['-m conntrack ! --ctstate NEW -j DROP', 'no'],
  ['-m state --state NEW -j ACCEPT', 'yes'],
  ['-m conntrack --ctstate DNAT -j ACCEPT', 'maybe'],
  ['-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT', 'yes'],
  ['-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j DROP', 'no'],
  ['-m limit --limit 3/min -j ACCEPT', 'yes'],
  ['-m hashlimit --hashlimit-upto 9/sec --hashlimit-name x -j ACCEPT', 'yes'],
  ['-m hashlimit --hashlimit-above 9/sec --hashlimit-name x -j DROP', 'no'],
  ['-p tcp -m connlimit --connlimit-above 3 --connlimit-mask 32 --connlimit-saddr -j DROP', 'no'],
  ['-m recent --set --name x --mask 255.255.255.255 --rsource', 'yes'],
  ['-m recent --update --seconds 60 --hitcount 4 --name x --mask 255.255.255.255 --rsource -j DROP', 'maybe'],
  ['-m set --match-set ban src -j DROP', 'maybe'],
  ['-m addrtype --dst-type LOCAL -j ACCEPT', 'yes'],
  ['-m addrtype --dst-type MULTICAST -j ACCEPT', 'no'],
  ['-m pkttype --pkt-type broadcast -j DROP', 'no'],
  ['-f -j DROP', 'no'],
  ['! -f -j ACCEPT', 'yes'],
  ['-m socket --nowildcard -j RETURN', 'maybe'],
  ['-m owner --socket-exists -j ACCEPT', 'maybe'],
  ['-m comment --comment --dport -j DROP', 'yes'],
] as const)('a SYN to 22/tcp from anywhere: %s %s', (rule, expected) => {
  expect(takes(rule)).toBe(expected);
});

it.each([
  ['-s 192.0.2.0/24 -j ACCEPT', 'no'],
  ['! -s 192.0.2.0/24 -j DROP', 'yes'],
  ['-s 0.0.0.0/0 -j ACCEPT', 'yes'],
  ['-s 0.0.0.0/1 -j ACCEPT', 'maybe'],
  ['-s 2000::/3 -j ACCEPT', 'maybe'],
  ['-s 10.0.0.0/8 -j ACCEPT', 'no'],
  ['-m iprange --src-range 0.0.0.1-255.255.255.254 -j ACCEPT', 'maybe'],
  ['-m iprange --src-range 2000::-3fff:: -j ACCEPT', 'maybe'],
  ['-m set --match-set friends src -j ACCEPT', 'no'],
  ['-m set ! --match-set friends src -j DROP', 'yes'],
  ['-m recent --rcheck --seconds 30 --name knocked --mask 255.255.255.255 --rsource -j ACCEPT', 'no'],
  ['-m iprange --src-range 192.0.2.1-192.0.2.9 -j ACCEPT', 'no'],
  ['-m geoip --source-country DE -j ACCEPT', 'maybe'],
] as const)('the same from one whom no rule names: %s %s', (rule, expected) => {
  expect(takes(rule, STRANGER)).toBe(expected);
});

it('an interface is one of those that are known', () => {
  const at = (...names: readonly string[]): Probe => ({ ...SSH, interface: names });
  expect(takes('-i eth0 -j DROP', at('eth0'))).toBe('yes');
  expect(takes('-i eth+ -j DROP', at('eth0', 'eth1'))).toBe('yes');
  expect(takes('-i eth1 -j DROP', at('eth0'))).toBe('no');
  expect(takes('! -i eth1 -j DROP', at('eth0', 'eth1'))).toBe('maybe');
  expect(takes('-i lo -j DROP', at('eth0'))).toBe('no');
});

it('an established connection is one of another state', () => {
  const established: Probe = { ...SSH, state: 'ESTABLISHED', flags: 16, from: address('192.0.2.7') };
  expect(takes('-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', established)).toBe('yes');
  expect(takes('-m state --state NEW -j ACCEPT', established)).toBe('no');
  expect(takes('-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT', established)).toBe('no');
  expect(takes('-s 192.0.2.0/24 -j ACCEPT', established)).toBe('yes');
});
