/** Real sweeps of all ports through real rules: none opens a door, and a knock does. */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from './lab/describe.ts';
import { ENV, PYTHON } from './lab/needs.ts';
import { CLIENT, Lab, SERVER, until } from './lab.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const SWEEP = fileURLToPath(new URL('./lab/sweep.py', import.meta.url));
/** In all; each takes some seconds. */
const SWEEPS = Number(process.env['KNOCKTAIL_SWEEPS'] ?? 10);
/** Packets to one closed port, ahead of all others and with each of them. */
const RHYTHMS = [
  [0, 0],
  [60, 0],
  [0, 1],
  [60, 1],
] as const;

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(() => lab.close());

async function server(...argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await lab.exec('server', argv);
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return stdout;
}

/** A door as `init` makes it, the rules of --apply, and a daemon. */
async function served(guard: number) {
  const config = join(lab.folder, 'knock.yaml');
  await server(process.execPath, MAIN, 'init', '-c', config);
  const text = readFileSync(config, 'utf8')
    .replace('from: auto ', 'from: kmsg ')
    .replace('"KNOCK "', `"${lab.prefix}"`)
    .replace('sweep_guard: 8', `sweep_guard: ${guard}`)
    .replace('/var/lib/knocktail', join(lab.folder, 'state'));
  writeFileSync(config, text);
  const [, sequence = ''] = /sequence: \[(.*?)\]/.exec(text) ?? [];
  const steps = sequence.split(', ').map((step) => (step.includes(':') ? step : `${step}:tcp`));
  // What is left of a sweep is not to fill the table of connections for the next one.
  for (const name of ['udp_timeout', 'tcp_timeout_close'])
    await server('sysctl', '-q', '-w', `net.netfilter.nf_conntrack_${name}=1`);
  await server(process.execPath, MAIN, 'rules', '-c', config, '--apply');
  const daemon = lab.spawn('server', [process.execPath, MAIN, 'run', '-c', config]);
  let said = '';
  for (const stream of [daemon.stdout, daemon.stderr]) stream?.on('data', (text) => (said += text));
  await until(() => / ready: /.test(said), 'a daemon that is ready');
  return { steps, opened: () => said.match(/opened 22\/tcp for /g)?.length ?? 0, said: () => said };
}

/**
 * Sweeps once for each of the rhythms.
 *
 * @param source an address, or an IPv6 network
 * @returns packets a second
 */
async function sweep(
  steps: readonly string[],
  source: string,
  rhythms: readonly (readonly [number, number])[],
  swept: () => void,
): Promise<number> {
  const to = source.includes(':') ? SERVER.v6 : SERVER.v4;
  const link = execFileSync('ip', ['-n', lab.namespace('server'), '-br', 'link', 'show', 'dev', 'wire'], {
    env: ENV,
    encoding: 'utf8',
  });
  const [mac = ''] = /(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/.exec(link) ?? [];
  const named = steps.map((step) => step.replace(':', '/'));
  const sender = lab.spawn('client', [PYTHON, SWEEP, 'wire', mac, source, to, ...named]);
  sender.stderr?.pipe(process.stderr);
  let said = '';
  sender.stdout?.on('data', (text) => (said += text));
  for (const [index, [first, decoys]] of rhythms.entries()) {
    sender.stdin?.write(`${first} ${decoys}\n`);
    await until(() => said.split('\n').length > index + 1, `sweep ${index} to end`, 60_000);
    swept();
  }
  sender.stdin?.end();
  const sums = said
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  const sum = (column: number) => sums.reduce((total, each) => total + (each[column] ?? 0), 0);
  return sum(0) / sum(1);
}

const SETUPS = {
  'that drops all but what is let in': ['-p tcp -j DROP', '-p udp -j DROP'],
  'that lets in all but port 22': ['-p tcp --dport 22 -j DROP'],
};

describeWith(['root', 'ip', 'iptables', 'kernel log', 'knock', 'python3'], 'sweeps of all ports', () => {
  async function firewall(rules: readonly string[]): Promise<void> {
    for (const tool of ['iptables', 'ip6tables'])
      for (const rule of rules) await server(tool, '-w', '-A', 'INPUT', ...rule.split(' '));
  }

  it.each(Object.entries(SETUPS))(
    'in the order of the knock open no door of a firewall %s, from an address or from a network of IPv6',
    async (_, rules) => {
      await firewall(rules);
      const { steps, opened, said } = await served(8);
      const rhythms = Array.from(
        { length: SWEEPS / 2 },
        (_, index): readonly [number, number] => RHYTHMS[index % RHYTHMS.length] ?? [0, 0],
      );
      const most = Math.ceil((rhythms.length * 4) / 5);
      const unopened = () => expect(opened(), said()).toBe(0);
      const rate = await sweep(steps, CLIENT.v4, rhythms.slice(0, most), unopened);
      const rate6 = await sweep(steps, 'fd77::/64', rhythms.slice(most), unopened);
      expect(said()).toContain('port sweep');
      process.stdout.write(
        `${rhythms.length} sweeps, at ${Math.round(rate)} packets/s, over IPv6 ${Math.round(rate6)}; ${opened()} opened\n`,
      );
      // Of another client, who has swept nothing.
      await lab.exec('client', ['ip', 'addr', 'del', `${CLIENT.v4}/24`, 'dev', 'wire']);
      await lab.exec('client', ['ip', 'addr', 'add', '10.77.0.100/24', 'dev', 'wire']);
      await lab.exec('client', ['knock', '-d', '50', SERVER.v4, ...steps]);
      await until(() => opened() === 1, `an opening in:\n${said()}`);
    },
    120_000 + SWEEPS * 20_000,
  );

  it('open it where they are not guarded against', async () => {
    await firewall(SETUPS['that drops all but what is let in']);
    const { steps, opened, said } = await served(0);
    await sweep(
      steps,
      CLIENT.v4,
      [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      () => undefined,
    );
    await until(() => opened() > 0, `an opening in:\n${said()}`, 5_000).catch(() => undefined);
    expect(opened(), said()).toBeGreaterThan(0);
  });
});
