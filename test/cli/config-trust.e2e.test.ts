/** Which group may change a configuration that is run as root. */

import { chmodSync, chownSync } from 'node:fs';
import { expect, it } from 'vitest';
import { requireTrusted } from '../../src/cli/config-trust.ts';
import { describeWith } from '../lab/describe.ts';
import { fileWith } from './terminal.ts';

const USERS = 100;

describeWith(['root'], 'a configuration', () => {
  it('that a group can change is refused, unless it is that of root', () => {
    const path = fileWith('doors: {}\n');
    chmodSync(path, 0o660);
    expect(requireTrusted(path)).toBeNull();
    chownSync(path, 0, USERS);
    expect(() => requireTrusted(path)).toThrow('can be changed by the group users');
  });
});
