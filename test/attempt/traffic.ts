/** Scripts of packets -> what an engine decides, for tests of the engine. */

import { Engine } from '../../src/attempt/engine.ts';
import { type Switches, switchesFor } from '../../src/attempt/switches.ts';
import { parseStep } from '../../src/config/sequence.ts';
import { parseAddress, toPort } from '../../src/lib/address.ts';
import {
  type Decision,
  type Lock,
  type Packet,
  type Port,
  type Step,
  TCP_FLAGS,
  US_PER_MS,
  US_PER_SECOND,
} from '../../src/model.ts';

/** A round second, so that scripts in whole seconds mean the same to both clocks. */
const START_US = 1_795_219_200 * US_PER_SECOND;
const PACE_US = 60 * US_PER_MS;
const FIRST_SOURCE_PORT = 40_000;
/** More than any script needs; a full-sized table costs milliseconds to make. */
const CAPACITY = 64;

/** `ssh: 7000,8000,9000 syn 5` -> a door: name, sequence, tcpflags (or -), seq_timeout in seconds. */
export function door(text: string): Lock {
  const [name = '', sequence = '', flags = '-', timeout = '5'] = text.split(/:? +/);
  const live = [
    sequence.split(',').map((step) => {
      const parsed = parseStep(step);
      if (parsed === null) throw new SyntaxError(`no step: ${step}`);
      return parsed;
    }),
  ];
  return {
    name,
    seqTimeoutUs: Number(timeout) * US_PER_SECOND,
    tcpflags: flags === '-' ? null : flagRule(flags),
    traps: [],
    admits: () => true,
    sequences: () => live,
    used: () => undefined,
  };
}

export function packet(fields: Partial<Packet>): Packet {
  const time = fields.time ?? START_US;
  return {
    time,
    second: Math.floor(time / US_PER_SECOND),
    clock: 'kernel',
    host: '',
    prefix: 'KNOCK: ',
    in: 'eth0',
    out: '',
    src: address('192.0.2.1'),
    dst: address('192.0.2.254'),
    proto: 'tcp',
    spt: asPort(FIRST_SOURCE_PORT),
    dpt: null,
    flags: null,
    icmp: null,
    len: 40,
    id: null,
    seq: null,
    ...fields,
  };
}

/**
 * A script is packets 60 ms apart, each from a source port of its own:
 *
 *     7000         a TCP SYN           7000:udp     UDP
 *     7000/fin.ack these flags         7000/        no flags at all
 *     =7000        the last packet to this port once more (a retransmission)
 *     b>7000       from another source +1.5         let 1.5 s pass instead of the 60 ms
 */
export function packets(script: string): Packet[] {
  const sent: Packet[] = [];
  let time = START_US;
  let pause = 0;
  for (const word of script.split(/\s+/).filter((word) => word !== '')) {
    if (word.startsWith('+')) {
      pause = Math.round(Number(word.slice(1)) * US_PER_SECOND);
      continue;
    }
    time += sent.length === 0 && pause === 0 ? 0 : pause === 0 ? PACE_US : pause;
    pause = 0;
    sent.push(one(word, time, sent));
  }
  return sent;
}

export interface Play {
  /** `DOOR@INDEX of the packet that opened it`, in order. */
  readonly opens: string;
  readonly decisions: readonly Decision[];
}

export function play(
  doors: readonly Lock[],
  script: string | readonly Packet[],
  compat: 'none' | 'knockd' = 'none',
  switches: Partial<Switches> = {},
  /** Lets time pass up to here once all packets are handled. */
  end = 0,
): Play {
  const engine = new Engine(
    doors,
    { ...switchesFor(compat, compat === 'knockd' ? 0 : 8), ...switches },
    { capacity: CAPACITY },
  );
  const decisions: Decision[] = [];
  const opens: string[] = [];
  const list = typeof script === 'string' ? packets(script) : script;
  list.forEach((packet, index) => {
    decisions.push(...engine.handleTimeout(packet.time));
    for (const decision of engine.handlePacket(packet)) {
      decisions.push(decision);
      if (decision.event === 'open') opens.push(`${decision.door}@${index}`);
    }
  });
  decisions.push(...engine.handleTimeout(end));
  return { opens: opens.join(' '), decisions };
}

/** `stage ssh 2` and so on, one a decision. */
export function told({ decisions }: Play): string[] {
  return decisions.map(
    ({ event, door, stage, why }) => `${event} ${door} ${stage}${why === null ? '' : ` ${why}`}`,
  );
}

/** The port of a step of TCP or UDP; null for a ping. */
export function portOf(step: Step): Port | null {
  return step.proto === 'icmp' ? null : step.port;
}

function one(word: string, time: number, sent: readonly Packet[]): Packet {
  const [, source = 'a', again, digits, proto, flags] =
    /^(?:([a-z])>)?(=?)(\d+)(?::(\w+))?(?:\/([\w.]*))?$/.exec(word) ?? [];
  if (digits === undefined) throw new SyntaxError(`no packet: ${word}`);
  const dpt = asPort(Number(digits));
  const src = address(`192.0.2.${source.charCodeAt(0) - 96}`);
  const timing = { time, second: Math.floor(time / US_PER_SECOND) };
  if (again === '=') {
    const before = sent.findLast((other) => other.dpt === dpt && other.src === src);
    if (before === undefined) throw new SyntaxError(`nothing to repeat: ${word}`);
    return { ...before, ...timing, id: sent.length };
  }
  const spt = asPort(FIRST_SOURCE_PORT + sent.length);
  const isTcp = proto === undefined || proto === 'tcp';
  const bits = (flags ?? 'syn').split('.').filter((name) => name !== '');
  const set = bits.reduce((sum, name) => sum | flagRule(name).set, 0);
  return packet({
    ...timing,
    src,
    dpt,
    spt,
    proto: proto ?? 'tcp',
    flags: isTcp ? set : null,
    id: sent.length,
  });
}

function flagRule(text: string): { set: number; clear: number } {
  const rule = { set: 0, clear: 0 };
  for (const word of text.split('.')) {
    const bit = Object.entries(TCP_FLAGS).find(([name]) => name.toLowerCase() === word.replace('!', ''))?.[1];
    if (bit === undefined) throw new SyntaxError(`no flag: ${word}`);
    if (word.startsWith('!')) rule.clear |= bit;
    else rule.set |= bit;
  }
  return rule;
}

export function address(text: string) {
  const parsed = parseAddress(text);
  if (parsed === null) throw new SyntaxError(`no address: ${text}`);
  return parsed;
}

export function asPort(number: number) {
  const port = toPort(number);
  if (port === null) throw new SyntaxError(`no port: ${number}`);
  return port;
}
