/** A guide of docs/ -> its shell blocks that say where they run, and a lab in which they do. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Executed, type Lab, SERVER, type Side, until } from '../lab.ts';
import { ENV } from './needs.ts';

const MAIN = resolve('dist/main.js');

export interface Block {
  readonly on: Side | 'daemon';
  readonly text: string;
}

/** Blocks that begin with three backticks and `sh on=server`, `on=client` or `on=daemon`, in order. */
export function blocksOf(path: string): readonly Block[] {
  const blocks = readFileSync(path, 'utf8').matchAll(/^```sh on=(server|client|daemon)\n(.*?)^```$/gms);
  return [...blocks].map(([, on, text = '']) => ({
    on: on === 'server' || on === 'client' ? on : 'daemon',
    text,
  }));
}

/** Runs blocks as they stand, but for the names of hosts and files. */
export class GuideLab {
  readonly #lab: Lab;
  said = '';

  constructor(lab: Lab) {
    this.#lab = lab;
    mkdirSync(this.#within('etc'));
    mkdirSync(this.#within('bin'));
    const config = this.#within('etc/knocktail/knock.yaml');
    const here = `--log ${lab.log} --state ${this.#within('state')}`;
    const script = `#!/bin/sh\n[ "$1" != run ] || set -- "$@" ${here}\nexec ${process.execPath} ${MAIN} "$@" -c ${config}\n`;
    writeFileSync(this.#within('bin/knocktail'), script, { mode: 0o755 });
  }

  async run({ on, text }: Block): Promise<Executed> {
    if (on === 'daemon') return this.#start(text);
    const done = await this.#lab.exec(on, this.#argv(text));
    if (done.status !== 0)
      throw new Error(`${text}\nends with ${done.status}: ${done.stdout}${done.stderr}\n${this.said}`);
    return done;
  }

  async #start(text: string): Promise<Executed> {
    const daemon = this.#lab.spawn('server', this.#argv(`exec ${text}`));
    for (const stream of [daemon.stdout, daemon.stderr]) stream?.on('data', (said) => (this.said += said));
    await until(() => /\bready: /.test(this.said), `ready in:\n${this.said}`);
    return { status: 0, stdout: this.said, stderr: '' };
  }

  #argv(text: string): readonly string[] {
    const here = text
      .replaceAll('your.server', SERVER.v4)
      .replaceAll('"KNOCK "', JSON.stringify(this.#lab.prefix))
      .replaceAll('/etc/', `${this.#within('etc')}/`)
      .replaceAll('eth0', 'wire');
    return ['env', `PATH=${this.#within('bin')}:${ENV.PATH}`, 'bash', '-euo', 'pipefail', '-c', here];
  }

  #within(path: string): string {
    return join(this.#lab.folder, path);
  }
}
