import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fileWith, knocktail } from './terminal.ts';

const CONFIG = fileWith(`
log: { prefix: "KNOCK: " }
doors:
  ssh: { sequence: [7000, 8000, 9000], seq_timeout: 5s, tcpflags: [syn], open: { port: 22, for: 30s } }
`);

function line(second: number, uptime: string, src: string, dpt: number, before = 'vm kernel: '): string {
  const packet = `SRC=${src} DST=192.0.2.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=${dpt} PROTO=TCP SPT=40000 DPT=${dpt} WINDOW=64240 RES=0x00 SYN URGP=0 `;
  return `2026-11-21T00:00:${String(second).padStart(2, '0')}.000000+00:00 ${before}[${uptime}] KNOCK: IN=eth0 OUT= ${packet}\n`;
}

const KNOCK = [
  line(1, '  101.000001', '192.0.2.7', 7000),
  line(1, '  101.500002', '192.0.2.7', 8000),
  line(2, '  102.000003', '192.0.2.7', 9000),
].join('');

describe('knocktail replay', () => {
  it('tells stages and openings by the clock of the log', async () => {
    const { code, stdout } = await knocktail(['replay', '-c', CONFIG, fileWith(KNOCK, 'kern.log')]);
    expect([code, stdout.split('\n')]).toEqual([
      0,
      [
        '2026-11-21 00:00:01  192.0.2.7: ssh: stage 1 of 3',
        '2026-11-21 00:00:01  192.0.2.7: ssh: stage 2 of 3',
        '2026-11-21 00:00:02  192.0.2.7: ssh: stage 3 of 3',
        '2026-11-21 00:00:02  192.0.2.7: ssh: OPEN SESAME',
        '',
      ],
    ]);
  });

  it('writes one JSON object a line, from stdin too', async () => {
    const { objects } = await knocktail(['replay', '-c', CONFIG, '--json', '-'], KNOCK);
    expect(objects.at(-1)).toEqual({
      time: '2026-11-21T00:00:02.000002Z',
      event: 'open',
      door: 'ssh',
      host: 'vm',
      source: '192.0.2.7',
      stage: 3,
    });
  });

  it('tells resets and timeouts', async () => {
    const log = [
      line(1, '  101.000000', '192.0.2.7', 7000),
      line(1, '  101.100000', '192.0.2.7', 9000),
      line(2, '  102.000000', '192.0.2.7', 7000),
      line(9, '  109.000000', '192.0.2.8', 7000),
    ].join('');
    const { objects } = await knocktail(['replay', '-c', CONFIG, '--json'], log);
    expect(objects.map(({ event, stage, time }) => `${event} ${stage} ${String(time).slice(17)}`)).toEqual([
      'stage 1 01.000000Z',
      'reset 1 01.100000Z',
      'stage 1 02.000000Z',
      'timeout 1 07.000000Z',
      'stage 1 09.000000Z',
    ]);
  });

  it('believes the kernel alone', async () => {
    const forged = KNOCK.replaceAll('vm kernel: ', 'vm app: kernel: ');
    const { code, stdout, stderr } = await knocktail(['replay', '-c', CONFIG], forged);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('no line counts');
  });

  it('takes another prefix from the command line', async () => {
    const other = KNOCK.replaceAll('KNOCK: ', '[UFW BLOCK] ');
    expect((await knocktail(['replay', '-c', CONFIG], other)).code).toBe(1);
    expect((await knocktail(['replay', '-c', CONFIG, '--prefix', '[UFW BLOCK] '], other)).code).toBe(0);
  });

  it('exits with 66 without the log and for a folder', async () => {
    expect((await knocktail(['replay', '-c', CONFIG, '/nonexistent.log'])).code).toBe(66);
    expect((await knocktail(['replay', '-c', CONFIG, '/tmp'])).code).toBe(66);
  });
});

it.each(['replay', 'explain', 'report'])('%s tells that a signal has ended it', async (command) => {
  const argv = [command, '-c', CONFIG, fileWith(KNOCK, 'kern.log')];
  const words = 'ended early: this is of the part that was read';
  expect((await knocktail(argv)).stderr).not.toContain(words);
  expect((await knocktail(argv, '', AbortSignal.abort())).stderr).toContain(words);
});

describe('knocktail parse', () => {
  it('shows every line with a LOG body, numbered, and what a daemon would not count', async () => {
    const log = `nothing\n${line(1, '  1.000000', '192.0.2.7', 7000)}${line(2, '  2.000000', '2001:0db8:0000:0000:0000:0000:0000:0001', 8000).replace('DST=192.0.2.2', 'DST=2001:0db8:0000:0000:0000:0000:0000:0002').replace('kernel:', 'app:')}`;
    const { code, objects } = await knocktail(['parse', '--json'], log);
    expect(code).toBe(0);
    expect(objects).toEqual([
      {
        line: 2,
        time: '2026-11-21T00:00:01.000000Z',
        host: 'vm',
        prefix: 'KNOCK: ',
        in: 'eth0',
        out: '',
        src: '192.0.2.7',
        dst: '192.0.2.2',
        proto: 'tcp',
        spt: 40000,
        dpt: 7000,
        flags: ['SYN'],
        len: 40,
        id: 7000,
      },
      expect.objectContaining({
        line: 3,
        src: '2001:db8::1',
        dst: '2001:db8::2',
        trusted: false,
        why: 'its tag is not kernel:',
      }),
    ]);
  });

  it('shows a packet a line to people', async () => {
    const { stdout } = await knocktail(['parse'], KNOCK);
    expect(stdout.split('\n')[0]).toBe('1  2026-11-21 00:00:01  192.0.2.7:40000 -> 192.0.2.2:7000 tcp SYN');
  });

  const SHIPPED = KNOCK.replaceAll(' kernel: ', ' klogd: ');

  it('says how lines are accepted that only the firewall writes', async () => {
    const { stdout, stderr } = await knocktail(['parse'], SHIPPED);
    expect(stdout).toContain('(would not count: its tag is not kernel:)');
    expect(stderr).toContain('read it with --format any (log.format: any)');
  });

  it.each([
    ['parse', '--json'],
    ['replay', '-c', CONFIG, '--json'],
    ['explain', '-c', CONFIG, '--json'],
    ['report', '-c', CONFIG, '--json'],
    ['report', '--json'],
  ])('%s accepts them with --format any', async (...argv) => {
    const path = fileWith(SHIPPED, 'kern.log');
    expect((await knocktail([...argv, '--format', 'any', path])).code).toBe(0);
    expect((await knocktail([...argv, '--format', 'any', path])).stdout).not.toContain('"trusted":false');
    const { code, stdout } = await knocktail([...argv, path]);
    expect(argv[0] === 'parse' ? stdout.includes('"trusted":false') : code === 1).toBe(true);
  });

  it('accepts what ulogd2 wrote with --format ulogd, and nothing else', async () => {
    const path = 'fixtures/loglines/formats/ulogd2-logemu.log';
    for (const options of [[], ['--prefix', 'KNOCK: ']]) {
      const { objects } = await knocktail(['parse', '--json', '--format', 'ulogd', ...options, path]);
      expect(objects.length).toBeGreaterThan(5);
      expect(objects.filter(({ trusted }) => trusted === false)).toEqual([]);
    }
    const json = ['parse', '--json', '--format', 'ulogd', 'fixtures/loglines/formats/ulogd2.json'];
    expect((await knocktail(json)).objects.filter(({ trusted }) => trusted === false)).toEqual([]);
    const { objects } = await knocktail(
      ['parse', '--json', '--format', 'ulogd', '--prefix', 'KNOCK: '],
      KNOCK,
    );
    expect(objects.map(({ why }) => why)).toEqual(Array(3).fill('ulogd2 did not write it'));
  });

  it('shows JSON of shippers, and that nothing vouches for it', async () => {
    const log = JSON.stringify({ message: line(1, '  1.000000', '192.0.2.7', 7000).trim() });
    expect((await knocktail(['parse', '--json'], `${log}\n`)).objects).toEqual([
      expect.objectContaining({
        dpt: 7000,
        trusted: false,
        why: 'nothing in it says that the kernel wrote it',
      }),
    ]);
  });

  it('shows one prefix alone when it is told which', async () => {
    const log = KNOCK + KNOCK.replaceAll('KNOCK: ', 'OTHER: ');
    expect(
      (await knocktail(['parse', '--json', '--prefix', 'OTHER: '], log)).objects.map(({ line }) => line),
    ).toEqual([4, 5, 6]);
  });

  it('exits with 1 when there is nothing to show', async () => {
    expect(await knocktail(['parse'], 'nothing\n')).toMatchObject({
      ...{ code: 1, stdout: '' },
      stderr: expect.stringContaining('no line holds a LOG body, see with knocktail doctor'),
    });
    expect((await knocktail(['parse', '--prefix', 'OTHER ', '-'], KNOCK)).stderr).toBe(
      'no line holds a LOG body with the prefix "OTHER ", leave out --prefix to see those of any\n',
    );
  });

  it('shows all the kernel wrote in every spelling alike', async () => {
    const shown = async (name: string) => {
      const { objects } = await knocktail(['parse', '--json', `fixtures/loglines/kernel-made.${name}`]);
      // Of the four spellings kmsg alone names no host.
      return objects.map(({ time: _, host: __, ...rest }) => rest);
    };
    const log = await shown('log');
    expect(log).toHaveLength(186);
    expect(await shown('rfc3339.log')).toEqual(log);
    expect(await shown('rfc5424.log')).toEqual(log);
    expect(await shown('kmsg')).toEqual(log);
    expect(readFileSync('fixtures/loglines/kernel-made.log', 'latin1').trimEnd().split('\n')).toHaveLength(
      187,
    );
  });
});
