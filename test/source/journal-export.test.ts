/** Entries as journalctl exports them, sound and forged, cut anywhere, and the lines that are made of them. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JournalExport, type JournalPlace } from '../../src/source/journal-export.ts';
import { exportEntry, type Fields, KERNEL_ENTRY } from '../support/journal-export.ts';
import { runs } from '../support/runs.ts';

const entry = (fields: Fields = {}): Buffer => exportEntry({ ...KERNEL_ENTRY, ...fields });

function linesOf(bytes: Buffer): string {
  return Buffer.concat(new JournalExport().push(bytes, null).map(({ bytes }) => bytes)).toString('latin1');
}

describe('an entry of the journal', () => {
  const text = (fields?: Fields) => linesOf(entry(fields));

  it('of the kernel is the line that a log file has of it', () => {
    expect(text()).toBe(`2026-11-21T00:00:00.123456+00:00 kernel: [  133.315636] ${KERNEL_ENTRY.MESSAGE}\n`);
  });

  it('that the kernel did not stamp has no uptime', () => {
    expect(text({ _SOURCE_MONOTONIC_TIMESTAMP: null })).toBe(
      `2026-11-21T00:00:00.123456+00:00 kernel: ${KERNEL_ENTRY.MESSAGE}\n`,
    );
  });

  it('names the host that wrote it, in one word', () => {
    expect(text({ _HOSTNAME: 'vm' })).toContain('+00:00 vm kernel: [');
    expect(text({ _HOSTNAME: Buffer.from('a b\n') })).toContain('+00:00 a?b? kernel: [');
    expect(text({ _HOSTNAME: ['a', 'b'] })).toContain('+00:00 kernel: [');
  });

  it('may have its message as bytes, as where it holds control characters', () => {
    expect(text({ MESSAGE: Buffer.from('KNOCK IN=e\u001b ') })).toMatch(
      /kernel: \[ {2}133\.315636\] KNOCK IN=e\u001b \n$/,
    );
  });

  it('is one line, whatever its message holds', () => {
    expect(text({ MESSAGE: Buffer.from('a\nb\n\n__CURSOR=c\n') })).toMatch(/ a b {2}__CURSOR=c \n$/);
  });

  it.each([
    ['through the log socket', { _TRANSPORT: 'syslog' }],
    ['with the identifier of the kernel', { _TRANSPORT: 'journal', SYSLOG_IDENTIFIER: 'kernel' }],
    ['to /dev/kmsg, by root', { SYSLOG_FACILITY: '1' }],
    ['without a facility', { SYSLOG_FACILITY: null }],
    ['twice over, so that the transport is a list', { _TRANSPORT: ['kernel', 'kernel'] }],
    ['with a message that looks like a field', { _TRANSPORT: 'syslog', MESSAGE: '_TRANSPORT=kernel' }],
  ] as const)('that somebody wrote %s is not of the kernel', (_, fields) => {
    expect(text(fields)).toContain(' journal: ');
    expect(text(fields)).not.toContain('kernel: ');
  });

  it.each([
    ['without a message', { MESSAGE: null }],
    ['with two messages', { MESSAGE: ['a', 'b'] }],
    ['without a cursor', { __CURSOR: null }],
    ['of no boot', { _BOOT_ID: null }],
    ['at no time', { __REALTIME_TIMESTAMP: 'x' }],
    ['at a time beyond all', { __MONOTONIC_TIMESTAMP: '1'.repeat(17) }],
  ])('%s is left out, and the next one is read', (_, fields) => {
    expect(linesOf(Buffer.concat([entry(fields), entry({ MESSAGE: 'next' })]))).toMatch(
      /^\S+ kernel: \S+ +\S+ next\n$/,
    );
  });

  it('that is longer than any of the firewall is left out, and the next one is read', () => {
    for (const message of ['x'.repeat(300_000), Buffer.alloc(300_000, '\n'), 'x'.repeat(70_000)]) {
      const bytes = Buffer.concat([entry({ MESSAGE: message }), entry({ MESSAGE: 'next' })]);
      const reader = new JournalExport();
      let text = '';
      for (let at = 0; at < bytes.length; at += 4_096) {
        for (const part of reader.push(bytes.subarray(at, at + 4_096), null)) text += part.bytes.toString();
      }
      expect(text).toMatch(/^\S+ kernel: \[ +133\.315636\] next\n$/);
    }
  });

  it('of a size that cannot be is left out with what follows, up to the next one', () => {
    const huge = Buffer.concat([Buffer.from('MESSAGE\n'), Buffer.alloc(8, 0xff)]);
    const bytes = Buffer.concat([
      huge,
      Buffer.alloc(70_000, 'x'),
      Buffer.from('\n\n'),
      entry({ MESSAGE: 'next' }),
    ]);
    const reader = new JournalExport();
    const parts = [bytes.subarray(0, 66_000), bytes.subarray(66_000)].flatMap((chunk) =>
      reader.push(chunk, null).map(({ bytes }) => bytes.toString()),
    );
    expect(parts.join('')).toMatch(/ next\n$/);
  });
});

describe('entries in a row', () => {
  const value = fc.oneof(
    fc.string().map((text) => text.replaceAll('\n', ' ')),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  );
  const fields = fc.record(
    {
      MESSAGE: value,
      _HOSTNAME: value,
      _TRANSPORT: fc.constantFrom('kernel', 'syslog'),
      OTHER: value,
      __MONOTONIC_TIMESTAMP: fc.nat().map(String),
    },
    { requiredKeys: [] },
  );

  it('are the same lines wherever what journalctl says is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fields, { maxLength: 8 }),
        fc.array(fc.nat(2_000), { maxLength: 8 }),
        (list, cuts) => {
          const bytes = Buffer.concat(list.map((each) => entry(each)));
          const reader = new JournalExport();
          const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort(
            (a, b) => a - b,
          );
          const read = places.flatMap((from, index) =>
            reader
              .push(bytes.subarray(from, places[index + 1] ?? bytes.length), null)
              .map((part) => Buffer.from(part.bytes)),
          );
          expect(Buffer.concat(read).toString('latin1')).toBe(linesOf(bytes));
          expect(linesOf(bytes).split('\n')).toHaveLength(list.length + 1);
        },
      ),
      { numRuns: runs(300) },
    );
  });

  it('that were read before are told from those that were not', () => {
    const at = (monotonic: number, boot = 'b1') =>
      entry({ __CURSOR: `c${monotonic}`, __MONOTONIC_TIMESTAMP: `${monotonic}`, _BOOT_ID: boot });
    const place = (monotonicUs: number, boot = 'b1'): JournalPlace => ({
      ...{ kind: 'journal', cursor: `c${monotonicUs}`, boot, monotonicUs },
    });
    const bytes = Buffer.concat([at(2), at(3), at(4), at(5)]);
    const read = (boot: string) =>
      new JournalExport()
        .push(bytes, place(3, boot))
        .map(({ again, place, bytes }) => [again, place, bytes.toString().split('\n').length - 1]);
    expect(read('b1')).toEqual([
      [true, place(3), 2],
      [false, place(5), 2],
    ]);
    expect(read('b0')).toEqual([[false, place(5), 4]]);
  });
});
