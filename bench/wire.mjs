// Two network namespaces and a wire between them, in which the kernel logs and drops what comes in over UDP.
// Needs root, ip, iptables, perl and flock.

import { execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const NETNS_LOG = fileURLToPath(new URL('../test/lab/all-netns.mjs', import.meta.url));
export const SERVER = '10.77.0.1';

/** Sends UDP datagrams to a port each, from sources of its own making: RATE MS PORT FIRST COUNT, as fast as told. */
const FLOOD = `
use Socket; use Time::HiRes qw(time sleep);
my ($rate, $ms, $ports, $first, $count) = @ARGV;
my @ports = split /,/, $ports;
socket(my $s, AF_INET, SOCK_RAW, 255) or die;
my $to = pack_sockaddr_in(0, inet_aton('${SERVER}'));
my ($start, $sent) = (time, 0);
while ((my $passed = (time - $start) * 1000) < $ms) {
  for (my $due = int($passed * $rate / 1000); $sent < $due; $sent++) {
    my $udp = pack('nnnn', 40000, $ports[$sent % @ports], 8, 0);
    my $from = $first + $sent % $count;
    send($s, pack('CCnnnCCnNa4', 0x45, 0, 28, $sent & 0xffff, 0, 64, 17, 0, $from, inet_aton('${SERVER}')) . $udp, 0, $to);
  }
  sleep(0.001);
}
print $sent;
`;

export class Wire {
  #name = `kt-bench-${process.pid}`;
  prefix = `kb${process.pid}: `;

  constructor() {
    this.#netnsLog('hold');
    for (const side of ['srv', 'cli']) ip('netns', 'add', this.#ns(side));
    ip(
      'link',
      'add',
      'wire',
      'netns',
      this.#ns('srv'),
      'type',
      'veth',
      'peer',
      'name',
      'wire',
      'netns',
      this.#ns('cli'),
    );
    for (const [side, host] of [
      ['srv', 1],
      ['cli', 2],
    ]) {
      ip('-n', this.#ns(side), 'addr', 'add', `10.77.0.${host}/24`, 'dev', 'wire');
      ip('-n', this.#ns(side), 'link', 'set', 'lo', 'up');
      ip('-n', this.#ns(side), 'link', 'set', 'wire', 'up');
    }
    this.exec('srv', 'sh', '-c', 'for each in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $each; done');
    const log = ['-j', 'LOG', '--log-level', 'info', '--log-prefix', this.prefix];
    for (const target of [log, ['-j', 'DROP']])
      this.exec('srv', 'iptables', '-w', '-A', 'INPUT', '-p', 'udp', ...target);
    process.on('exit', () => this.#tearDown());
  }

  exec(side, ...argv) {
    return execFileSync('ip', ['netns', 'exec', this.#ns(side), ...argv], { encoding: 'utf8' });
  }

  spawn(side, ...argv) {
    return spawn('ip', ['netns', 'exec', this.#ns(side), ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Resolves to how many were sent. The sources are `count` from an address on, as a number. */
  flood({ rate, ms, ports, first, count }) {
    const child = this.spawn(
      'cli',
      'perl',
      '-e',
      FLOOD,
      ...[rate, ms, ports.join(','), first, count].map(String),
    );
    return new Promise((resolve, reject) => {
      let said = '';
      child.stdout.on('data', (text) => (said += text));
      child.stderr.pipe(process.stderr);
      child.on('close', (status) =>
        status === 0 ? resolve(Number(said)) : reject(new Error(`flood: ${status}`)),
      );
    });
  }

  /** How many packets the kernel has logged. */
  logged() {
    const [, line = ''] = this.exec('srv', 'iptables', '-w', '-nvxL', 'INPUT').split('\n').slice(1);
    return Number(line.trim().split(/\s+/)[0]);
  }

  #ns(side) {
    return `${this.#name}-${side === 'srv' ? 'server' : 'client'}`;
  }

  #netnsLog(verb) {
    execFileSync('flock', [
      '/run/knocktail-lab.lock',
      process.execPath,
      NETNS_LOG,
      verb,
      `${process.pid}/${this.#name}`,
    ]);
  }

  #tearDown() {
    for (const side of ['srv', 'cli']) ip('netns', 'del', this.#ns(side));
    this.#netnsLog('release');
  }
}

function ip(...argv) {
  execFileSync('ip', argv);
}

/** Lines that a program says -> what is heard of it until now; and a wait for something in that. */
export class Ear {
  text = '';
  child;

  constructor(child) {
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (said) => (this.text += said));
  }

  async hears(pattern, limitMs = 30_000) {
    for (const endMs = performance.now() + limitMs; !pattern.test(this.text); ) {
      if (performance.now() > endMs) throw new Error(`${pattern} was not heard: ${this.text.slice(-2_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async end() {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.child.on('exit', resolve));
    this.child.kill('SIGTERM');
    await ended;
  }
}
