/** The daemon with thousands of openings that end in the same second. */

import { appendFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from './lab/describe.ts';
import { Lab, until } from './lab.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const MANY = 9_000;
const ALONE = 20;
const PORTS = [4438, 1813, 8235];
/** From the making of the openings to their end, in which the daemon starts. */
const LASTS_S = 12;

interface Knock {
  readonly source: string;
  readonly begunAt: number;
}

for (const backend of ['nft', 'legacy'] as const) {
  describeWith(
    ['root', 'ip', backend, 'nftables'],
    `thousands of openings that end, through ${backend}`,
    () => {
      let lab: Lab;
      beforeEach(() => {
        lab = new Lab();
      });
      afterEach(() => lab.close());

      it('do not keep a knock from opening, and are all removed', { timeout: 180_000 }, async () => {
        const config = join(lab.folder, 'knock.yaml');
        const sequence = `sequence: [${PORTS}], seq_timeout: 5s, tcpflags: [syn]`;
        writeFileSync(lab.log, '');
        writeFileSync(
          config,
          `log: { from: file, path: ${lab.log}, prefix: "${lab.prefix}" }
state: state
firewall: { iptables: ${backend} }
doors:
  ssh: { ${sequence}, open: { port: 22, for: 600s } }
`,
        );
        const end = Math.ceil(Date.now() / 1000) + LASTS_S;
        const rules = join(lab.folder, 'rules');
        writeFileSync(rules, rulesUntil(end));
        const restore = join(dirname(lab.iptables(backend)), 'iptables-restore');
        expect(await lab.exec('server', [restore, '--noflush', rules])).toMatchObject({ status: 0 });

        const openedAt = new Map<string, number>();
        let closed = 0;
        let said = '';
        const daemon = lab.spawn('server', [process.execPath, MAIN, 'run', '-c', config]);
        let rest = '';
        daemon.stdout?.on('data', (text) => {
          const lines = `${rest}${text}`.split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            const source = /ssh: opened 22\/tcp for (10\.2\.\d+\.\d+) /.exec(line)?.[1];
            if (source !== undefined) openedAt.set(source, performance.now());
            if (line.includes('ssh: closed 22/tcp for ')) closed++;
            else said += `${line}\n`;
          }
        });
        await until(() => / ready: /.test(said), 'the daemon to be ready');
        expect(Date.now()).toBeLessThan(end * 1000);
        await sleep(end * 1000 - Date.now() + 100);

        const during = await knocks(0, () => closed < MANY);
        await until(() => closed === MANY, `all to be removed, not ${closed} of them:\n${said}`);
        const alone = await knocks(during.length, (count) => count < ALONE);
        const all = [...during, ...alone];
        await until(() => openedAt.size === all.length, `${all.length} knocks to open, not ${openedAt.size}`);
        const delays = (knocks: readonly Knock[]) =>
          knocks.map(({ source, begunAt }) => (openedAt.get(source) ?? 0) - begunAt).sort((a, b) => a - b);
        // It was thousands of times as long where all of them were compared one with the other.
        expect(p95(delays(during)) / p95(delays(alone))).toBeLessThan(100);
        const { stdout } = await lab.exec('server', [lab.iptables(backend), '-w', '-S', 'KNOCKD']);
        const left = stdout.split('\n').filter((line) => line.startsWith('-A'));
        expect(left).toHaveLength(all.length);
        expect(said).not.toContain('was not closed');
      });

      /** Knocks from an address of its own, ten times a second. */
      async function knocks(from: number, goesOn: (count: number) => boolean): Promise<readonly Knock[]> {
        const made: Knock[] = [];
        for (const begun = Date.now(); goesOn(made.length) && Date.now() - begun < 90_000; await sleep(100)) {
          const number = from + made.length;
          const source = `10.2.${number >> 8}.${number & 255}`;
          made.push({ source, begunAt: performance.now() });
          appendFileSync(lab.log, PORTS.map((port) => lineOf(source, port)).join(''));
        }
        return made;
      }

      function lineOf(source: string, port: number): string {
        const head = `${new Date().toISOString()} host kernel: ${lab.prefix}IN=eth0 OUT= MAC= SRC=${source} DST=10.77.0.1`;
        const length = 'LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF';
        return `${head} ${length} PROTO=TCP SPT=40000 DPT=${port} WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
      }
    },
  );
}

function rulesUntil(end: number): string {
  const stop = new Date((end - 1) * 1000).toISOString().slice(0, '2026-11-20T23:53:36'.length);
  const rules = Array.from({ length: MANY }, (_, at) => {
    const comment = `-m comment --comment "knocktail:ssh until=${end}" -m time --datestop ${stop}`;
    return `-I KNOCKD 1 -s 10.1.${at >> 8}.${at & 255}/32 -p tcp -m tcp --dport 22 ${comment} -j ACCEPT`;
  });
  return ['*filter', ':KNOCKD - [0:0]', ...rules, 'COMMIT', ''].join('\n');
}

function p95(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
}
