import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LINE_CAP_BYTES, LineSplitter } from '../../src/source/line-splitter.ts';

const CAP = 8;

/** What comes out of a splitter for these chunks, all in one. */
function split(chunks: readonly Buffer[], splitter = new LineSplitter(CAP)): Buffer {
  return Buffer.concat(chunks.flatMap((chunk) => splitter.push(chunk)).map((batch) => Buffer.from(batch)));
}

const text = (...chunks: string[]): string => split(chunks.map((chunk) => Buffer.from(chunk))).toString();

/** Bytes in which LF is common, as chunks. */
const chunks = fc.array(
  fc
    .array(fc.oneof(fc.constant(10), fc.nat(255), fc.constant(65)), { maxLength: 30 })
    .map((bytes) => Buffer.from(bytes)),
);

/** The definition of the splitter, line by line. */
function expected(bytes: Buffer): string[] {
  const lines = bytes.toString('latin1').split('\n').slice(0, -1);
  return lines.map((line) => (line.length > CAP ? '\n' : `${line}\n`));
}

describe('bytes become whole lines', () => {
  it('the same ones, however the bytes were cut', () => {
    fc.assert(
      fc.property(chunks, (chunks) => {
        const whole = Buffer.concat(chunks);
        const splitter = new LineSplitter(CAP);
        expect(split(chunks, splitter).toString('latin1')).toBe(expected(whole).join(''));
        const overlong = whole.toString('latin1').split('\n');
        expect(splitter.overlong).toBe(overlong.filter((line) => line.length > CAP).length);
      }),
      { numRuns: 5_000 },
    );
  });

  it('and the rest comes when it is asked for, as a line', () => {
    fc.assert(
      fc.property(chunks, (chunks) => {
        const last = Buffer.concat(chunks).toString('latin1').split('\n').at(-1) ?? '';
        const splitter = new LineSplitter(CAP);
        split(chunks, splitter);
        const isLine = last.length > 0 && last.length <= CAP;
        expect(splitter.flush()?.toString('latin1') ?? null).toBe(isLine ? `${last}\n` : null);
        expect(split([Buffer.from('next\n')], splitter).toString()).toBe('next\n');
      }),
    );
  });

  it('as a view of the chunk where no line was cut', () => {
    const chunk = Buffer.from('one\ntwo\nthr');
    const [lines, ...more] = new LineSplitter(CAP).push(chunk);
    expect([lines?.toString(), more]).toEqual(['one\ntwo\n', []]);
    expect(lines?.buffer).toBe(chunk.buffer);
    expect(lines?.byteOffset).toBe(chunk.byteOffset);
  });

  it('which do not change when the chunk with their beginning is written over', () => {
    const splitter = new LineSplitter(CAP);
    const chunk = Buffer.from('begi');
    splitter.push(chunk);
    chunk.fill('x');
    expect(split([Buffer.from('n\n')], splitter).toString()).toBe('begin\n');
  });
});

describe('an over-long line', () => {
  it('is one of more than 64 KiB, not counting its LF', () => {
    const splitter = new LineSplitter();
    const line = Buffer.alloc(LINE_CAP_BYTES + 1, 'a');
    line[LINE_CAP_BYTES] = 10;
    expect(split([line], splitter)).toEqual(line);
    expect(split([Buffer.concat([Buffer.from('a'), line])], splitter).toString()).toBe('\n');
    expect(splitter.overlong).toBe(1);
  });

  it('leaves an empty line in its place, so that line numbers stay right', () => {
    expect(text('one\n', 'far too long for it\nthree\n')).toBe('one\n\nthree\n');
    expect(text('one\nfar too l', 'ong for it\nthr', 'ee\n')).toBe('one\n\nthree\n');
  });

  it('is counted as soon as it is too long, and once', () => {
    const splitter = new LineSplitter(CAP);
    for (const chunk of ['far too ', 'l', 'ong for', ' it']) splitter.push(Buffer.from(chunk));
    expect(splitter.overlong).toBe(1);
    expect(splitter.flush()).toBeNull();
    expect(splitter.overlong).toBe(1);
  });
});

it('a line that was joined in its middle is left out and not counted', () => {
  const splitter = new LineSplitter(CAP);
  splitter.joinMidLine();
  expect(splitter.push(Buffer.from('a very long rest'))).toEqual([]);
  expect(split([Buffer.from(' of it\nnext\n')], splitter).toString()).toBe('next\n');
  expect(splitter.overlong).toBe(0);
});
