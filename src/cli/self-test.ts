/** Sends one knock from a scratch network, and finds out whether each log of the configuration shows it. */

import { networkInterfaces } from 'node:os';
import type { Config, LogConfig } from '../config/schema.ts';
import { KnocktailError, messageOf } from '../errors.ts';
import type { PacketFilter } from '../firewall/stages.ts';
import { parseAddress } from '../lib/address.ts';
import { CLIENT } from '../lib/install-path.ts';
import type { Io } from '../lib/io.ts';
import { type Network, parseNetwork, within } from '../lib/networks.ts';
import { type Address, type Family, type Packet, US_PER_MS } from '../model.ts';
import { type Arrival, checkArrival, type KernelLine } from '../tools/doctor/arrival.ts';
import { type Finding, skip } from '../tools/doctor/finding.ts';
import { isNetworkOfItsOwn } from '../tools/doctor/host.ts';
import { isLogged } from '../tools/doctor/log-rules.ts';
import { drawWire, Scratch, type Wire } from '../tools/doctor/scratch.ts';
import { chooseTrial, probeOf, stepText, type Trial } from '../tools/doctor/trial.ts';
import { type Heard, Listener, pause } from './listener.ts';
import type { SequencesOf } from './watched-by.ts';

const LIMIT_MS = 5_000;
/** A journalctl that has much to look through begins late. */
const JOURNAL_LIMIT_MS = 15_000;
/** A log may not be followed yet when the first is sent; no number of them opens a door. */
const AGAIN_MS = 1_500;
const FAMILIES = [4, 6] as const;
/** Loopback and link-local addresses (RFC 1122, 3927, 4291). */
const OF_ONE_WIRE = ['127.0.0.0/8', '169.254.0.0/16', '::1', 'fe80::/10'];
const ofOneWire = within(OF_ONE_WIRE.flatMap((text) => parseNetwork(text) ?? []));
/** Of RFC 792 and RFC 4443. */
const ECHO_REQUESTS = [8, 128];

interface Test {
  readonly family: Family;
  readonly trial: Trial;
}

interface Ears {
  readonly listeners: readonly { readonly log: LogConfig; readonly listener: Listener }[];
  readonly kernel: Listener;
}

/** @param filters the rules of each family, as far as they could be read */
export async function* selfTest(
  config: Config,
  sequencesOf: SequencesOf,
  filters: ReadonlyMap<Family, PacketFilter>,
  io: Pick<Io, 'stdin' | 'signal'>,
): AsyncGenerator<Finding> {
  const logs = config.logs.filter(({ from }) => from !== 'stdin');
  if (logs.length === 0) {
    yield skip('self-test', 'stdin is read when there is one');
    return;
  }
  const wire = drawWire(localNetworks());
  const tests: Test[] = [];
  for (const family of FAMILIES) {
    const trial = chooseTrial(config, family, wire.ends[family], sequencesOf, isLocal);
    if (typeof trial === 'string') yield skip(checkOf(family), trial);
    else if (isForOthers({ family, trial }, wire, filters.get(family), config))
      yield skip(checkOf(family), 'the LOG rules take knocks of some interfaces or sources alone');
    else tests.push({ family, trial });
  }
  if (tests.length > 0) yield* knocks(tests, wire, logs, io);
}

/** Whether the rules would log the same packet if it came from elsewhere. */
function isForOthers(
  { family, trial }: Test,
  { name }: Wire,
  filter: PacketFilter | undefined,
  { firewall: { hooks }, logs }: Config,
): boolean {
  if (filter === undefined) return false;
  const probe = probeOf(trial, family, name);
  const others = { ...probe, interface: null, from: null, to: null };
  return !isLogged(filter, hooks, probe, logs) && isLogged(filter, hooks, others, logs);
}

async function* knocks(
  tests: readonly Test[],
  wire: Wire,
  logs: readonly LogConfig[],
  io: Pick<Io, 'stdin' | 'signal'>,
): AsyncGenerator<Finding> {
  const ending = new AbortController();
  const signal = AbortSignal.any([io.signal, ending.signal]);
  let scratch: Scratch | null = null;
  try {
    scratch = await Scratch.open(wire);
    const strangers = FAMILIES.map((family) => wire.ends[family].theirs);
    const how = { stdin: io.stdin, signal, isWanted: ({ src }: Packet) => strangers.includes(src) };
    const kernel = Listener.toKernel(how);
    const all = logs.map((log) => ({ log, listener: Listener.toLog(log, how) }));
    for (const listener of [kernel, ...all.map((it) => it.listener)]) await listener.atEnd(signal);
    for (const { listener } of all) if (listener.trouble !== null) yield skip('self-test', listener.trouble);
    const listeners = all.filter(({ listener }) => listener.trouble === null);
    for (const test of listeners.length === 0 ? [] : tests) {
      const { limitMs, failure } = await sent(test, scratch, { listeners, kernel }, signal);
      if (signal.aborted) return;
      if (failure !== null) yield skip(checkOf(test.family), failure);
      else yield* checkArrival(arrivalOf(test, { listeners, kernel }, limitMs));
    }
  } catch (error) {
    if (!(error instanceof KnocktailError)) throw error;
    yield skip('self-test', `no packet can be sent: ${error.message}`);
  } finally {
    ending.abort();
    await scratch?.close();
  }
}

/** Sends until all have heard it, or it is too late. Resolves to when that was, or why nothing could be sent. */
async function sent(
  { family, trial }: Test,
  scratch: Scratch,
  { listeners, kernel }: Ears,
  signal: AbortSignal,
): Promise<{ readonly limitMs: number; readonly failure: string | null }> {
  const begin = performance.now();
  const isHeardBy = (listener: Listener): boolean => heardOf(trial, listener.heard) !== undefined;
  const mayBeLate = listeners.some(({ log: { from } }) => from === 'journal' || from === 'auto');
  // What the kernel has not logged no log will show.
  const limitMs = (): number => (mayBeLate && isHeardBy(kernel) ? JOURNAL_LIMIT_MS : LIMIT_MS);
  try {
    await scratch.address(family, trial.to);
    for (let due = begin; performance.now() < begin + limitMs() && !signal.aborted; await pause(signal)) {
      if (performance.now() >= due) {
        await scratch.run(process.execPath, [CLIENT, trial.to, stepText(trial.step)]);
        due = performance.now() + AGAIN_MS;
      }
      if (listeners.every(({ listener }) => isHeardBy(listener))) break;
    }
    return { limitMs: limitMs(), failure: null };
  } catch (error) {
    return { limitMs: LIMIT_MS, failure: `no packet can be sent: ${messageOf(error)}` };
  }
}

function arrivalOf({ family, trial }: Test, { listeners, kernel }: Ears, limitMs: number): Arrival {
  const { step, from } = trial;
  const sightings = listeners.map(({ log, listener }) => {
    const heard = heardOf(trial, listener.heard);
    const lagMs = heard === undefined ? null : Math.max(0, heard.readAt - heard.packet.time) / US_PER_MS;
    const maxAgeMs = log.maxAgeUs / US_PER_MS;
    return { log: listener.name, prefix: log.prefix, format: log.format, lagMs, maxAgeMs };
  });
  const name = step.proto === 'icmp' ? 'a ping' : `${step.port}/${step.proto}`;
  return {
    check: checkOf(family),
    packet: `${name} from ${from}`,
    limitMs,
    sightings,
    kernel: kernelLine(trial, kernel),
    isNetworkOfItsOwn: isNetworkOfItsOwn(),
  };
}

function kernelLine(trial: Trial, { heard, trouble }: Listener): KernelLine {
  const [first, ...others] = heard
    .filter(({ packet }) => isOf(trial, packet))
    .map(({ packet }) => packet.prefix);
  if (first !== undefined) return { is: 'written', prefixes: [first, ...others] };
  return { is: trouble === null ? 'missing' : 'unknown' };
}

function heardOf(trial: Trial, heard: readonly Heard[]): Heard | undefined {
  return heard.find(({ packet }) => isOf(trial, packet));
}

/** Whether a packet is the one that was sent. */
export function isOf(
  { step, from, to }: Omit<Trial, 'door'>,
  { src, dst, proto, dpt, icmp }: Packet,
): boolean {
  if (src !== from || dst !== to) return false;
  if (step.proto !== 'icmp') return proto === step.proto && dpt === step.port;
  return icmp !== null && ECHO_REQUESTS.includes(icmp.type);
}

function checkOf(family: Family): string {
  return `self-test, IPv${family}`;
}

/** Whether an address of this host can be reached from outside, by whatever wire. */
export function isLocal(address: Address): boolean {
  return !ofOneWire(address) && interfaces().some((each) => each.address === address);
}

export function localNetworks(): readonly Network[] {
  return interfaces().flatMap(({ cidr }) => parseNetwork(cidr ?? '') ?? []);
}

/** Addresses of this host. */
function interfaces(): readonly { readonly address: string; readonly cidr: string | null }[] {
  return Object.values(networkInterfaces()).flatMap((each) =>
    (each ?? []).flatMap(({ address, cidr }) => {
      const parsed = parseAddress(address);
      return parsed === null ? [] : [{ address: parsed, cidr }];
    }),
  );
}
