/** The daemon killed at any moment around real openings: no rule outlives its end. */

import { once } from 'node:events';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describeWith } from './lab/describe.ts';
import { Lab, until } from './lab.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const KILLS = Number(process.env['KNOCKTAIL_KILLS'] ?? 16) / 2;
const PER_KILL_LIMIT_MS = 5_000;
const LONGEST_LIFE_MS = 600;
/** From its end to when a daemon that runs has taken a rule away. */
const GRACE_S = 2;

describeWith(['root', 'ip', 'nft', 'legacy', 'kernel log'], 'killed beside real rules', () => {
  describe.each(['nft', 'legacy'] as const)('of iptables-%s', (backend) => {
    it(
      `${KILLS} times`,
      async () => {
        const lab = new Lab();
        try {
          const ran = join(lab.folder, 'ran');
          const config = join(lab.folder, 'knock.yaml');
          const say = (what: string) => `echo ${what} %IP% >> ${ran}`;
          writeFileSync(ran, '');
          writeFileSync(lab.log, '');
          writeFileSync(
            config,
            `log: { path: ${lab.log} }\nstate: state\nfirewall: { iptables: ${lab.iptables(backend)} }\nsweep_guard: 0\ndoors:
  brief: { sequence: [4001], open: { port: 22, for: 1s } }
  long: { sequence: [4002], open: { port: 23, for: 2s } }
  shut: { sequence: [4003], close: long }
  both: { sequence: [4004], open: { port: 24, for: 1s }, cmd_timeout: 500ms, start_command: "${say('start')}", stop_command: "${say('stop')}" }\n`,
          );
          const start = async () => {
            const daemon = lab.spawn('server', [process.execPath, MAIN, 'run', '-c', config]);
            let said = '';
            for (const stream of [daemon.stdout, daemon.stderr]) stream?.on('data', (text) => (said += text));
            await until(() => /\bready: /.test(said), `ready in: ${said}`);
            return daemon;
          };
          const overdue = async () => {
            const rules: string[] = [];
            for (const tool of ['iptables', 'ip6tables']) {
              const { stdout } = await lab.exec('server', [`${tool}-${backend}`, '-w', '-S', 'KNOCKD']);
              rules.push(...stdout.split('\n').filter((line) => line.startsWith('-A')));
            }
            const isOver = (rule: string) =>
              Number(/until=(\d+)/.exec(rule)?.[1]) < Date.now() / 1000 - GRACE_S;
            return { standing: rules.length, over: rules.filter(isOver) };
          };
          let knocks = 0;
          const knocking = setInterval(() => {
            knocks++;
            // A few sources come again and again, so that doors are extended and closed.
            const [source, port] = [knocks % 12, 4001 + ((knocks >> 2) % 4)];
            appendFileSync(
              lab.log,
              line(source % 2 === 0 ? `10.9.0.${source}` : `fd00::${source}`, port, knocks),
            );
          }, 20);
          const over: string[] = [];
          for (let kill = 0; kill < KILLS; kill++) {
            const daemon = await start();
            const lifeMs = Math.random() * LONGEST_LIFE_MS;
            await sleep(lifeMs);
            over.push(...(await overdue()).over);
            const ended = once(daemon, 'exit');
            daemon.kill('SIGKILL');
            await ended;
          }
          clearInterval(knocking);
          const last = await start();
          await until(async () => (await overdue()).standing === 0, 'an empty chain');
          const counts = () => {
            const lines = readFileSync(ran, 'utf8').split('\n');
            return ['start', 'stop'].map((what) => lines.filter((each) => each.startsWith(what)).length);
          };
          await until(() => counts()[0] === counts()[1], 'as many stop as start commands');
          expect(over).toEqual([]);
          expect(counts()[0]).toBeGreaterThan(0);
          console.info(
            `${backend}: ${KILLS} kills, ${knocks} knocks, ${counts().join(' start and ')} stop commands`,
          );
          last.kill('SIGTERM');
        } finally {
          await lab.close();
        }
      },
      60_000 + KILLS * PER_KILL_LIMIT_MS,
    );
  });
});

function line(source: string, port: number, number: number): string {
  const head = `${new Date().toISOString()} vm kernel: KNOCK IN=eth0 OUT= MAC= `;
  const tcp = `PROTO=TCP SPT=${1024 + (number % 60_000)} DPT=${port} WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
  if (!source.includes(':'))
    return `${head}SRC=${source} DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${number % 65_536} DF ${tcp}`;
  const full = `fd00:0000:0000:0000:0000:0000:0000:${source.slice(6).padStart(4, '0')}`;
  return `${head}SRC=${full} DST=fd77:0000:0000:0000:0000:0000:0000:0001 LEN=80 TC=0 HOPLIMIT=64 FLOWLBL=0 ${tcp}`;
}
