/** A daemon on a log file, with an iptables that takes everything: commands and state for real, without root. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { linesOf, until } from '../lab.ts';
import { removeFolder } from './remove-folder.ts';

const MAIN = resolve('dist/main.js');

export class Served {
  readonly folder = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
  /** Where commands may write. */
  readonly out = join(this.folder, 'out');
  readonly state = join(this.folder, 'state');
  readonly config = join(this.folder, 'knock.yaml');
  readonly #log = join(this.folder, 'kern.log');
  readonly #iptables = join(this.folder, 'iptables');
  #daemon: ChildProcess | null = null;
  #packets = 0;
  said = '';

  constructor() {
    writeFileSync(this.#log, '');
    writeFileSync(this.#iptables, `#!/bin/sh\necho "$*" >> ${this.folder}/rules\n`, { mode: 0o755 });
    writeFileSync(join(this.folder, 'ip6tables'), '#!/bin/sh\n', { mode: 0o755 });
  }

  /** Writes the configuration: settings as they stand in knock.yaml, and doors by name. */
  configure(doors: Readonly<Record<string, string>>, settings = `state: ${this.state}`): void {
    writeFileSync(this.config, this.configOf(doors, settings));
  }

  configOf(doors: Readonly<Record<string, string>>, settings = `state: ${this.state}`): string {
    const texts = Object.entries(doors).map(([name, door]) => `  ${name}: { ${door} }\n`);
    const log = `log: { path: ${this.#log} }\n`;
    const firewall = settings.includes('firewall:') ? '' : `firewall: { iptables: ${this.#iptables} }\n`;
    return `${log}${firewall}sweep_guard: 0\n${settings}\ndoors:\n${texts.join('')}`;
  }

  get iptables(): string {
    return this.#iptables;
  }

  /** Starts a daemon and waits until it is ready. */
  async start(...options: string[]): Promise<void> {
    this.said = '';
    this.#daemon = spawn(process.execPath, [MAIN, 'run', '-c', this.config, ...options]);
    for (const stream of [this.#daemon.stdout, this.#daemon.stderr]) {
      stream?.on('data', (text) => (this.said += text));
    }
    await this.says(/\bready: \d|"event":"ready"/);
  }

  says(text: RegExp): Promise<unknown> {
    return until(() => this.said.match(text), `the daemon says ${text}, but it says\n${this.said}`);
  }

  hangUp(): void {
    this.#daemon?.kill('SIGHUP');
  }

  /** Ends the daemon; resolves to its exit code, null when the signal ended it. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const daemon = this.#daemon;
    this.#daemon = null;
    if (daemon === null || daemon.exitCode !== null || daemon.signalCode !== null) return null;
    const ended = once(daemon, 'exit');
    daemon.kill(signal);
    return (await ended)[0];
  }

  /** Logs a SYN of this source at each port. */
  knock(source: string, ...ports: readonly number[]): void {
    for (const port of ports) {
      const stamp = new Date().toISOString().replace('Z', '000+00:00');
      const id = ++this.#packets;
      const packet = `SRC=${source} DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${id} PROTO=TCP SPT=${id % 60_000} DPT=${port}`;
      appendFileSync(
        this.#log,
        `${stamp} vm kernel: KNOCK IN=eth0 OUT= MAC= ${packet} WINDOW=64240 RES=0x00 SYN URGP=0 \n`,
      );
    }
  }

  /** What commands have written. */
  get ran(): readonly string[] {
    return linesOf(this.out);
  }

  /** The command lines of iptables, but those that only look. */
  get rules(): readonly string[] {
    return linesOf(join(this.folder, 'rules')).filter((line) => /-[ID] KNOCKD/.test(line));
  }

  async close(): Promise<void> {
    await this.end('SIGKILL');
    removeFolder(this.folder);
  }
}
