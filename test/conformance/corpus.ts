/** A recorded set of scenarios -> what the engine opens on the kernel's log of it, packet by packet. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Engine } from '../../src/attempt/engine.ts';
import { type Switches, switchesFor } from '../../src/attempt/switches.ts';
import { loadConfig } from '../../src/config/load.ts';
import { locksOf } from '../../src/config/locks.ts';
import { OneTimeDoors } from '../../src/config/one-time-doors.ts';
import { type Packet, US_PER_MS } from '../../src/model.ts';
import { PacketScan } from '../../src/packet/scan.ts';

const FIXTURES = 'fixtures/conformance';
/** When the logs were read; their lines do not name a year. */
const READ_AT = Date.UTC(2026, 10, 22) * US_PER_MS;

export interface Scenario {
  readonly id: string;
  readonly src: string;
  readonly kind: string;
  readonly exposes: readonly string[];
  readonly packets: readonly Sent[];
  readonly opens: readonly Opened[];
  /** Where the verdict rests on knockd's head-drop bug: what an engine without it opens. */
  readonly opens_without_head_drop_model?: readonly (readonly [door: string, packet: number])[];
  readonly each_source_alone_model_opens?: readonly (readonly [door: string, packet: number])[];
}

interface Sent {
  readonly proto: string;
  readonly dport?: number;
  readonly spt?: number;
  readonly src?: string;
  /** Seconds since the epoch. */
  readonly wall: number;
}

interface Opened {
  readonly door: string;
  readonly packet: number;
}

export class Corpus {
  readonly scenarios: readonly Scenario[];
  readonly #set: string;
  readonly #packets: Packet[] = [];

  constructor(set: string) {
    this.#set = set;
    this.scenarios = JSON.parse(readFileSync(join(FIXTURES, set, 'verdicts.json'), 'utf8')).scenarios;
    const scan = new PacketScan({ prefix: 'KNOCK: ', live: false });
    scan.scan(readFileSync(join(FIXTURES, set, 'kern.log')), READ_AT, (packet) => this.#packets.push(packet));
  }

  get packetCount(): number {
    return this.#packets.length;
  }

  /** `door@packet` for each opening, by scenario; the whole log is replayed in one go. */
  async replay(switches: Switches = switchesFor('knockd', 0)): Promise<Map<string, string[]>> {
    const owners = this.#owners();
    return this.#play(this.#packets, switches, (packet) => owners.get(packet));
  }

  /** The same for one scenario alone, with files of sequences as they were at the start. */
  async replayAlone(scenario: Scenario, switches: Switches = switchesFor('knockd', 0)): Promise<string[]> {
    const owners = this.#owners();
    const own = this.#packets.filter((packet) => owners.get(packet)?.scenario === scenario);
    return (await this.#play(own, switches, (packet) => owners.get(packet))).get(scenario.id) ?? [];
  }

  async #play(
    packets: readonly Packet[],
    switches: Switches,
    ownerOf: (packet: Packet) => Owner | undefined,
  ): Promise<Map<string, string[]>> {
    const { config } = loadConfig(readFileSync(join(FIXTURES, this.#set, 'knockd.conf'), 'utf8'));
    if (config === null) throw new Error(`${this.#set}: knockd.conf is not accepted`);
    for (const door of config.doors.values()) {
      if (door.oneTimeSequences !== null) {
        door.oneTimeSequences = resolve(FIXTURES, this.#set, door.oneTimeSequences);
      }
    }
    const oneTime = new OneTimeDoors();
    await oneTime.fill(config);
    const engine = new Engine(locksOf(config, oneTime), switches, { capacity: 4096 });
    const opened = new Map<string, string[]>(this.scenarios.map(({ id }) => [id, []]));
    for (const packet of packets) {
      engine.handleTimeout(packet.time);
      for (const { event, door } of engine.handlePacket(packet)) {
        const owner = ownerOf(packet);
        if (event !== 'open' || owner === undefined) continue;
        opened.get(owner.scenario.id)?.push(`${door}@${owner.index}`);
      }
    }
    return opened;
  }

  /** Which packet of which scenario each logged packet is: by source, ports and the nearest moment. */
  #owners(): Map<Packet, Owner> {
    const sent = new Map<string, Owner[]>();
    for (const scenario of this.scenarios) {
      scenario.packets.forEach((packet, index) => {
        const key = keyOf(packet.src ?? scenario.src, packet.proto, packet.spt, packet.dport);
        sent.set(key, [...(sent.get(key) ?? []), { scenario, index, wall: packet.wall }]);
      });
    }
    const owners = new Map<Packet, Owner>();
    for (const packet of this.#packets) {
      const key = keyOf(packet.src, packet.proto, packet.spt ?? undefined, packet.dpt ?? undefined);
      const distance = ({ wall }: Owner): number => Math.abs(wall - packet.time / 1e6);
      const [nearest] = [...(sent.get(key) ?? [])].sort((a, b) => distance(a) - distance(b));
      if (nearest !== undefined) owners.set(packet, nearest);
    }
    return owners;
  }
}

interface Owner {
  readonly scenario: Scenario;
  readonly index: number;
  readonly wall: number;
}

function keyOf(src: string, proto: string, spt: number | undefined, dpt: number | undefined): string {
  return [src, proto, spt, dpt].join(' ');
}

/** The first step of each fixed door, in the order of the file. */
export function firstSteps(set: string): ReadonlyMap<string, string> {
  const { config } = loadConfig(readFileSync(join(FIXTURES, set, 'knockd.conf'), 'utf8'));
  const doors = [...(config?.doors ?? [])];
  return new Map(doors.map(([name, { sequence }]) => [name, JSON.stringify(sequence?.[0])]));
}
