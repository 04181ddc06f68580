/** Sweeps of all ports, as the firewall's limiters let their lines through, against doors as `init` draws them. */

import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/attempt/engine.ts';
import { switchesFor } from '../../src/attempt/switches.ts';
import {
  type Address,
  type Lock,
  type Micros,
  type Packet,
  type Sequence,
  US_PER_SECOND,
} from '../../src/model.ts';
import { strayLimits } from '../../src/sweep-limits.ts';
import { STEPS_AT_ONCE, STEPS_PER_SECOND } from '../../src/tools/setup/chains.ts';
import { drawSequence } from '../../src/tools/setup/sequence.ts';
import { address, asPort, packet } from './traffic.ts';

const S = US_PER_SECOND;
const GUARD = 8;
const PORTS = Array.from({ length: 65_535 - 1_023 }, (_, index) => asPort(1_024 + index));
/** TCP and UDP. */
const SWEPT = 2 * 65_535;
const AROUND_US: Micros = 12 * S;
const START: Micros = 1_795_219_200 * S;

/** xt_hashlimit for one source: a packet takes a token where there is a whole one. */
class Bucket {
  readonly #perSecond: number;
  readonly #atOnce: number;
  #tokens: number;
  #last = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, atOnce: number) {
    this.#perSecond = perSecond;
    this.#atOnce = atOnce;
    this.#tokens = atOnce;
  }

  take(now: Micros): boolean {
    if (now < this.next()) return false;
    this.#tokens = Math.min(this.#atOnce, this.#tokens + ((now - this.#last) / S) * this.#perSecond) - 1;
    this.#last = now;
    return true;
  }

  /** From when on it lets a packet through. */
  next(): Micros {
    return this.#tokens >= 1
      ? this.#last
      : this.#last + Math.ceil(((1 - this.#tokens) / this.#perSecond) * S);
  }
}

/** Mulberry32, so that a failure comes again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function doorOf(sequence: Sequence): Lock {
  const live = [sequence];
  return {
    name: 'ssh',
    seqTimeoutUs: 5 * S,
    tcpflags: { set: 2, clear: 0 },
    traps: [],
    admits: () => true,
    sequences: () => live,
    used: () => undefined,
  };
}

interface Sweep {
  readonly packetsPerSecond: number;
  /** In which the steps come: their indices in the sequence. */
  readonly order: readonly number[];
  /** At which part of the sweep each of them comes, rising. */
  readonly places: readonly number[];
  /** Packets to ports of no door among which one goes to another port than those before: 1 where there are no decoys. */
  readonly rhythm: number;
  /** Ahead of all others, to one port, as fast as the others; then a pause. */
  readonly first: number;
  readonly pauseUs: Micros;
  /** Sends a decoy whenever the firewall would let one through, so that no line tells of another port. */
  readonly isFitted: boolean;
  /** The share of all lines that nobody reads. */
  readonly loss: number;
  /** The address of the steps, and those of all others. */
  readonly client: Client;
}

/** Over IPv6 a network of which one address knocks. */
interface Client {
  readonly knocker: Address;
  readonly others: readonly Address[];
}

/** A firewall and an engine behind it. */
class Host {
  readonly #engine: Engine;
  readonly #random: () => number;
  readonly sequence: Sequence;
  steps = new Bucket(STEPS_PER_SECOND, STEPS_AT_ONCE);
  strays = new Bucket(1, 1);
  now = START;
  opened = 0;
  read = 0;

  constructor(random: () => number, guard = GUARD) {
    this.#random = random;
    this.sequence = drawSequence(PORTS, (limit) => Math.floor(random() * limit));
    this.#engine = new Engine([doorOf(this.sequence)], switchesFor('none', guard), { capacity: 256 });
    this.newSource();
  }

  newSource(): void {
    const { perSecond, atOnce } = strayLimits(GUARD);
    this.steps = new Bucket(STEPS_PER_SECOND, STEPS_AT_ONCE);
    this.strays = new Bucket(perSecond, atOnce);
  }

  step(index: number, src: Address, time: Micros, loss = 0): void {
    const step = this.sequence[index];
    if (step === undefined || step.proto === 'icmp' || !this.steps.take(time)) return;
    this.#log({ src, proto: step.proto, dpt: step.port, flags: step.proto === 'tcp' ? 2 : null, time }, loss);
  }

  stray(port: number, sources: readonly Address[], time: Micros, loss = 0): void {
    if (!this.strays.take(time)) return;
    const src = sources[Math.floor(this.#random() * sources.length)] ?? expect.fail('no source');
    this.#log({ src, dpt: asPort(port), flags: 2, time }, loss);
  }

  #log(fields: Partial<Packet>, loss: number): void {
    if (loss > 0 && this.#random() < loss) return;
    this.read++;
    this.opened += this.#engine
      .handlePacket(packet({ ...fields, id: this.read & 0xffff }))
      .filter(({ event }) => event === 'open').length;
  }

  /** Those of the packets of a sweep that the firewall logs: the others change nothing. */
  sweep(sweep: Sweep): void {
    const { packetsPerSecond, order, places, rhythm, loss } = sweep;
    const gap = S / packetsPerSecond;
    const decoy = this.#strayPort();
    for (let each = 0; each < sweep.first; each++)
      this.stray(decoy, sweep.client.others, this.now + each * gap, loss);
    const begun = this.now + sweep.first * gap + sweep.pauseUs;
    const count = SWEPT * rhythm;
    const stepsAt = places.map((place) => Math.floor(place * count));
    // Of a long one, what is around the steps: as if it had begun, and ended, there.
    const around = (AROUND_US / gap) | 0;
    const end = Math.min(count, (stepsAt.at(-1) ?? 0) + around);
    for (let at = Math.max(0, (stepsAt[0] ?? 0) - around); at < end; ) {
      const nextStep = stepsAt.findIndex((place) => place >= at);
      const step = stepsAt[nextStep] ?? end;
      // The first packet that finds a token, but for the steps, which need none of these.
      const stray = Math.max(at, Math.ceil((this.strays.next() - begun) / gap));
      if (nextStep >= 0 && step <= stray) {
        this.step(order[nextStep] ?? 0, sweep.client.knocker, begun + step * gap, loss);
        at = step + 1;
      } else if (stray < end) {
        const isDecoy = sweep.isFitted || stray % rhythm !== 0;
        this.stray(isDecoy ? decoy : this.#strayPort(), sweep.client.others, begun + stray * gap, loss);
        at = stray + 1;
      } else at = end;
    }
    this.now = begun + end * gap + 1;
  }

  #strayPort(): number {
    for (;;) {
      const port = 1 + Math.floor(this.#random() * 65_535);
      if (!this.sequence.some((step) => step.proto !== 'icmp' && step.port === port)) return port;
    }
  }
}

type Draw = <T>(choices: readonly T[]) => T;

function sweepFrom(draw: Draw, random: () => number, host: Host, client: Client): Sweep {
  const ports = host.sequence.map((step, index) => ({ index, port: step.proto === 'icmp' ? 0 : step.port }));
  const shape = draw(['random', 'random', 'ascending', 'descending', 'knock', 'knock', 'knock'] as const);
  const shuffled = ports.map((each) => ({ ...each, key: random() })).sort((a, b) => a.key - b.key);
  const sorted = [...ports].sort((a, b) => (shape === 'descending' ? b.port - a.port : a.port - b.port));
  const order = { random: shuffled, ascending: sorted, descending: sorted, knock: ports }[shape];
  const rhythm = draw([1, 1, 2, 3, 4, 11]);
  const isOrdered = shape === 'ascending' || shape === 'descending';
  const fast = [5_000, 20_000, 50_000, 200_000, 1_000_000];
  const packetsPerSecond = draw(isOrdered ? fast : [10, 300, ...fast]);
  // So that the steps of a slow sweep come inside the window of the door, too.
  const span = Math.min(1, (4.9 * packetsPerSecond) / (SWEPT * rhythm));
  const from = random() * (1 - span);
  const spread = isOrdered
    ? order.map(({ port }) => (shape === 'ascending' ? port : 65_535 - port) / 65_536)
    : order.map(() => from + random() * span).sort((a, b) => a - b);
  return {
    packetsPerSecond,
    order: order.map(({ index }) => index),
    places: spread,
    rhythm,
    first: draw([0, 0, 20, 29, 40, 60, 500]),
    pauseUs: draw([0, 0, S, 3 * S, 20 * S]),
    isFitted: draw([false, false, true]),
    loss: draw([0, 0, 0.05]),
    client,
  };
}

/** Each fourth is a network. */
const CLIENTS = Array.from({ length: 20 }, (_, client): Client => {
  if (client % 4 > 0)
    return { knocker: address(`192.0.2.${client}`), others: [address(`192.0.2.${client}`)] };
  const inNetwork = (host: number) => address(`2001:db8:0:${client}::${host.toString(16)}`);
  return { knocker: inNetwork(1), others: Array.from({ length: 16 }, (_, host) => inNetwork(host * 4_001)) };
});

/** So many sweeps, of some hosts, from clients of which each sweeps a few times in a row. */
function sweepAll(count: number, guard: number, seed: number): Host[] {
  const random = randomFrom(seed);
  const draw: Draw = (choices) => choices[Math.floor(random() * choices.length)] ?? expect.fail('no choice');
  const hosts: Host[] = [];
  for (let done = 0; done < count; ) {
    const host = new Host(random, guard);
    hosts.push(host);
    for (let client = 0; client < CLIENTS.length; client++) {
      host.newSource();
      host.now += Math.floor(random() * 30 * S);
      for (let times = draw([1, 2, 5, 10]); times > 0; times--, done++)
        host.sweep(sweepFrom(draw, random, host, CLIENTS[client] ?? expect.fail('no client')));
    }
  }
  return hosts;
}

const opened = (hosts: readonly Host[]) => hosts.reduce((sum, host) => sum + host.opened, 0);

describe('sweeps of all ports', () => {
  it('open no door in 10,000, in any order, at any speed, with any decoys, from an address or a /64', () => {
    expect(opened(sweepAll(10_000, GUARD, 1))).toBe(0);
  }, 120_000);

  it('open many where they are not guarded against', () => {
    expect(opened(sweepAll(1_000, 0, 2))).toBeGreaterThan(200);
  });
});

describe('a knock beside ordinary strays', () => {
  /** The moments of strays of one kind, in seconds from their beginning, and their ports. */
  const KINDS: Readonly<Record<string, (random: () => number) => [seconds: number, port: number][]>> = {
    'a client that tries a closed port again and again': (random) => {
      const every = 0.5 + random() / 2;
      return Array.from({ length: 60 }, (_, index): [number, number] => [index * every, 22]);
    },
    'a colleague behind the same NAT, whose kernel repeats a SYN': (random) =>
      [25, 443, 8080].flatMap((port) => {
        const begun = random() * 20;
        return [0, 1, 3, 7].map((later): [number, number] => [begun + later, port]);
      }),
    'a monitor that tries five ports every ten seconds': (random) => {
      const begun = random() * 10;
      return [0, 10, 20].flatMap((round) =>
        [25, 80, 110, 143, 443].map((port, index): [number, number] => [begun + round + index * 0.01, port]),
      );
    },
    'a browser that opens six sockets at once, and again': (random) => {
      const begun = random() * 20;
      return [0, 0.3, 1, 3].flatMap((later) =>
        Array.from({ length: 6 }, (): [number, number] => [begun + later, 8443]),
      );
    },
  };
  const names = Object.keys(KINDS);
  const pairs = names.flatMap((one) => names.slice(names.indexOf(one) + 1).map((other) => [one, other]));

  it.each([...names.map((name) => [name]), ...pairs])('opens: %s, %s', (...kinds) => {
    const random = randomFrom(3);
    let count = 0;
    const host = new Host(random);
    for (let client = 1; client <= 250; client++) {
      const src = address(`198.51.100.${client}`);
      host.newSource();
      const knocks = host.sequence.map((_, index): [number, number] => [
        10 + random() + index * (0.05 + random() / 4),
        -index - 1,
      ]);
      knocks.sort(([a], [b]) => a - b || 0);
      const inOrder = knocks.map(([seconds], index): [number, number] => [seconds, -index - 1]);
      const strays = kinds.flatMap((kind) => KINDS[kind ?? '']?.(random) ?? []);
      for (const [seconds, port] of [...inOrder, ...strays].sort(([a], [b]) => a - b)) {
        const time = host.now + Math.round(seconds * S);
        if (port < 0) host.step(-port - 1, src, time);
        else host.stray(port, [src], time);
      }
      host.now += 60 * S;
      count++;
    }
    expect(host.opened).toBeGreaterThanOrEqual(count * 0.999);
  });
});
