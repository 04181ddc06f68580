/** Every spelling of what stands before a LOG body: its time, and whether the line is the kernel's. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readHeader } from '../../src/packet/timestamp.ts';

const NOON = Date.UTC(2026, 10, 21, 12) * 1000;
const BODY = 'KNOCK: IN=eth0 OUT= SRC=192.0.2.1 ';

function header(text: string, reference = NOON) {
  const line = Buffer.from(text + BODY);
  const { wall, uptimeUs, doubt, end } = readHeader(line, 0, line.length, reference);
  return { wall, uptimeUs, doubt, rest: line.toString('utf8', end) };
}

const local = (month: number, day: number, h: number, m: number, s: number, year = 2026): number =>
  new Date(year, month - 1, day, h, m, s).getTime() * 1000;
const utc = (text: string): number => Date.parse(`${text}Z`) * 1000;

const NO_TAG = 'it has no kernel: tag';
const OTHER_TAG = 'its tag is not kernel:';
const OTHER_FACILITY = 'its facility is not that of the kernel';

describe('a header', () => {
  it.each([
    ['RFC 3164', 'Nov 20 23:56:51 vm kernel: [  133.315636] ', local(11, 20, 23, 56, 51), 133_315_636],
    [
      'RFC 3164 with a day below ten',
      'Nov  2 03:06:01 vm kernel: [  133.315636] ',
      local(11, 2, 3, 6, 1),
      133_315_636,
    ],
    [
      'RFC 3339',
      '2026-11-20T23:56:51.985224+00:00 vm kernel: [  133.315636] ',
      utc('2026-11-20T23:56:51.985') + 224,
      133_315_636,
    ],
    [
      'RFC 3339 in another zone',
      '2026-11-21T01:26:51.5+01:30 vm kernel: ',
      utc('2026-11-20T23:56:51.500'),
      null,
    ],
    ['RFC 3339 west of Greenwich', '2026-11-20T18:56:51-05:00 vm kernel: ', utc('2026-11-20T23:56:51'), null],
    [
      'RFC 5424',
      '<4>1 2026-11-20T23:56:51.985224Z vm kernel - - - [  133.315636] ',
      utc('2026-11-20T23:56:51.985') + 224,
      133_315_636,
    ],
    ['a priority ahead of RFC 3164', '<4>Nov 20 23:56:51 vm kernel: ', local(11, 20, 23, 56, 51), null],
    [
      'busybox',
      'Nov 21 00:14:51 vm kern.warn kernel: [ 1863.819774] ',
      local(11, 21, 0, 14, 51),
      1_863_819_774,
    ],
    [
      'OpenWrt',
      'Mon Jan 15 20:22:01 2018 kern.warn kernel: [    0.000000] ',
      local(1, 15, 20, 22, 1, 2018),
      0,
    ],
    ['journalctl -o short', 'Nov 21 00:14:05 vm kernel: ', local(11, 21, 0, 14, 5), null],
    [
      'journalctl -o short-precise',
      'Nov 21 00:14:05.821332 vm kernel: ',
      local(11, 21, 0, 14, 5) + 821_332,
      null,
    ],
    ['journalctl -o short-iso', '2026-11-21T00:14:05+0000 vm kernel: ', utc('2026-11-21T00:14:05'), null],
    ['journalctl -o short-full', 'Sat 2026-11-21 00:14:05 UTC vm kernel: ', utc('2026-11-21T00:14:05'), null],
    ['journalctl -o short-monotonic', '[ 1818.179814] vm kernel: ', null, 1_818_179_814],
    ['journalctl -o short-unix', '1795220045.821332 vm kernel: ', 1_795_220_045_821_332, null],
    ['a record of /dev/kmsg', '4,377,1024482935,-;', null, 1_024_482_935],
    ['a record of /dev/kmsg with more fields', '6,377,1024482935,-,caller=T11;', null, 1_024_482_935],
    [
      'PRINTK_CALLER of a thread',
      'Nov 20 23:56:51 vm kernel: [  147.444368][  T11] ',
      local(11, 20, 23, 56, 51),
      147_444_368,
    ],
    [
      'PRINTK_CALLER of a CPU',
      'Nov 20 23:56:51 vm kernel: [  147.444368][    C0] ',
      local(11, 20, 23, 56, 51),
      147_444_368,
    ],
    ['no host and no stamp', 'kernel: [4475569.016000] ', null, 4_475_569_016_000],
  ])("is the kernel's in the spelling of %s", (_, text, wall, uptimeUs) => {
    expect(header(text)).toEqual({ wall, uptimeUs, doubt: null, rest: BODY });
  });

  it.each([
    ['dmesg', '[  133.315636] ', null, 133_315_636],
    ['dmesg -T', '[Sat Nov 21 00:14:50 2026] ', local(11, 21, 0, 14, 50), null],
    ['dmesg -r', '<4>[ 1863.819774] ', null, 1_863_819_774],
    ['dmesg -x', 'kern  :warn  : [ 1863.819774] ', null, 1_863_819_774],
    [
      'dmesg --time-format iso',
      '2026-11-21T00:14:50,819774+00:00 ',
      utc('2026-11-21T00:14:50.819') + 774,
      null,
    ],
    ['journalctl -o cat', '', null, null],
  ])('in the spelling of %s has the time, but nobody vouches for it', (_, text, wall, uptimeUs) => {
    const { doubt, rest: __, ...stamps } = header(text);
    expect(stamps).toEqual({ wall, uptimeUs });
    expect([NO_TAG, OTHER_TAG]).toContain(doubt);
  });

  it.each([
    ['another program', 'Nov 20 23:56:51 vm app: kernel: [    1.000000] ', OTHER_TAG],
    ['another program with a process number', 'Nov 20 23:56:51 vm app[7]: kernel: ', OTHER_TAG],
    ['a message without a tag', 'Nov 20 23:56:51 vm hello kernel: [    1.000000] ', NO_TAG],
    [
      'busybox, a tag further right',
      'Nov 21 00:14:52 vm user.notice app: x Nov 21 00:00:00 vm kern.warn kernel: [    1.0] ',
      NO_TAG,
    ],
    ['another facility ahead of a line', '<12>Nov 20 23:56:51 vm kernel: ', OTHER_FACILITY],
    ['another facility in RFC 5424', '<14>1 2026-11-20T23:56:51Z vm kernel - - - ', OTHER_FACILITY],
    ['another program in RFC 5424', '<4>1 2026-11-20T23:56:51Z vm kernelx - - - ', OTHER_TAG],
    ['structured data in RFC 5424', '<4>1 2026-11-20T23:56:51Z vm kernel - - [a b="kernel"] ', OTHER_TAG],
    ['another facility in a record of /dev/kmsg', '12,377,1024482935,-;', OTHER_FACILITY],
    ['ulogd', 'Nov 21 00:14:10 vm ', NO_TAG],
    // What each logger writes where another has the text of a sender.
    ['a tag of metalog behind a host', 'Nov 20 23:56:51 vm [kernel] ', NO_TAG],
    ['a tag of metalog in the ring', '[  133.315636] [kernel] ', NO_TAG],
    ['a tag of socklog behind a host', 'Nov 20 23:56:51 vm kern.warn: ', OTHER_TAG],
    ['a tag of socklog behind a date', 'Nov 20 23:56:51 kern.warn: ', OTHER_TAG],
    ['another facility of socklog', '2026-11-20_23:56:51.12345 user.warn: ', OTHER_TAG],
    ['RFC 5424 without its priority, behind another stamp', 'Nov 20 23:56:51 vm kernel - - - ', NO_TAG],
    ['RFC 5424 without its priority, with a process', '2026-11-20T23:56:51Z vm kernel 7 - - ', NO_TAG],
    [
      'a host that looks like a zone, and a tag without a colon',
      '2026-11-20T23:56:51Z CET x kernel: ',
      NO_TAG,
    ],
    ['the same with a date alone', 'Nov 20 23:56:51 CET x kernel: ', NO_TAG],
    ['the same with a blank', '2026-11-20 23:56:51 CET x kernel: ', NO_TAG],
    ['a facility of another program', 'Nov 20 23:56:51 vm daemon.warn kernel: ', NO_TAG],
    ['a word that begins like a severity', 'Nov 20 23:56:51 vm warnings.kernel: ', OTHER_TAG],
    ['a stamp of seconds and a tag further right', '1795220045 vm x kernel: ', NO_TAG],
    ['a container', '2026-11-20T23:56:51.123456789Z stdout F Nov 20 23:56:51 vm kernel: ', NO_TAG],
    ['a name of a file', '/var/log/kern.log:Nov 20 23:56:51 vm kernel: ', NO_TAG],
    ['a number ahead that is no length', 'x289 <4>1 2026-11-20T23:56:51Z vm kernel - - - ', NO_TAG],
    [
      'other structured data of RFC 5424',
      '<4>1 2026-11-20T23:56:51Z vm kernel - - [meta sequenceId="x"] ',
      OTHER_TAG,
    ],
  ])("is not the kernel's: %s", (_, text, doubt) => {
    const found = header(text).doubt;
    expect(found).not.toBeNull();
    if (doubt === OTHER_FACILITY) expect(found).toBe(doubt);
  });

  it.each([
    ['RFC 3164', 'Nov 20 23:56:51 vm kernel: [  133.315636] ', 'vm', false],
    ['RFC 3339', '2026-11-20T23:56:51.985224+00:00 gw-1.example kernel: ', 'gw-1.example', true],
    ['RFC 5424', '<4>1 2026-11-20T23:56:51Z vm kernel - - - ', 'vm', true],
    ['RFC 5424 without a host', '<4>1 2026-11-20T23:56:51Z - kernel - - - ', '', true],
    ['busybox', 'Nov 21 00:14:51 vm kern.warn kernel: ', 'vm', false],
    ['OpenWrt', 'Mon Jan 15 20:22:01 2018 kern.warn kernel: ', '', false],
    ['a stamp and a tag', 'Nov 20 23:56:51 kernel: ', '', false],
    ['journalctl -o short-unix', '1795220045.821332 vm kernel: ', 'vm', true],
    ['journalctl -o short-monotonic', '[ 1818.179814] vm kernel: ', 'vm', false],
    ['dmesg', '[ 1818.179814] ', '', false],
    ['a record of /dev/kmsg', '4,377,1024482935,-;', '', false],
    ['ulogd', 'Nov 21 00:14:10 vm ', 'vm', false],
  ])('names its host and its zone where it has them: %s', (_, text, host, hasZone) => {
    const line = Buffer.from(text + BODY);
    const found = readHeader(line, 0, line.length, NOON);
    expect({ host: line.toString('utf8', found.hostAt, found.hostEnd), hasZone: found.hasZone }).toEqual({
      host,
      hasZone,
    });
  });

  it('without a year is of the year that brings it nearest to the reading', () => {
    const newYear = new Date(2027, 0, 1, 0, 0, 5).getTime() * 1000;
    expect(header('Dec 31 23:59:58 vm kernel: ', newYear).wall).toBe(local(12, 31, 23, 59, 58, 2026));
    expect(header('Jan  1 00:00:01 vm kernel: ', newYear - 10_000_000).wall).toBe(local(1, 1, 0, 0, 1, 2027));
  });

  it.each([
    '2026-13-01T00:00:00Z vm kernel: ',
    'Nov 32 00:00:00 vm kernel: ',
    'Nov 20 24:00:00 vm kernel: ',
    '9999-01-01T00:00:00Z vm kernel: ',
  ])('with a date that is none has no stamp: %s', (text) => expect(header(text).wall).toBeNull());

  it.each([
    '<',
    '<4',
    '<4>',
    '4,',
    '4,377,',
    '4,377,1,',
    '[',
    '[  1.',
    '[  1.000000',
    'Nov',
    'Nov 20',
    'Nov 20 23:56:51',
    '2026-11-20T',
    '1 2026',
    'kern ',
    'kernel',
  ])('that is cut off after %j is no exception', (text) => {
    const line = Buffer.from(text);
    for (let end = 0; end <= line.length; end++)
      expect(readHeader(line, 0, end, NOON).end).toBeLessThanOrEqual(end);
  });
});

it("the forged lines that busybox wrote down are not the kernel's, its true line is", () => {
  const lines = readFileSync('fixtures/loglines/formats/busybox-syslogd.log', 'latin1').trimEnd().split('\n');
  const doubts = lines.map((line) => readHeader(Buffer.from(line), 0, line.length, NOON).doubt);
  // The second went through /dev/log with the tag kernel: nothing in a shared syslog file tells it from a true one.
  expect(doubts.map((doubt) => doubt === null)).toEqual([true, true, false]);
});

describe('a label of TAI64N', () => {
  const seconds = (text: string, reference: number) =>
    (readHeader(Buffer.from(`${text} kern.warn: ${BODY}`), 0, text.length + 40, reference).wall ?? 0) / 1e6;
  // svlogd and s6-log of the same minute, see fixtures/spellings
  const [svlogd, s6Log] = ['@400000006b08f5052b1c5e8c', '@400000006b08f52a08140af8'];
  const live = Date.UTC(2026, 10, 27, 3, 12, 6) * 1000;

  it('has the time of svlogd, which does without leap seconds', () => {
    expect(seconds(svlogd, live)).toBeCloseTo(Date.UTC(2026, 10, 27, 3, 11, 55, 723) / 1000, 2);
  });
  it('has that of s6-log, which does not, where it comes live', () => {
    expect(seconds(s6Log, live)).toBeCloseTo(Date.UTC(2026, 10, 27, 3, 12, 5, 135) / 1000, 2);
  });
});
