import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { mmdbOf } from '../tools/report/mmdb.ts';
import { fileWith, knocktail } from './terminal.ts';

const CONFIG = 'fixtures/explain/knock.yaml';
const LOG = 'fixtures/explain/kern.log';

const DOOR = fileWith(`
log: { prefix: "KNOCK: " }
doors:
  ssh: { sequence: [7000, 8000, 9000], seq_timeout: 5s, open: { port: 22, for: 30s } }
`);

function line(second: number, dpt: number, { tag = 'kernel:', prefix = 'KNOCK: ' } = {}): string {
  const packet = `SRC=192.0.2.7 DST=192.0.2.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=${dpt} PROTO=TCP SPT=40000 DPT=${dpt} WINDOW=64240 RES=0x00 SYN URGP=0 `;
  return `2026-11-21T00:00:${String(second).padStart(2, '0')}.000000+00:00 vm ${tag} [${100 + second}.000000] ${prefix}IN=eth0 OUT= ${packet}\n`;
}

const report = async (argv: readonly string[], stdin = '') => {
  const { objects, ...ran } = await knocktail(['report', '--json', ...argv], stdin);
  return { ...ran, told: objects[0] ?? {} };
};

function fileOf(bytes: Uint8Array, name = 'kern.log.gz'): string {
  const path = fileWith('', name);
  writeFileSync(path, bytes);
  return path;
}

describe('knocktail report', () => {
  it('counts what the kernel wrote, whatever the prefix, and what it did not', async () => {
    const log = line(1, 22) + line(2, 22, { prefix: 'UFW ' }) + line(3, 80, { tag: 'app:' });
    const { code, told } = await report(['-'], log);
    expect(code).toBe(0);
    expect(told).toMatchObject({
      logs: ['-'],
      prefix: null,
      packets: 2,
      untrusted: 1,
      from: '2026-11-21T00:00:01.000000Z',
      to: '2026-11-21T00:00:02.000000Z',
      ports: { distinct: 1, isExact: true, top: [{ port: 22, proto: 'tcp', service: 'ssh', packets: 2 }] },
      sources: { top: [{ source: '192.0.2.7', packets: 2 }] },
      protocols: { top: [{ proto: 'tcp', packets: 2 }] },
      interfaces: { top: [{ in: 'eth0', packets: 2 }] },
      prefixes: {
        top: [
          { prefix: 'KNOCK: ', packets: 1 },
          { prefix: 'UFW ', packets: 1 },
        ],
      },
      timeline: {
        stepSeconds: 1,
        stretches: [
          { time: '2026-11-21T00:00:01.000000Z', packets: 1 },
          { time: '2026-11-21T00:00:02.000000Z', packets: 1 },
        ],
      },
    });
    expect(told['hours']).toEqual([2, ...Array(23).fill(0)]);
    expect(told).not.toHaveProperty('doors');
  });

  it('counts one prefix alone when it is told which', async () => {
    const log = line(1, 22) + line(2, 22, { prefix: 'UFW ' });
    expect((await report(['--prefix', 'UFW ', '-'], log)).told).toMatchObject({ prefix: 'UFW ', packets: 1 });
  });

  it('finds the packets that parse finds', async () => {
    const log = 'fixtures/loglines/kernel-made.log';
    const parsed = (await knocktail(['parse', '--json', log])).objects;
    const { told } = await report([log]);
    expect(told['packets']).toBe(parsed.filter(({ trusted }) => trusted !== false).length);
    expect(told['untrusted']).toBe(parsed.filter(({ trusted }) => trusted === false).length);
  });

  it('tells of doors what replay tells, where a configuration is given', async () => {
    const folder = 'fixtures/conformance/public';
    const given = ['-c', `${folder}/knockd.conf`, '--prefix', 'KNOCK: '];
    const replayed = (await knocktail(['replay', ...given, '--json', `${folder}/kern.log`])).objects;
    const { told } = await report([...given, `${folder}/kern.log`]);
    const doors = told['doors'] as { door: string; openings: number }[];
    const openings = doors.flatMap(({ door, openings: count }) => Array<string>(count).fill(door));
    const replayedDoors = replayed.filter(({ event }) => event === 'open').map(({ door }) => String(door));
    expect(replayedDoors.length).toBeGreaterThan(0);
    expect(openings.sort()).toEqual(replayedDoors.sort());
  });

  it('counts near misses', async () => {
    const { stdout } = await knocktail(['report', '-c', CONFIG, LOG]);
    expect(stdout).toContain('\nDoors\n  door ');
    expect(stdout).toMatch(/^ {2}ssh +\d+ +[1-9]/m);
  });

  it('reads several logs from the oldest on, whatever their order, and those of gzip', async () => {
    const oldest = fileOf(gzipSync(line(1, 7000)));
    const older = fileWith(line(2, 8000), 'kern.log.1');
    const empty = fileWith('nothing\n', 'kern.log.3');
    const { told } = await report(['-c', DOOR, '-', older, empty, oldest], line(3, 9000));
    expect(told).toMatchObject({ packets: 3, doors: [{ door: 'ssh', openings: 1 }] });
  });

  it('takes all of a pipe, as a shell makes them', async () => {
    const pipe = fileOf(Buffer.alloc(0), 'pipe');
    unlinkSync(pipe);
    execFileSync('mkfifo', [pipe], { timeout: 5_000 });
    const written = writeFile(pipe, line(1, 22) + line(2, 22));
    expect((await report([pipe, fileWith(line(3, 22), 'kern.log')])).told).toMatchObject({ packets: 3 });
    await written;
  });

  it('reads a last line without an end', async () => {
    const path = fileWith(line(1, 22).trimEnd(), 'kern.log');
    expect((await report([path])).told).toMatchObject({ packets: 1 });
  });

  it('reads a stretch of gzip after another, as cat puts them together', async () => {
    const packed = fileOf(Buffer.concat([gzipSync(line(1, 1)), gzipSync(line(2, 2))]));
    expect((await report([packed])).told).toMatchObject({ packets: 2 });
  });

  it('exits with 65 where what gzip has packed is cut off or damaged', async () => {
    const packed = gzipSync(readFileSync(LOG));
    for (const damaged of [
      packed.subarray(0, packed.length / 2),
      Buffer.concat([packed.subarray(0, 20), Buffer.alloc(40, 0xff), packed.subarray(60)]),
    ]) {
      const path = fileOf(damaged);
      const { code, stderr } = await report([path]);
      expect([code, stderr]).toEqual([65, expect.stringContaining(`${path}: is damaged`)]);
    }
  });

  it('tells as many of each kind as it is asked for', async () => {
    const log = [1, 2, 3, 4].map((port) => line(port, port)).join('');
    const { told } = await report(['--top', '2', '-'], log);
    expect(told).toMatchObject({ ports: { distinct: 4, top: [{}, {}] } });
  });

  it('tells countries by a database of them', async () => {
    const geo = fileOf(mmdbOf({ '192.0.2.0/25': { country: { iso_code: 'DE' } } }), 'country.mmdb');
    const { told } = await report(['--geo', geo, '-'], line(1, 22));
    expect(told).toMatchObject({
      sources: { top: [{ source: '192.0.2.7', country: 'DE', packets: 1 }] },
      countries: { top: [{ country: 'DE', packets: 1 }] },
    });
    const { stdout } = await knocktail(['report', '--geo', geo, '-'], line(1, 22));
    expect(stdout).toMatch(
      /192\.0\.2\.7 {2}Germany {2}1 100\.0 %[\s\S]*Countries\n {2}Germany {2}1 100\.0 %/,
    );
    const none = await knocktail(['report', '--geo', LOG, '-'], line(1, 22));
    expect([none.code, none.stderr]).toEqual([65, expect.stringContaining('is not a database')]);
    expect((await knocktail(['report', '--geo', '/nonexistent.mmdb', '-'])).code).toBe(66);
  });

  it('writes a page, and nothing else unless it is asked to', async () => {
    const path = fileOf(Buffer.from('before'), 'report.html');
    const { code, stdout, stderr } = await knocktail(['report', '--html', path, '-'], line(1, 22));
    expect([code, stdout, stderr]).toEqual([0, '', expect.stringMatching(/report\.html: \d+ KB\n$/)]);
    const page = readFileSync(path, 'utf8');
    expect(page).toMatch(/^<!doctype html>[\s\S]*<title>00:00 to 00:59: 1<\/title>[\s\S]*<\/html>\n$/);
    const style = page.match(/<style>([\s\S]*)<\/style>/)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(`style-src &#39;sha256-${hash}&#39;`);
    expect((await report(['--html', path, '-'], line(1, 22))).told).toMatchObject({ packets: 1 });
    const nowhere = await knocktail(['report', '--html', '/nonexistent/report.html', LOG]);
    expect([nowhere.code, nowhere.stderr]).toEqual([
      73,
      expect.stringContaining('cannot be written (ENOENT), make its folder first'),
    ]);
  });

  it('exits with 1 where no line counts, 66 without a log, 64 for a wrong count', async () => {
    expect(await knocktail(['report', '-'], 'nothing\n')).toMatchObject({
      code: 1,
      stdout: '0 packets in -\n',
    });
    expect((await knocktail(['report', '/nonexistent.log'])).code).toBe(66);
    expect((await knocktail(['report', '--top', '0', LOG])).code).toBe(64);
    expect((await knocktail(['report'])).code).toBe(64);
  });
});
