import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import { SyslogSink } from '../../../src/telemetry/sink/syslog.ts';
import { scratchFolder } from '../../lab/scratch-folder.ts';
import { linesOf, until } from '../../lab.ts';

vi.mock('node:child_process', async (original) => {
  const real = await original<typeof import('node:child_process')>();
  return { ...real, spawn: vi.fn(real.spawn) };
});

let folder: string;
let told: string[];
beforeEach(() => {
  folder = scratchFolder();
  told = [];
});

/** A program in the place of logger. */
function logger(script: string): string {
  const path = join(folder, 'logger');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}
const complain = (text: string): void => void told.push(text);

/** Calls back while this process can have no descriptor more. */
function withoutDescriptors(act: () => void): void {
  const prlimit = (limit: string) =>
    execFileSync('prlimit', ['--pid', String(process.pid), ...limit.split(' ')], { encoding: 'utf8' });
  const before = prlimit('--nofile --output SOFT --noheadings --raw').trim();
  prlimit(`--nofile=${readdirSync('/proc/self/fd').length + 32}:`);
  const held: number[] = [];
  try {
    expect(() => {
      for (;;) held.push(openSync('/dev/null', 'r'));
    }).toThrow('EMFILE');
    act();
  } finally {
    for (const fd of held) closeSync(fd);
    prlimit(`--nofile=${before}:`);
  }
}

it('one logger takes all lines, with the tag and priority of knockd', async () => {
  const sink = new SyslogSink(
    'knockd',
    complain,
    logger(`echo "$@" >> ${folder}/argv; cat > ${folder}/lines`),
  );
  sink.write('info', '10.0.0.7: ssh: Stage 1');
  sink.write('warn', 'careful');
  await sink.close();
  expect(readFileSync(`${folder}/argv`, 'utf8')).toBe('-t knockd -p daemon.notice\n');
  expect(readFileSync(`${folder}/lines`, 'utf8')).toBe('10.0.0.7: ssh: Stage 1\nwarning: careful\n');
  expect(told).toEqual([]);
});

it('a logger that ends is told, lines are counted, and another is started after a while', async () => {
  const sink = new SyslogSink('knockd', complain, logger(`read line; echo "$line" >> ${folder}/lines`));
  sink.write('info', 'one');
  await until(() => told.length > 0, 'the end of logger');
  expect(told).toEqual(['logger has ended (status 0), lines are lost']);
  sink.write('info', 'two');
  const later = performance.now() + 60_000;
  vi.spyOn(performance, 'now').mockImplementation(() => later);
  sink.write('info', 'three');
  vi.restoreAllMocks();
  await until(() => linesOf(`${folder}/lines`).length === 2, 'the next line');
  expect(linesOf(`${folder}/lines`)).toEqual(['one', '1 lines were lost here']);
  await sink.close();
});

it('a logger that is missing or complains is told', async () => {
  const missing = new SyslogSink('knockd', complain, join(folder, 'nothing'));
  missing.write('info', 'one');
  await until(() => told.length > 0, 'a complaint');
  expect(told[0]).toMatch(/^syslog cannot be told: spawn .*nothing ENOENT/);
  await missing.close();
  told = [];
  const sink = new SyslogSink('knockd', complain, logger('echo no socket >&2; cat > /dev/null'));
  await until(() => told.length > 0, 'a complaint');
  expect(told).toEqual(['logger: no socket']);
  await sink.close();
});

it.each([
  ['descriptor', 'EMFILE', withoutDescriptors],
  [
    'memory',
    'ENOMEM',
    (act: () => void) => {
      vi.mocked(spawn).mockImplementationOnce(() => {
        throw new Error('spawn ENOMEM');
      });
      act();
    },
  ],
])('a logger for which there is no %s is told, and tried again after a while', async (_, why, without) => {
  const sink = new SyslogSink('knockd', complain, logger(`read line; echo "$line" >> ${folder}/lines`));
  sink.write('info', 'one');
  await until(() => told.length > 0, 'the end of logger');
  const clock = vi.spyOn(performance, 'now');
  const later = performance.now() + 60_000;
  clock.mockReturnValue(later);
  without(() => {
    sink.write('info', 'two');
    sink.write('info', 'three');
  });
  await until(() => told.length > 1, 'a complaint');
  expect(told.filter((text) => text.startsWith('syslog'))).toEqual([
    expect.stringMatching(`^syslog cannot be told: spawn .*${why}`),
  ]);
  clock.mockReturnValue(later + 60_000);
  sink.write('info', 'four');
  clock.mockRestore();
  await until(() => linesOf(`${folder}/lines`).length === 2, 'the next line');
  expect(linesOf(`${folder}/lines`)).toEqual(['one', '2 lines were lost here']);
  await sink.close();
});
