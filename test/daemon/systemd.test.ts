import { afterEach, expect, it, vi } from 'vitest';
import { tellSystemd } from '../../src/daemon/systemd.ts';

vi.mock('node:child_process', () => ({
  execFile: () => {
    throw new Error('spawn ENOMEM');
  },
}));
afterEach(() => vi.unstubAllEnvs());

it('systemd that cannot be told for want of memory is a warning', () => {
  const warn = vi.fn();
  const log = { debug: vi.fn(), info: vi.fn(), warn, error: vi.fn() };
  tellSystemd('READY=1', log);
  expect(warn).not.toHaveBeenCalled();
  vi.stubEnv('NOTIFY_SOCKET', '/run/systemd/notify');
  tellSystemd('READY=1', log);
  expect(warn.mock.calls).toEqual([['systemd was not told READY=1: spawn ENOMEM']]);
});
