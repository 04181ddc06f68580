/** Which log explain, replay and parse read, and what they say of one without lines. */

import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fileWith, knocktail } from './terminal.ts';

const DOORS = 'doors: { ssh: { sequence: [7000, 8000, 9000], open: { port: 22, for: 30s } } }\n';
const line = (agoMs: number, port: number, tag = 'kernel:'): string => {
  const stamp = new Date(Date.now() - agoMs).toISOString().replace('Z', '000+00:00');
  return `${stamp} vm ${tag} KNOCK IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=4000 DPT=${port} WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
};
const TEN_YEARS_MS = 10 * 365 * 86_400_000;

/** A configuration, and the path of its log. */
function configured(log: string): readonly [config: string, path: string] {
  const path = fileWith(log, 'kern.log');
  return [fileWith(`log: { path: ${path} }\n${DOORS}`), path];
}

describe.each(['explain', 'replay'])('%s without a file', (command) => {
  it('reads the configured log since boot, and says which, where nothing is piped in', async () => {
    const [config, path] = configured(line(TEN_YEARS_MS, 8000) + line(0, 7000));
    const { code, stderr, objects } = await knocktail([command, '-c', config, '--json'], { isPiped: false });
    expect([code, stderr]).toEqual([0, `reading ${path} since boot (the configured log)\n`]);
    expect(objects[0]).toMatchObject({ door: 'ssh', stage: 1 });
    expect(objects.filter(({ time }) => String(time) < '2020')).toEqual([]);
  });

  it('reads what is piped in, and says so', async () => {
    const [config] = configured('');
    const { code, stderr } = await knocktail([command, '-c', config], line(0, 7000));
    expect([code, stderr]).toEqual([0, 'reading stdin\n']);
  });

  it('is refused where the configured log is stdin and nothing is piped in', async () => {
    const config = fileWith(`log: { from: stdin }\n${DOORS}`);
    expect(await knocktail([command, '-c', config], { isPiped: false })).toMatchObject({
      code: 64,
      stderr: 'no log is named, and the configured one is stdin, name a log file, or pipe one in\n',
    });
  });
});

it('parse, which has no configuration, says that auto chose the log', async () => {
  const { stderr } = await knocktail(['parse'], { isPiped: false });
  // A container may have no log at all.
  expect(stderr).toMatch(/since boot \(chosen by auto\)\n|no log of the kernel/);
});

it.each([
  ['explain', 'stdout'],
  ['replay', 'stderr'],
  ['report', 'stderr'],
  ['parse', 'stderr'],
] as const)('%s says of an empty log that it is empty, and no more', async (command, stream) => {
  const [config, path] = configured('');
  const ran = await knocktail([command, ...(command === 'parse' ? [] : ['-c', config]), path]);
  expect(ran.code).toBe(1);
  expect(ran[stream]).toContain(`0 lines read: ${path} is empty\n`);
  expect(ran.stdout + ran.stderr).not.toMatch(/no line counts|no line holds/);
});

it.each([
  ['explain', 'stdout'],
  ['replay', 'stderr'],
  ['report', 'stderr'],
  ['parse', 'stderr'],
] as const)('%s says how lines are read that are not believed', async (command, stream) => {
  const [config, path] = configured(line(0, 7000, 'shipper:'));
  const ran = await knocktail([command, ...(command === 'parse' ? [] : ['-c', config]), path]);
  expect(ran[stream]).toContain('--format any');
  expect(ran[stream]).toContain('journalctl -k -o short-iso-precise');
});

it.each(['explain', 'replay', 'report', 'parse'])('%s does not read what never ends', async (command) => {
  const [config] = configured('');
  for (const [path, what] of [
    ['/dev/zero', 'is a device, name a log file, or - for stdin'],
    ['/proc/kmsg', 'is for the syslog daemon, name /dev/kmsg instead'],
  ] as const) {
    const argv = [command, ...(command === 'parse' ? [] : ['-c', config]), path];
    expect(await knocktail(argv)).toMatchObject({ code: 74, stderr: `${path}: ${what}\n` });
  }
});

it('parse follows files alone', async () => {
  expect(await knocktail(['parse', '--follow', '/dev/null'])).toMatchObject({
    code: 74,
    stderr: '/dev/null: is not a file, and cannot be followed, name a log file after --follow\n',
  });
});

it('a log of dmesg is read with --format any', async () => {
  const [config] = configured('');
  const log = fileWith('', 'dmesg');
  const uptime = process.uptime() + 1;
  const body = line(0, 7000).replace(/^.*kernel: /, '');
  writeFileSync(log, `[${uptime.toFixed(6).padStart(12)}] ${body}`);
  const { code, stdout } = await knocktail(['explain', '-c', config, '--format', 'any', log]);
  expect(code).toBe(0);
  expect(stdout).toContain('7000/tcp is step 1 of 3');
});
