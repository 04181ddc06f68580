import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { follow, logPath } from './following.ts';

const WRITER = fileURLToPath(new URL('writer.mjs', import.meta.url));

it.each(['rename', 'delete', 'copytruncate'])(
  'under rotation by %s at 5,000 lines/s, every line is read once and in order',
  async (mode) => {
    const path = logPath();
    const log = await follow(path, { from: 'end' });
    const { stdout } = await promisify(execFile)(process.execPath, [WRITER, path, mode]);
    await log.settled();
    const [written = 0, rotations] = stdout.split(' ').map(Number);
    expect(rotations).toBeGreaterThanOrEqual(5);
    const numbers = log.text
      .split('\n')
      .slice(0, -1)
      .map((line) => Number.parseInt(line, 10));
    expect(numbers).toHaveLength(written);
    expect(numbers.findIndex((number, index) => number !== index)).toBe(-1);
  },
);
