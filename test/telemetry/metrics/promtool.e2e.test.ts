/** The metrics as Prometheus' own checker reads them. */

import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { expose } from '../../../src/telemetry/metrics/exposition.ts';
import { familiesOf } from '../../../src/telemetry/metrics/families.ts';
import { describeWith } from '../../lab/describe.ts';
import { COUNTS, RUN } from './counts.ts';

describeWith(['promtool'], 'promtool', () => {
  it('has nothing to say against them', () => {
    const input = expose(familiesOf(COUNTS, RUN));
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});
