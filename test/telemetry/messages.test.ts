/** What the daemon and the commands say of openings. */

import { describe, expect, it } from 'vitest';
import { US_PER_SECOND } from '../../src/model.ts';
import {
  describeClosed,
  describeNotOpened,
  describeOpened,
  describeStillOpen,
  messagesFor,
  wholeSeconds,
} from '../../src/telemetry/messages.ts';
import { address, opening } from '../openings.ts';

/** Local, as the zone of tests is UTC. */
const NOW = Date.UTC(2026, 10, 21, 21, 14) * 1_000;
const until = (seconds: number) => NOW / US_PER_SECOND + seconds;

describe('an opening', () => {
  const it30 = opening({ until: until(30) });

  it('says what is open, for whom, until when and how long', () => {
    expect(describeOpened(it30, 30 * US_PER_SECOND, NOW)).toBe(
      'opened 22/tcp for 10.0.0.7 until 21:14:30 (30 s)',
    );
    expect(describeOpened({ ...it30, until: null, to: address('192.0.2.1') }, null, NOW)).toBe(
      'opened 22/tcp on 192.0.2.1 for 10.0.0.7 until it is closed',
    );
    expect(describeStillOpen(it30, NOW)).toBe('22/tcp is already open for 10.0.0.7 until 21:14:30');
    expect(describeNotOpened(it30, 'no such luck')).toBe('22/tcp was not opened for 10.0.0.7: no such luck');
  });

  it.each([
    [30, 'closed 22/tcp for 10.0.0.7 (30 s early)'],
    [29.2, 'closed 22/tcp for 10.0.0.7 (30 s early)'],
    [1, 'closed 22/tcp for 10.0.0.7 (1 s early)'],
    [0.5, 'closed 22/tcp for 10.0.0.7 (1 s early)'],
    [0, 'closed 22/tcp for 10.0.0.7'],
  ])('closed %d s before its end says how early, in whole seconds', (seconds, text) => {
    const end = opening({ until: until(Math.ceil(seconds)) });
    expect(describeClosed(end, NOW)).toBe(text);
  });
});

it.each([
  [300.999, 300],
  [300, 300],
  [1.4, 1],
  [0.4, 1],
  [0, 0],
  [-3, 0],
])('%d s are shown as %d s, and so never as more than was asked for', (seconds, whole) => {
  expect(wholeSeconds(seconds * US_PER_SECOND)).toBe(whole * US_PER_SECOND);
});

it('stages are told at the level debug, and to knockd at the level info', () => {
  expect(messagesFor('none').decisionLevel).toBe('debug');
  expect(messagesFor('knockd').decisionLevel).toBe('info');
});
