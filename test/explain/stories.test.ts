import { describe, expect, it } from 'vitest';
import type { Remark } from '../../src/explain/explanation.ts';
import { Stories } from '../../src/explain/stories.ts';
import { address } from '../attempt/traffic.ts';

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

  it('are bounded for a flood of sources, in which one that takes a step is still told', () => {
    const stories = new Stories();
    for (let host = 0; host < 10_500; host++)
      stories.add(remark('unseen', 'x', address(`10.0.${host >> 8}.${host & 255}`)));
    expect([stories.bystanders.length, stories.uncounted]).toEqual([10_000, 500]);
    stories.add(remark('stage', 'step', address('10.9.9.9')));
    expect(chapters(stories)).toEqual(['step']);
  });

  it('are bounded for a flood of first steps, in which one that gets further is still told', () => {
    const stories = new Stories();
    const first = (source: Remark['source']) => ({ ...remark('stage', 'first', source), stage: 1 });
    for (let host = 0; host < 100_300; host++) {
      const source = address(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`);
      stories.add(first(source));
      stories.add({ ...remark('timeout', 'late', source), stage: 1, packet: null });
    }
    expect([stories.stories.length, stories.uncounted]).toEqual([100_000, 300]);
    const other = address('10.9.9.8');
    stories.add(remark('miss', 'near', other));
    stories.add(first(other));
    expect([stories.stories.length, stories.uncounted]).toEqual([100_000, 302]);
    const knocker = address('10.9.9.9');
    stories.add(first(knocker));
    stories.add({ ...remark('stage', 'second', knocker), stage: 2 });
    expect(stories.stories.at(-1)).toMatchObject({ source: knocker, chapters: [{ more: 0 }] });
  });
});
