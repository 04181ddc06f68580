import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../../src/opening/command.ts';
import { until } from '../lab.ts';
import { address } from '../openings.ts';

const OF = { door: 'ssh', source: address('2001:db8::7') };

describe('a command', () => {
  it('runs in a shell with the source in place of each %IP%', async () => {
    const { status, output } = await runCommand('for ip in %IP% "<%IP%>"; do echo $ip; done', OF);
    expect({ status, output }).toEqual({ status: 0, output: '2001:db8::7\n<2001:db8::7>\n' });
  });

  it('finds door and source in its environment, beside ours', async () => {
    const { output } = await runCommand('echo "$KNOCK_DOOR $KNOCK_SOURCE $PATH"', OF);
    expect(output).toBe(`ssh 2001:db8::7 ${process.env['PATH']}\n`);
  });

  it('that fails is a result, with what it wrote', async () => {
    expect(await runCommand('echo out; echo err >&2; exit 3', OF)).toEqual({
      status: 3,
      signal: null,
      output: 'out\nerr\n',
      unshown: 0,
      timedOut: false,
      error: null,
    });
  });

  it('that a signal ends says which', async () => {
    expect(await runCommand('kill -USR1 $$', OF)).toMatchObject({ status: null, signal: 'SIGUSR1' });
  });

  it('reads nothing', async () => {
    expect(await runCommand('cat; echo end', OF)).toMatchObject({ status: 0, output: 'end\n' });
  });

  it('may write much: the beginning is kept, the rest counted', async () => {
    const { output, unshown, status } = await runCommand('head -c 1000000 /dev/zero | tr "\\0" x', OF);
    expect(output).toBe('x'.repeat(4096));
    expect({ unshown, status }).toEqual({ unshown: 1_000_000 - 4096, status: 0 });
  });

  it('has ended when its shell has, whatever it left in the background', async () => {
    const { output, timedOut } = await runCommand('sleep 600 & echo $!', OF);
    const pid = Number(output);
    expect(timedOut).toBe(false);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid);
  });

  it('that overruns its time is ended with all it has started', async () => {
    const { status, signal, timedOut, output } = await runCommand('sleep 600 & echo $!; wait', OF, 200);
    expect({ status, signal, timedOut }).toEqual({ status: null, signal: 'SIGTERM', timedOut: true });
    await until(() => !isAlive(Number(output)), 'the end of the background process');
  });

  it('that ignores the request to end is ended all the same', async () => {
    const { signal, timedOut } = await runCommand('trap "" TERM; while :; do sleep 0.1; done', OF, 100);
    expect({ signal, timedOut }).toEqual({ signal: 'SIGKILL', timedOut: true });
  });

  it('that the kernel refuses is a result', async () => {
    const result = await runCommand(`: ${'x'.repeat(200_000)}`, OF);
    expect(result.status).toBeNull();
    expect(result.error).toContain('E2BIG');
  });
});

/** A zombie is dead, though where nobody reaps it its pid lives on. */
function isAlive(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) [ZX] /.test(readFileSync(stat, 'utf8'));
}
