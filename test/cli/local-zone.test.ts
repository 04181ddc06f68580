/** The time zone of a file of time zone information, as a container has the host's. */

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { zoneOfMachine } from '../../src/cli/local-zone.ts';
import { parseTimeZone } from '../../src/lib/time-zone.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

const TZ = process.env['TZ'];
const UTC = parseTimeZone('utc') ?? expect.fail();

beforeEach(() => {
  delete process.env['TZ'];
});
afterEach(() => {
  process.env['TZ'] = TZ;
});

describe('the zone of the machine', () => {
  const names = ['America/New_York', 'Europe/Berlin', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Asia/Tokyo'];
  it.each(names.filter((name) => existsSync(`/usr/share/zoneinfo/${name}`)))('is found: %s', (name) => {
    const found = parseTimeZone(zoneOfMachine(`/usr/share/zoneinfo/${name}`, UTC) ?? '');
    for (let month = 0; month < 36; month++) {
      const at = Date.UTC(2025, month, 15);
      expect(found?.offsetMsAt(at)).toBe(parseTimeZone(name)?.offsetMsAt(at));
    }
  });

  it.each(['/nonexistent', '/etc/passwd', '/usr/share/zoneinfo/UTC'])('is left as it is with %s', (path) => {
    expect(zoneOfMachine(path, UTC)).toBeNull();
  });

  it('is left as it is where the file is cut, or TZ is set', () => {
    const cut = join(scratchFolder(), 'localtime');
    writeFileSync(cut, 'TZif2');
    expect(zoneOfMachine(cut, UTC)).toBeNull();
    process.env['TZ'] = 'UTC';
    expect(zoneOfMachine('/usr/share/zoneinfo/Asia/Tokyo', UTC)).toBeNull();
  });
});
