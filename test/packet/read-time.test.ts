/** Up to when a log has been read, where more of it may be on its way. */

import { describe, expect, it } from 'vitest';
import { ReadTime } from '../../src/packet/read-time.ts';

const S = 1_000_000;

describe('a source that has no more to read at this moment', () => {
  it('may have lines of the last seconds on their way', () => {
    const time = new ReadTime();
    expect(time.passedAt(100 * S)).toBe(97 * S);
    time.read(99.8 * S, 100 * S);
    expect(time.passedAt(100.5 * S)).toBe(97.5 * S);
  });

  it('that is behind has been read up to its last line', () => {
    const time = new ReadTime();
    time.read(40 * S, 100 * S);
    expect(time.passedAt(100 * S)).toBe(40 * S);
    expect(time.passedAt(109 * S)).toBe(40 * S);
    time.read(60 * S, 109 * S);
    expect(time.passedAt(118 * S)).toBe(60 * S);
  });

  it('and was behind has caught up once it has been silent, or its lines are new', () => {
    const time = new ReadTime();
    time.read(40 * S, 100 * S);
    expect(time.passedAt(110 * S)).toBe(107 * S);
    time.read(109.9 * S, 110 * S);
    expect(time.passedAt(111 * S)).toBe(108 * S);
  });
});
