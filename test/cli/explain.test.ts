import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fileWith, knocktail } from './terminal.ts';

const CONFIG = 'fixtures/explain/knock.yaml';
const LOG = 'fixtures/explain/kern.log';
const explain = (...argv: readonly string[]) => knocktail(['explain', '-c', CONFIG, ...argv]);

describe('knocktail explain', () => {
  it('tells what it told of a recorded log', async () => {
    const { code, stdout, stderr } = await explain(LOG);
    expect([code, stderr]).toEqual([0, '']);
    await expect(inAnyZone(stdout)).toMatchFileSnapshot('../../fixtures/explain/explained.txt');
  });

  it('tells what it told of a log of knockd, as knockd sees it', async () => {
    const folder = 'fixtures/conformance/edge/timing';
    const { stdout } = await knocktail([
      'explain',
      '-c',
      `${folder}/knockd.conf`,
      '--prefix',
      'KNOCK: ',
      `${folder}/kern.log`,
    ]);
    await expect(inAnyZone(stdout)).toMatchFileSnapshot('../../fixtures/explain/timing.txt');
  });

  it('tells of one source alone', async () => {
    const { stdout } = await explain('--source', '198.51.100.4', LOG);
    expect(stdout.split('\n').filter((line) => line.startsWith('198.') || line.startsWith('10.'))).toEqual([
      '198.51.100.4',
    ]);
  });

  it.each([
    ['says so of a source that the log does not show', [], 'stdout'],
    ['says so beside JSON as well', ['--json'], 'stderr'],
  ] as const)('%s', async (_, argv, stream) => {
    const ran = await explain('--source', '198.51.100.99', ...argv, LOG);
    expect(ran.code).toBe(0);
    expect(ran[stream]).toContain('no packet of 198.51.100.99 is among those that count\n');
    const shown = await explain('--source', '198.51.100.4', ...argv, LOG);
    expect(shown[stream]).not.toContain('no packet of');
  });

  it('writes one JSON object a line in the order of the log, from stdin too', async () => {
    const { objects, stderr } = await knocktail(
      ['explain', '-c', CONFIG, '--json', '--source', '198.51.100.3', '-'],
      readFileSync(LOG, 'utf8'),
    );
    expect(objects.map(({ time: _, ...rest }) => rest)).toEqual([
      {
        host: 'vm',
        source: '198.51.100.3',
        door: 'ssh',
        packet: '7010/tcp',
        what: 'stage',
        stage: 1,
        of: 3,
        text: '7010/tcp is step 1 of 3, 8010/udp comes next',
        clock: 'kernel',
      },
      {
        host: 'vm',
        source: '198.51.100.3',
        door: 'ssh',
        packet: '8010/tcp',
        what: 'miss',
        stage: null,
        of: null,
        text: '8010/tcp, and the door waits for 8010/udp',
        clock: 'kernel',
      },
      {
        host: 'vm',
        source: '198.51.100.3',
        door: 'ssh',
        packet: null,
        what: 'timeout',
        stage: 1,
        of: 3,
        text: '8010/udp did not come within 5 s of the first knock: ended at step 1 of 3',
      },
    ]);
    expect(stderr).toContain('2 lines carried the prefix');
  });

  it('says opened where replay says that it opens, and nowhere else', async () => {
    for (const folder of ['public', 'edge/facts', 'edge/onetime', 'edge/crosstalk']) {
      const given = [
        '-c',
        `fixtures/conformance/${folder}/knockd.conf`,
        '--prefix',
        'KNOCK: ',
        '--json',
        `fixtures/conformance/${folder}/kern.log`,
      ];
      const opened = (objects: readonly Record<string, unknown>[], key: string) =>
        objects
          .filter((it) => it[key] === 'open')
          .map(({ time, source, door }) => `${time} ${source} ${door}`);
      const replayed = opened((await knocktail(['replay', ...given])).objects, 'event');
      expect(replayed.length).toBeGreaterThan(0);
      expect(opened((await knocktail(['explain', ...given])).objects, 'what')).toEqual(replayed);
    }
  });

  it('follows a one-time door from one sequence to the next', async () => {
    const once = fileWith('1001,1002,1003\n2001,2002,2003\n', 'once.seq');
    const config = fileWith(
      `log: { prefix: "KNOCK: " }\ndoors: { a: { one_time_sequences: ${once}, open: { port: 22, for: 1s } } }\n`,
    );
    const knocks = [1001, 1002, 1003, 1001, 2001, 2002].map(
      (port, index) =>
        `Nov 21 00:10:0${index} vm kernel: [  10${index}.000000] KNOCK: IN=eth0 OUT= SRC=192.0.2.7 DST=192.0.2.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=${index} PROTO=TCP SPT=${40_000 + index} DPT=${port} WINDOW=64240 RES=0x00 SYN URGP=0 \n`,
    );
    const { objects } = await knocktail(['explain', '-c', config, '--json'], knocks.join(''));
    expect(objects.map(({ text }) => text)).toEqual([
      '1001/tcp is step 1 of 3, 1002/tcp comes next',
      '1002/tcp is step 2 of 3, 1003/tcp comes next',
      '1003/tcp is step 3 of 3: opened',
      '1001/tcp is of no door, unseen',
      '2001/tcp is step 1 of 3, 2002/tcp comes next',
      '2002/tcp is step 2 of 3, 2003/tcp comes next',
      'the log ends at step 2 of 3, 2003/tcp comes next',
    ]);
  });

  it('exits with 1 where no line counts, 66 without the log, 64 for no address', async () => {
    const { code, stdout } = await knocktail(['explain', '-c', CONFIG], 'nothing\n');
    expect([code, stdout]).toEqual([
      1,
      'no line counts: none is the kernel\'s with the prefix "KNOCK: ", see with knocktail parse which it has, and name one with --prefix\n',
    ]);
    expect((await explain('/nonexistent.log')).code).toBe(66);
    expect((await explain('--source', '010.1.1.1', LOG)).code).toBe(64);
  });
});

/** A log in the old form of syslog has no year and no time zone: those are where it is read. */
function inAnyZone(text: string): string {
  return text.replaceAll(/^( {2})\d{4}-\d\d-\d\d \d\d:\d\d/gm, '$1');
}
