/** Makes a network namespace, connected to this host, from which to knock. It ends with this process. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, KnocktailError } from '../../errors.ts';
import { ipv4Address, parseAddress } from '../../lib/address.ts';
import { childEnvironment } from '../../lib/environment.ts';
import { type Network, within } from '../../lib/networks.ts';
import { findProgram } from '../../lib/permissions.ts';
import type { Address, Family } from '../../model.ts';
import type { ExpiryHeap } from './trial.ts';

const TIME_LIMIT_MS = 10_000;
const POLL_MS = 5;
const PREFIX_BITS = { 4: 30, 6: 64 };
/** 198.18.0.0/15 and 198.51.100.0/24, and how many /30 are in each. */
const [MEASUREMENTS, MEASUREMENT_BLOCKS] = [0xc6_12_00_00, 2 ** 15];
const [EXAMPLES, EXAMPLE_BLOCKS] = [0xc6_33_64_00, 2 ** 6];

/** Names and addresses that nobody else has. */
export interface Wire {
  /** The name of our end. Interfaces have names of at most 15 letters. */
  readonly name: string;
  readonly ends: Readonly<Record<Family, ExpiryHeap>>;
}

/**
 * IPv4 of the network for measurements (RFC 2544), or of one for examples (RFC 5737) where this host is in that; IPv6
 * as RFC 4193 has whoever needs some draw it by chance.
 *
 * @param taken the networks of this host
 */
export function drawWire(taken: readonly Network[]): Wire {
  const isTaken = within(taken);
  const first = MEASUREMENTS + 4 * randomInt(MEASUREMENT_BLOCKS);
  const begin = isTaken(ipv4Address(first)) ? EXAMPLES + 4 * randomInt(EXAMPLE_BLOCKS) : first;
  const digits = randomBytes(5).toString('hex');
  const network = `fd${digits.slice(0, 2)}:${digits.slice(2, 6)}:${digits.slice(6)}`;
  return {
    name: `kt-${randomBytes(4).toString('hex')}`,
    ends: {
      4: { ours: ipv4Address(begin + 1), theirs: ipv4Address(begin + 2) },
      6: { ours: address(`${network}::1`), theirs: address(`${network}::2`) },
    },
  };
}

export class Scratch {
  readonly #wire: Wire;
  readonly #holder: ChildProcess;
  readonly #programs: Programs;
  readonly #macs = { ours: drawMac(), theirs: drawMac() };

  private constructor(wire: Wire, programs: Programs) {
    this.#wire = wire;
    this.#programs = programs;
    // Its end ends the namespace, and that the wire. It ends with its stdin, thus with this process, however that does.
    this.#holder = spawn(programs.unshare, ['--net', programs.cat], {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: childEnvironment(),
    });
  }

  /** @throws KnocktailError 69 where a program is missing, or this may not be done */
  static async open(wire: Wire): Promise<Scratch> {
    const scratch = new Scratch(wire, findPrograms());
    try {
      await scratch.#make();
      return scratch;
    } catch (error) {
      await scratch.close();
      throw error;
    }
  }

  /**
   * Gives both ends an address of this family.
   *
   * @param to where packets are to go; it is reached through our end
   * @throws KnocktailError 69 where the kernel does not take it
   */
  async address(family: Family, to: Address): Promise<void> {
    const { name, ends } = this.#wire;
    const { ours, theirs } = ends[family];
    const flags = family === 6 ? ['nodad'] : [];
    const words = (text: string): readonly string[] => [`-${family}`, ...text.split(' ')];
    await this.#ip(...words(`addr add ${ours}/${PREFIX_BITS[family]} dev ${name}`), ...flags);
    await this.#ipThere(...words(`addr add ${theirs}/${PREFIX_BITS[family]} dev ${name}`), ...flags);
    // Nobody has to be asked, so no rule can be in the way of that.
    await this.#ipThere(
      ...words(`neigh replace ${ours} lladdr ${this.#macs.ours} dev ${name} nud permanent`),
    );
    if (to !== ours) await this.#ipThere(...words(`route add ${to} via ${ours}`));
  }

  /** Runs a program there. Throws KnocktailError 69 where it fails. */
  async run(program: string, args: readonly string[]): Promise<void> {
    await run(this.#programs.nsenter, [`--net=/proc/${this.#holder.pid}/ns/net`, program, ...args]);
  }

  /** Resolves when nothing is left of it. */
  async close(): Promise<void> {
    const isOver = this.#holder.exitCode !== null || this.#holder.signalCode !== null;
    const isRunning = this.#holder.pid !== undefined && !isOver;
    if (isRunning) {
      const ended = once(this.#holder, 'exit');
      this.#holder.kill('SIGKILL');
      await ended;
    }
    // The kernel takes its time for what was in a namespace.
    await this.#ip('link', 'del', this.#wire.name).catch(() => undefined);
  }

  async #make(): Promise<void> {
    await this.#parted();
    const { name } = this.#wire;
    const { ours, theirs } = this.#macs;
    const peer = ['peer', 'name', name, 'address', theirs, 'netns', String(this.#holder.pid)];
    await this.#ip('link', 'add', name, 'address', ours, 'type', 'veth', ...peer);
    await this.#ip('link', 'set', name, 'up');
    await this.#ipThere('link', 'set', name, 'up');
  }

  /** Resolves once the holder is in a namespace of its own. */
  async #parted(): Promise<void> {
    let complaint = '';
    let ending: string | null = null;
    this.#holder.stderr?.on('data', (text: Buffer) => (complaint += text.toString().trim()));
    this.#holder.on('error', ({ message }) => (ending = message));
    this.#holder.on('close', () => (ending ??= complaint));
    const here = namespaceOf(process.pid);
    for (const deadline = performance.now() + TIME_LIMIT_MS; performance.now() < deadline; ) {
      if (ending !== null) throw refused(this.#programs.unshare, ending);
      const there = namespaceOf(this.#holder.pid);
      if (there !== null && there !== here) return;
      await sleep(POLL_MS);
    }
    throw refused(this.#programs.unshare, 'no answer');
  }

  #ip(...args: readonly string[]): Promise<void> {
    return run(this.#programs.ip, args);
  }

  #ipThere(...args: readonly string[]): Promise<void> {
    return this.run(this.#programs.ip, args);
  }
}

const NEEDED = ['ip', 'unshare', 'nsenter', 'cat'] as const;
type Programs = Readonly<Record<(typeof NEEDED)[number], string>>;

function findPrograms(): Programs {
  const [ip = '', unshare = '', nsenter = '', cat = ''] = NEEDED.map((name) => {
    const path = findProgram(name, process.env['PATH'] ?? '');
    if (path === null) throw refused(name, 'no such program');
    return path;
  });
  return { ip, unshare, nsenter, cat };
}

function run(program: string, args: readonly string[]): Promise<void> {
  const options = { timeout: TIME_LIMIT_MS, killSignal: 'SIGKILL', env: childEnvironment() } as const;
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(refused([program, ...args].join(' '), stderr.trim() || error.message));
    });
  });
}

function refused(where: string, what: string): KnocktailError {
  return new KnocktailError(what, { exitCode: EXIT.UNAVAILABLE, where });
}

function namespaceOf(pid: number | undefined): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return null;
  }
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed !== null) return parsed;
  throw refused(text, 'not an address');
}

/** One that is given out by hand (the second bit), and no group's (the first). */
function drawMac(): string {
  return ['02', ...(randomBytes(5).toString('hex').match(/../g) ?? [])].join(':');
}
