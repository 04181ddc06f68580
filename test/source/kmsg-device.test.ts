/** What stands at /dev/kmsg, which in a container may be anything. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ensureRing, ringState } from '../../src/source/kmsg-device.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

it('another device or a file in its place is not the ring', () => {
  const file = join(scratchFolder(), 'kmsg');
  writeFileSync(file, '6,1,1,-;x\n');
  for (const path of ['/dev/null', '/dev/zero', file]) {
    expect(ringState(path)).toBe('other');
    expect(() => ensureRing(path)).toThrow(`${path} is not the kernel's ring of messages`);
  }
});

it('where there is nothing, it is missing, which opening it will tell', () => {
  expect(ringState('/nonexistent/kmsg')).toBe('missing');
  expect(() => ensureRing('/nonexistent/kmsg')).not.toThrow();
});
