/** What a service tells a real journal -> how grave the journal takes it to be, and what fail2ban finds there. */

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from './lab/describe.ts';
import { ENV } from './lab/needs.ts';
import { removeFolder } from './lab/remove-folder.ts';
import { linesOf } from './lab.ts';

const UNIT = readFileSync('deploy/knocktail.service', 'utf8');
/** By systemd.exec(5) the name of the program that is started, where the unit does not say another. */
const IDENTIFIER =
  /^SyslogIdentifier=(.*)$/m.exec(UNIT)?.[1] ?? basename(/^ExecStart=(\S+)/m.exec(UNIT)?.[1] ?? '');
const NEAR_MISSES = [
  '192.0.2.7: near miss: ssh: 2 of 3 steps',
  '192.0.2.8: near miss: ssh: touched a trap',
  '192.0.2.9: near miss: port sweep',
];

describeWith(
  ['root', 'unshare', 'journald', 'fail2ban', 'python3-systemd'],
  'a service in the journal',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
    const at = (name: string): string => join(folder, name);
    const entriesOf = (name: string): readonly Record<string, string>[] =>
      linesOf(at(name)).map((line) => JSON.parse(line));

    beforeAll(() => {
      // An opening without an end is warned of.
      const door = 'ssh: { sequence: [4438, 1813, 8235], trap: [6666], open: { port: 22 } }';
      const settings = `log: { from: stdin }\nstate: ${at('state')}\nfirewall: { backend: dry-run }`;
      writeFileSync(at('knock.yaml'), `${settings}\ndoors: { ${door} }\n`);
      const sweep = Array.from({ length: 10 }, (_, index) => index + 1);
      writeFileSync(
        at('kern.log'),
        [
          linesFrom('192.0.2.7', 40_000, 4438, 1813),
          // By its next packet, the time of its attempt is over.
          linesFrom('192.0.2.7', 0, 4438),
          linesFrom('192.0.2.8', 0, 6666),
          linesFrom('192.0.2.9', 0, ...sweep),
        ].join(''),
      );
      for (const [from, to] of [
        ['deploy/fail2ban/knocktail.conf', 'knocktail.conf'],
        ['/etc/fail2ban/filter.d/common.conf', 'common.conf'],
      ] as const) {
        copyFileSync(from, at(to));
      }
      // JOURNAL_STREAM is what systemd would set.
      const service = 'exec 3>&1; JOURNAL_STREAM=$(stat -Lc %d:%i - <&3) exec "$@"';
      const script = `
      for format in text json; do
        systemd-cat -t "$1" sh -c '${service}' sh "$2" "$3" run -c knock.yaml --log-format $format < kern.log
      done
      journalctl --sync
      journalctl -t "$1" -o json > all
      journalctl -t "$1" -o json -p warning > warnings
      fail2ban-regex -m "SYSLOG_IDENTIFIER=$1" --print-all-matched --print-no-missed systemd-journal ./knocktail.conf > found`;
      const inside = ['sh', '-c', script, 'sh', IDENTIFIER, process.execPath, resolve('dist/main.js')];
      const argv = ['-m', '-p', '-f', '--kill-child', resolve('test/lab/journal.sh'), ...inside];
      const ran = spawnSync('unshare', argv, { cwd: folder, env: ENV, encoding: 'utf8', timeout: 60_000 });
      expect(ran.status, ran.stderr).toBe(0);
    }, 90_000);
    afterAll(() => removeFolder(folder));

    it('is known by its own name, not by that of Node', () => expect(IDENTIFIER).toBe('knocktail'));

    it('has warnings and events of their own priority, in text and in JSON', () => {
      const told = entriesOf('all').map(({ PRIORITY, MESSAGE }) => [PRIORITY, MESSAGE]);
      for (const line of NEAR_MISSES) {
        expect(told).toContainEqual(['6', line]);
        expect(told).toContainEqual(['6', expect.stringContaining(`"message":"${line}"`)]);
      }
      expect(told).toContainEqual(['4', expect.stringMatching(/^warning: door ssh: open: has no for:/)]);
      expect(told).toContainEqual([
        '4',
        expect.stringMatching(/"level":"warn","message":"door ssh: open: has/),
      ]);
    });

    it('shows warnings alone to whoever asks for them', () => {
      const warnings = entriesOf('warnings').map(({ MESSAGE }) => MESSAGE);
      expect(warnings.length).toBeGreaterThan(1);
      expect(warnings.filter((line) => !/^warning: |"level":"warn"/.test(line ?? ''))).toEqual([]);
    });

    it('is read by fail2ban, which finds each near miss and nothing else', () => {
      const found = readFileSync(at('found'), 'utf8').matchAll(/^\| {2}\S+ \S+ knocktail\[\d+\]: (.*)$/gm);
      expect([...found].map(([, line]) => line)).toEqual(NEAR_MISSES);
    });
  },
);

/** A SYN of this source at each port, as the kernel logs it at this moment. */
/** @param agoMs how long ago they were written */
function linesFrom(source: string, agoMs: number, ...ports: readonly number[]): string {
  const stamp = new Date(Date.now() - agoMs).toISOString().replace('Z', '000+00:00');
  return ports
    .map((port, index) => {
      const packet = `SRC=${source} DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${index} PROTO=TCP SPT=${1_024 + index} DPT=${port}`;
      return `${stamp} vm kernel: KNOCK IN=eth0 OUT= MAC= ${packet} WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
    })
    .join('');
}
