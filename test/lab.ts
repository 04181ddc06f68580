/** Two network namespaces and a wire between them -> a server to knock at and a client that knocks. */

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENV } from './lab/needs.ts';
import { removeFolder } from './lab/remove-folder.ts';

const LOCK_FILE = '/run/knocktail-lab.lock';
/** A SYN that is answered at all is answered in well under a millisecond here. */
const CONNECT_LIMIT_MS = 900;
const UNTIL_LIMIT_MS = 20_000;
const UNTIL_POLL_MS = 20;

export const SERVER = { v4: '10.77.0.1', v6: 'fd77::1' } as const;
export const CLIENT = { v4: '10.77.0.2', v6: 'fd77::2' } as const;

export type Side = 'server' | 'client';
export type Backend = 'auto' | 'nft' | 'legacy';

export interface Executed {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Connection {
  /** `dropped` when nothing came back. */
  readonly outcome: 'open' | 'refused' | 'dropped';
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Needs root, ip and the kernel log. Call `close` in any case; should the process end before, that closes it too. */
export class Lab {
  /** The LOG prefix of this lab alone, since all namespaces share one kernel log. */
  readonly prefix: string;
  /** A folder of its own, gone with the lab. */
  readonly folder: string;
  /** Where the log pump writes. */
  readonly log: string;
  readonly #name: string;
  readonly #children = new Set<ChildProcess>();
  readonly #onExit = () => this.#tearDown();
  #isUp = true;

  constructor() {
    this.#name = `kt-${process.pid}-${randomBytes(3).toString('hex')}`;
    this.prefix = `${this.#name}: `;
    this.folder = mkdtempSync(join(tmpdir(), `${this.#name}-`));
    this.log = join(this.folder, 'kern.log');
    process.once('exit', this.#onExit);
    try {
      this.#build();
    } catch (error) {
      this.#tearDown();
      throw error;
    }
  }

  namespace(side: Side): string {
    return `${this.#name}-${side}`;
  }

  /** The arguments that run a program on one side. */
  argv(side: Side, argv: readonly string[]): readonly string[] {
    return ['netns', 'exec', this.namespace(side), ...argv];
  }

  /** Runs a program to its end, whatever its status. */
  exec(side: Side, argv: readonly string[]): Promise<Executed> {
    const options = { env: ENV, timeout: UNTIL_LIMIT_MS, killSignal: 'SIGKILL' } as const;
    return new Promise((resolve, reject) => {
      execFile('ip', this.argv(side, argv), options, (error, stdout, stderr) => {
        if (error === null) resolve({ status: 0, stdout, stderr });
        else if (typeof error.code === 'number') resolve({ status: error.code, stdout, stderr });
        else reject(error);
      });
    });
  }

  /** Starts a program that lives until it ends or the lab is closed. Its pid is the program's own. */
  spawn(side: Side, argv: readonly string[]): ChildProcess {
    const child = spawn('ip', this.argv(side, argv), { env: ENV, stdio: 'pipe' });
    this.#children.add(child);
    child.on('exit', () => this.#children.delete(child));
    return child;
  }

  /** The path of an iptables that works on the server; its ip6tables, iptables-restore and nft lie beside it. */
  iptables(backend: Backend = 'auto'): string {
    return join(this.folder, backend, 'iptables');
  }

  /** Logs and drops what comes in on the server over TCP and UDP. What must pass has to pass before. */
  async logAndDrop(backend: Backend = 'auto'): Promise<void> {
    const log = ['-j', 'LOG', '--log-level', 'info', '--log-prefix', this.prefix];
    for (const tool of ['iptables', 'ip6tables']) {
      for (const target of [log, ['-j', 'DROP']]) {
        for (const proto of ['tcp', 'udp']) {
          const argv = [join(this.folder, backend, tool), '-w', '-A', 'INPUT', '-p', proto, ...target];
          const { status, stderr } = await this.exec('server', argv);
          if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
        }
      }
    }
  }

  /** Gives the client further addresses, from 10.77.0.100 and fd77::64 on. */
  async addClients(count: number): Promise<void> {
    const added = Array.from({ length: count }, (_, index) => {
      const host = 100 + index;
      const addresses = [`10.77.0.${host}/24`, `fd77::${host.toString(16)}/64`];
      return addresses.map(
        (address) => `addr add ${address} dev wire${address.includes(':') ? ' nodad' : ''}`,
      );
    });
    const batch = join(this.folder, 'addresses');
    writeFileSync(batch, `${added.flat().join('\n')}\n`);
    const { status, stderr } = await this.exec('client', ['ip', '-batch', batch]);
    if (status !== 0) throw new Error(`ip -batch: ${stderr}`);
  }

  /** Starts to write the kernel's lines with this lab's prefix to `log`, in rsyslog's format. */
  async pumpLog(): Promise<void> {
    await this.#helper('server', 'pump.mjs', this.prefix, this.log);
  }

  /** Listens on the server for TCP connections, over both families. */
  async listen(...ports: readonly number[]): Promise<void> {
    await this.#helper('server', 'listen.mjs', ...ports.map(String));
  }

  /** Tries one TCP connection. */
  async connect(side: Side, host: string, port: number): Promise<Connection> {
    const argv = [process.execPath, helperPath('connect.mjs'), host, String(port), String(CONNECT_LIMIT_MS)];
    const { stdout, stderr } = await this.exec(side, argv);
    const said: Connection = JSON.parse(stdout || '{}');
    if (['open', 'refused', 'dropped'].includes(said.outcome)) return said;
    throw new Error(`connect ${host} ${port}: ${said.outcome ?? stderr}`);
  }

  async close(): Promise<void> {
    const ended = [...this.#children].map((child) => once(child, 'exit'));
    this.#killAll();
    await Promise.all(ended);
    this.#tearDown();
    process.off('exit', this.#onExit);
  }

  #build(): void {
    withLock([process.execPath, helperPath('all-netns.mjs'), 'hold', this.#holder()]);
    const [server, client] = [this.namespace('server'), this.namespace('client')];
    for (const namespace of [server, client]) {
      ip('netns', 'add', namespace);
      ip('-n', namespace, 'link', 'set', 'lo', 'up');
    }
    ip('link', 'add', 'wire', 'netns', server, 'type', 'veth', 'peer', 'name', 'wire', 'netns', client);
    for (const [namespace, { v4, v6 }] of [[server, SERVER] as const, [client, CLIENT] as const]) {
      ip('-n', namespace, 'addr', 'add', `${v4}/24`, 'dev', 'wire');
      ip('-n', namespace, 'addr', 'add', `${v6}/64`, 'dev', 'wire', 'nodad');
      ip('-n', namespace, 'link', 'set', 'wire', 'up');
    }
    for (const backend of ['auto', 'nft', 'legacy'] as const) this.#wrapIptables(backend);
  }

  #wrapIptables(backend: Backend): void {
    mkdirSync(join(this.folder, backend));
    const wrap = (name: string, program: string): void => {
      const script = `#!/bin/sh\nexec ip ${this.argv('server', [program]).join(' ')} "$@"\n`;
      writeFileSync(join(this.folder, backend, name), script, { mode: 0o755 });
    };
    for (const tool of ['iptables', 'ip6tables']) {
      const program = backend === 'auto' ? tool : `${tool}-${backend}`;
      for (const end of ['', '-restore']) wrap(tool + end, program + end);
    }
    wrap('nft', 'nft');
  }

  async #helper(side: Side, file: string, ...args: readonly string[]): Promise<void> {
    const child = this.spawn(side, [process.execPath, helperPath(file), ...args]);
    child.stderr?.pipe(process.stderr);
    const [first] = await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit')]);
    if (String(first) !== 'ready\n') throw new Error(`${file} did not start (${first})`);
  }

  #holder(): string {
    return `${process.pid}/${this.#name}`;
  }

  #killAll(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #tearDown(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#killAll();
    for (const side of ['server', 'client'] as const) {
      attempt(() => ip('netns', 'del', this.namespace(side)));
    }
    removeFolder(this.folder);
    withLock([process.execPath, helperPath('all-netns.mjs'), 'release', this.#holder()]);
  }
}

/** Asks again until the answer is neither false nor null, and gives that answer. */
export async function until<T>(
  ask: () => T | Promise<T>,
  what: string,
  limitMs = UNTIL_LIMIT_MS,
): Promise<Exclude<T, false | null>> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== null) return answer as Exclude<T, false | null>;
    if (Date.now() > deadline) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, UNTIL_POLL_MS));
  }
}

/** The lines of a text file, none where there is no file yet. */
export function linesOf(path: string): readonly string[] {
  const text = attempt(() => readFileSync(path, 'utf8')) ?? '';
  return text.split('\n').filter((line) => line !== '');
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { env: ENV, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** `flock` gives its lock back however its holder ends. */
function withLock(argv: readonly string[]): void {
  execFileSync('flock', [LOCK_FILE, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

function helperPath(file: string): string {
  return fileURLToPath(new URL(`./lab/${file}`, import.meta.url));
}
