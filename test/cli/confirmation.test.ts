import { chownSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Confirmation, confirm, requireNonePending } from '../../src/cli/confirmation.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

const UNTIL = '21:14:30';
const within = (folder: string) => ({
  pending: join(folder, 'shut.pending'),
  confirmed: join(folder, 'shut.confirmed'),
});

function offered() {
  const folder = join(scratchFolder(), 'state');
  const waiting = new Confirmation(folder);
  waiting.offer(UNTIL);
  return { folder, waiting, ...within(folder) };
}

/** Ends as soon as it is confirmed. */
async function accepted(waiting: Confirmation): Promise<void> {
  while (!waiting.isGiven()) await new Promise((resolve) => setTimeout(resolve, 5));
  waiting.end(true);
}

describe('a confirmation', () => {
  it('is given by another process with the state folder, and leaves no file', async () => {
    const { folder, waiting, pending, confirmed } = offered();
    expect(statSync(pending).mode & 0o777).toBe(0o600);
    expect(waiting.isGiven()).toBe(false);
    await Promise.all([confirm(folder), accepted(waiting)]);
    expect([pending, confirmed].map(existsSync)).toEqual([false, false]);
  });

  it('is not given where it comes too late', async () => {
    const { folder, waiting, confirmed } = offered();
    const late = confirm(folder);
    waiting.end(false);
    await expect(late).rejects.toThrow('nothing waits to be confirmed');
    expect(existsSync(confirmed)).toBe(false);
    await expect(confirm(folder)).rejects.toThrow('nothing waits to be confirmed');
  });

  it('has to hold the number of what waits, in a file of the user who waits', () => {
    const { waiting, pending, confirmed, folder } = offered();
    const { id } = JSON.parse(readFileSync(pending, 'utf8'));
    writeFileSync(confirmed, 'another');
    expect(waiting.isGiven()).toBe(false);
    writeFileSync(confirmed, id);
    expect(waiting.isGiven()).toBe(true);
    if (process.getuid?.() === 0) {
      chownSync(confirmed, 65_534, 65_534);
      expect(waiting.isGiven()).toBe(false);
    }
    waiting.end(true);
    writeFileSync(join(folder, 'elsewhere'), id);
    symlinkSync(join(folder, 'elsewhere'), confirmed);
    expect(waiting.isGiven()).toBe(false);
  });

  it('that was left from before does not count', () => {
    const folder = scratchFolder();
    writeFileSync(within(folder).confirmed, 'old');
    new Confirmation(folder).offer(UNTIL);
    expect(existsSync(within(folder).confirmed)).toBe(false);
  });

  it('waits for one change at a time, as long as the process that waits is there', () => {
    const { folder, pending } = offered();
    expect(() => requireNonePending(folder)).toThrow(
      `changes of another knocktail rules --shut wait to be confirmed, confirm them with knocktail rules --confirm, or wait until ${UNTIL}`,
    );
    const dead = { ...JSON.parse(readFileSync(pending, 'utf8')), start: '1' };
    writeFileSync(pending, JSON.stringify(dead));
    expect(() => requireNonePending(folder)).not.toThrow();
    writeFileSync(pending, 'garbage');
    expect(() => requireNonePending(folder)).not.toThrow();
  });
});
