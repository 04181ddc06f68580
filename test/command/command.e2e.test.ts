import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/command/command.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';
import { until } from '../lab.ts';
import { address } from '../openings.ts';

const OF = { door: 'ssh', source: address('2001:db8::7'), claim: null };

describe('a command', () => {
  it('runs in a shell with the source in place of each %IP%', async () => {
    const { status, output } = await runCommand('for ip in %IP% "<%IP%>"; do echo $ip; done', OF);
    expect({ status, output }).toEqual({ status: 0, output: '2001:db8::7\n<2001:db8::7>\n' });
  });

  it('finds door and source in its environment, beside ours', async () => {
    const { output } = await runCommand('echo "$KNOCK_DOOR $KNOCK_SOURCE $PATH"', OF);
    expect(output).toBe(`ssh 2001:db8::7 ${process.env['PATH']}\n`);
  });

  it('has none of the variables that are for the daemon alone', async () => {
    const ours = {
      NOTIFY_SOCKET: '/run/systemd/notify',
      SECRET: 'of the service',
      KNOCK_HOOK: 'for commands',
    };
    Object.assign(process.env, ours);
    try {
      const { output } = await runCommand('env', OF);
      expect(output).not.toMatch(/^(NOTIFY_SOCKET|SECRET)=/m);
      expect(output).toMatch(/^KNOCK_HOOK=for commands$/m);
    } finally {
      for (const name of Object.keys(ours)) delete process.env[name];
    }
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

describe('a command with a claim', () => {
  let folder: string;
  let claim: string;
  beforeEach(() => {
    folder = scratchFolder();
    claim = join(folder, 'claim');
  });
  const run = (command: string, limitMs?: number) => runCommand(command, { ...OF, claim }, limitMs);

  it('writes down who runs it, and how it ended', async () => {
    const { status, output } = await run(`cat ${claim}; echo $PPID; exit 3`);
    const [pid, parent] = output.split('\n');
    expect([status, parent]).toEqual([3, pid]);
    expect(readFileSync(claim, 'utf8')).toBe(`${pid}\n3\n`);
  });

  it('comes to the same as without, in output, status and signal', async () => {
    const commands = [
      'echo out; echo err >&2',
      'exit 127',
      'kill -USR1 $$',
      'kill -SEGV $$',
      'echo $0 $# "%IP%"; ls /proc/self/fd',
      '(',
      'set -e; false; echo not',
      'cat',
    ];
    for (const [index, command] of commands.entries()) {
      const claimed = await runCommand(command, { ...OF, claim: `${claim}${index}` });
      expect(claimed).toEqual(await runCommand(command, OF));
    }
  });

  it('that another has claimed does not run', async () => {
    writeFileSync(claim, '1\n');
    expect(await run('echo ran')).toMatchObject({ isTaken: true, output: '' });
  });

  it('that many claim at once runs once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => run(`echo ran >> ${folder}/out`)));
    expect(all.filter(({ isTaken }) => isTaken !== true)).toHaveLength(1);
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('ran\n');
  });

  it('runs where nothing can be written', async () => {
    const { output } = await runCommand('echo ran', { ...OF, claim: '/dev/null/claim' });
    expect(output).toBe('ran\n');
  });

  it('that overruns its time is ended, and says so there', async () => {
    const { signal, timedOut, output } = await run('sleep 600', 200);
    expect({ signal, timedOut, output }).toEqual({ signal: 'SIGTERM', timedOut: true, output: '' });
    expect(readFileSync(claim, 'utf8')).toMatch(/^\d+\n143\n$/);
  });

  it('that ignores the request to end is ended all the same', async () => {
    const { signal, timedOut } = await run('trap "" TERM; while :; do sleep 0.1; done', 100);
    expect({ signal, timedOut }).toEqual({ signal: 'SIGKILL', timedOut: true });
  });
});

/** A zombie is dead, though where nobody reaps it its pid lives on. */
function isAlive(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) [ZX] /.test(readFileSync(stat, 'utf8'));
}
