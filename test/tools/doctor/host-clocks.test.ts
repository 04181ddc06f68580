/** The clocks of the hosts that write a log, beside that of this machine. */

import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkHostClocks, hostOffsets } from '../../../src/tools/doctor/host-clocks.ts';
import { scratchFolder } from '../../lab/scratch-folder.ts';

const NOW_MS = Date.UTC(2026, 10, 27, 12);
const S = 1_000_000;

/** A line of a host whose clock is off, written so many seconds before now. */
function line(host: string, agoS: number, offS: number, isIso = true): string {
  const stamp = new Date(NOW_MS - agoS * 1_000 + offS * 1_000);
  const [, month, day] = /^\w+, (?:0?(\d+)) (\w+)/.exec(stamp.toUTCString())?.slice(0).reverse() ?? [];
  const text = isIso
    ? stamp.toISOString().replace('Z', '000+00:00')
    : `Nov ${stamp.getUTCDate()} ${stamp.toISOString().slice(11, 19)}`;
  expect([month, day]).toBeDefined();
  return `${text} ${host} kernel: [ 1.000000] x\n`;
}

function logOf(...lines: string[]): string {
  const path = join(scratchFolder(), 'log');
  writeFileSync(path, lines.join(''));
  utimesSync(path, NOW_MS / 1_000, NOW_MS / 1_000);
  return path;
}

it('are known of each host, from the lines between', () => {
  const text = [line('a', 40, 0), line('b', 30, -7_200), line('c', 20, 90), line('a', 0, 1)].join('');
  const offsets = hostOffsets(Buffer.from(text), {
    writtenAt: NOW_MS * 1_000,
    now: NOW_MS * 1_000,
    timezone: null,
  });
  expect(offsets.map(({ host, us }) => [host, Math.round(us / S / 60)])).toEqual([
    ['a', 0],
    ['c', 1],
    ['b', -120],
  ]);
});

it('of one host that agrees are well', () => {
  expect(checkHostClocks(logOf(line('vm', 0, 0)), null, NOW_MS)).toMatchObject({ status: 'ok' });
});

it('in another zone come with the zone to set', () => {
  const path = logOf(line('vm', 0, -5 * 3_600, false));
  expect(checkHostClocks(path, null, NOW_MS)).toMatchObject({
    status: 'warn',
    detail: `${path}: the clock of vm is 5 h behind`,
    remedy: 'set log.timezone: "-05:00", or the name of its zone',
  });
  expect(checkHostClocks(path, '-05:00', NOW_MS)).toMatchObject({ status: 'ok' });
});

it('that are wrong are to be set', () => {
  expect(checkHostClocks(logOf(line('vm', 0, 77)), null, NOW_MS)).toMatchObject({
    remedy: 'set the clock of vm (timedatectl set-ntp true), or raise log.max_age',
  });
});

it('of several hosts come with a word on host:', () => {
  expect(checkHostClocks(logOf(line('a', 1, 0), line('b', 0, 0)), null, NOW_MS)).toMatchObject({
    status: 'warn',
    remedy: 'set host: in the log entry or the door to accept one host alone',
  });
});

it('of a log without times are not known', () => {
  expect(checkHostClocks(logOf('x\n'), null, NOW_MS)).toBeNull();
  expect(checkHostClocks('/nonexistent', null, NOW_MS)).toBeNull();
});
