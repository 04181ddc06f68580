import { expect, it } from 'vitest';
import { KeyedQueue } from '../../src/command/command-runner.ts';

/** Pieces of work with names, which end on demand. */
class Work {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, () => void>();
  readonly #queue: KeyedQueue;

  constructor(limit: number) {
    this.#queue = new KeyedQueue(limit);
  }

  add(key: string, name: string): void {
    void this.#queue.run(key, () => {
      this.begun.push(name);
      return new Promise<void>((resolve) => this.#ends.set(name, resolve));
    });
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await new Promise(setImmediate);
  }
}

it('work of one key never overlaps or overtakes, whatever the limit', async () => {
  const work = new Work(3);
  for (const [key, name] of ['a1', 'a2', 'a3', 'b1'].map((name) => [name.slice(0, 1), name] as const))
    work.add(key, name);
  await work.end('');
  expect(work.begun).toEqual(['a1', 'b1']);
  await work.end('a1');
  work.add('a', 'a4');
  expect(work.begun).toEqual(['a1', 'b1', 'a2']);
  await work.end('b1');
  await work.end('a2');
  await work.end('a3');
  expect(work.begun).toEqual(['a1', 'b1', 'a2', 'a3', 'a4']);
});

it('no more runs at once than the limit allows, the oldest first', async () => {
  const work = new Work(2);
  for (const name of ['a', 'b', 'c', 'd']) work.add(name, name);
  await work.end('');
  expect(work.begun).toEqual(['a', 'b']);
  await work.end('b');
  expect(work.begun).toEqual(['a', 'b', 'c']);
});

it('work that fails does not block the next', async () => {
  const queue = new KeyedQueue(1);
  await expect(queue.run('a', () => Promise.reject(new Error('no such luck')))).rejects.toThrow(
    'no such luck',
  );
  expect(await queue.run('a', async () => 7)).toBe(7);
});
