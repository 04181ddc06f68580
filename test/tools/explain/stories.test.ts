import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Remark } from '../../../src/tools/explain/explanation.ts';
import { MOST_REMARKS, MOST_SOURCES, Stories } from '../../../src/tools/explain/stories.ts';
import { address } from '../../attempt/traffic.ts';

const A = address('192.0.2.1');

function remark(what: Remark['what'], text = what as string, source = A): Remark {
  return {
    time: 0,
    host: '',
    source,
    clock: 'kernel',
    door: what === 'unseen' ? null : 'ssh',
    packet: '1/tcp',
    what,
    stage: null,
    of: null,
    text,
  };
}

function told(...remarks: readonly Remark[]): Stories {
  const stories = new Stories();
  for (const each of remarks) stories.add(each);
  return stories;
}

const chapters = (stories: Stories) =>
  stories.stories.flatMap((story) =>
    story.chapters.map(({ remark: { text }, more }) => (more > 0 ? `${text}+${more}` : text)),
  );

describe('the stories of a log', () => {
  it('tell three alike in a row, and count the others', () => {
    const strays = Array.from({ length: 10 }, (_, index) => remark('unseen', `${index}`));
    expect(chapters(told(remark('stage'), ...strays, remark('open'), remark('unseen')))).toEqual([
      'stage',
      '0',
      '1',
      '2+7',
      'open',
      'unseen',
    ]);
  });

  it('never leave out a decision', () => {
    const stages = Array.from({ length: 10 }, () => remark('stage'));
    expect(chapters(told(...stages))).toHaveLength(10);
  });

  it('remember the last misses ahead of the first step', () => {
    const misses = Array.from({ length: 20 }, (_, index) => remark('miss', `${index}`));
    expect(chapters(told(...misses, remark('stage')))).toEqual([
      '12',
      '13',
      '14',
      '15',
      '16',
      '17',
      '18',
      '19',
      'stage',
    ]);
  });

  it('sum up a source without a step by what came nearest', () => {
    const stories = told(remark('unseen', 'far'), remark('miss', 'near'), remark('miss', 'other'));
    expect(stories.stories).toEqual([]);
    expect(stories.bystanders).toEqual([
      { source: A, host: '', packets: 3, nearest: remark('miss', 'near') },
    ]);
  });

  const nth = (host: number) => address(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`);
  const first = (source: Remark['source']) => ({ ...remark('stage', 'first', source), stage: 1 });

  it('are bounded for a flood of sources, in which one that takes a step is still told', () => {
    const stories = new Stories({ sources: 100, remarks: 1_000 });
    stories.add(first(A));
    for (let host = 0; host < 500; host++) stories.add(remark('unseen', 'x', nth(host)));
    expect([stories.bystanders.length, stories.uncounted]).toEqual([99, 401]);
    expect(stories.bystanders.at(-1)?.source).toBe(nth(499));
    stories.add({ ...remark('stage', 'second', A), stage: 2 });
    expect(chapters(stories)).toEqual(['first', 'second']);
  });

  it('are bounded for a flood of first steps, in which one that gets further is still told', () => {
    const stories = new Stories({ sources: 100, remarks: 1_000 });
    stories.add(first(A));
    stories.add({ ...remark('stage', 'second', A), stage: 2 });
    for (let host = 0; host < 500; host++) {
      stories.add(first(nth(host)));
      stories.add({ ...remark('timeout', 'late', nth(host)), stage: 1, packet: null });
    }
    expect([stories.stories.length, stories.uncounted]).toEqual([100, 401]);
    expect(stories.stories[0]).toMatchObject({ source: A, chapters: [{ more: 0 }, { more: 0 }] });
  });

  it('are bounded for one source that never ends, of which the end is told', () => {
    const stories = new Stories({ sources: 100, remarks: 1_000 });
    for (let knock = 0; knock < 3_000; knock++) stories.add({ ...remark('stage', `${knock}`), stage: 2 });
    expect([stories.remarks, stories.uncounted]).toEqual([1_000, 2_000]);
    expect(chapters(stories).at(-1)).toBe('2999');
  });

  it('are as many as docs/explain.md says, whatever the log holds', () => {
    const stories = new Stories();
    for (let host = 0; host < 3 * MOST_SOURCES; host++) {
      for (const text of ['a', 'b', 'c', 'd']) stories.add({ ...remark('reset', text, nth(host)), stage: 2 });
      expect(stories.remarks).toBeLessThanOrEqual(MOST_REMARKS);
    }
    expect(stories.stories.length).toBeLessThanOrEqual(MOST_SOURCES);
    expect(stories.uncounted).toBe(12 * MOST_SOURCES - stories.remarks);
    const docs = readFileSync('docs/explain.md', 'utf8');
    for (const limit of [MOST_SOURCES, MOST_REMARKS]) expect(docs).toContain(limit.toLocaleString('en'));
  });
});
