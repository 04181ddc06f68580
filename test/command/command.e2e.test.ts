import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/command/command.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';
import { until } from '../lab.ts';
import { address } from '../openings.ts';

const OF = { door: 'ssh', source: address('2001:db8::7'), claim: null };

describe('a command', () => {
  it('runs in a shell, with %IP% replaced by the address', async () => {
    const { status, output } = await runCommand('for ip in %IP% "<%IP%>"; do echo $ip; done', OF);
    expect({ status, output }).toEqual({ status: 0, output: '2001:db8::7\n<2001:db8::7>\n' });
  });

  it('has the door and the client in its environment, which is ours otherwise', async () => {
    const { output } = await runCommand('echo "$KNOCK_DOOR $KNOCK_SOURCE $PATH"', OF);
    expect(output).toBe(`ssh 2001:db8::7 ${process.env['PATH']}\n`);
  });

  it('does not inherit variables that are only for the daemon', async () => {
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

  it('that fails is a result with its output', async () => {
    expect(await runCommand('echo out; echo err >&2; exit 3', OF)).toEqual({
      status: 3,
      signal: null,
      output: 'out\nerr\n',
      unshown: 0,
      timedOut: false,
      error: null,
    });
  });

  it('that is killed reports the signal', async () => {
    expect(await runCommand('kill -USR1 $$', OF)).toMatchObject({ status: null, signal: 'SIGUSR1' });
  });

  it('has no stdin', async () => {
    expect(await runCommand('cat; echo end', OF)).toMatchObject({ status: 0, output: 'end\n' });
  });

  it('may write a lot: the beginning is kept, the rest counted', async () => {
    const { output, unshown, status } = await runCommand('head -c 1000000 /dev/zero | tr "\\0" x', OF);
    expect(output).toBe('x'.repeat(4096));
    expect({ unshown, status }).toEqual({ unshown: 1_000_000 - 4096, status: 0 });
  });

  it('ends with its shell, even with processes in the background', async () => {
    const { output, timedOut } = await runCommand('sleep 600 & echo $!', OF);
    const pid = Number(output);
    expect(timedOut).toBe(false);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid);
  });

  it('that takes too long is killed with all its processes', async () => {
    const { status, signal, timedOut, output } = await runCommand('sleep 600 & echo $!; wait', OF, 200);
    expect({ status, signal, timedOut }).toEqual({ status: null, signal: 'SIGTERM', timedOut: true });
    await until(() => !isAlive(Number(output)), 'the end of the background process');
  });

  it('that ignores SIGTERM is killed all the same', async () => {
    const { signal, timedOut } = await runCommand('trap "" TERM; while :; do sleep 0.1; done', OF, 100);
    expect({ signal, timedOut }).toEqual({ signal: 'SIGKILL', timedOut: true });
  });

  it('that is too long for the kernel is a result', async () => {
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

  it('writes its process id and exit status to the file', async () => {
    const { status, output } = await run(`cat ${claim}; echo $PPID; exit 3`);
    const [pid, parent] = output.split('\n');
    expect([status, parent]).toEqual([3, pid]);
    expect(readFileSync(claim, 'utf8')).toBe(`${pid}\n3\n`);
  });

  it('has the same output, status and signal as without', async () => {
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

  it('does not run if another process has claimed it', async () => {
    writeFileSync(claim, '1\n');
    expect(await run('echo ran')).toMatchObject({ isTaken: true, output: '' });
  });

  it('runs once if many claim it at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => run(`echo ran >> ${folder}/out`)));
    expect(all.filter(({ isTaken }) => isTaken !== true)).toHaveLength(1);
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('ran\n');
  });

  it('runs even if the file cannot be created', async () => {
    const { output } = await runCommand('echo ran', { ...OF, claim: '/dev/null/claim' });
    expect(output).toBe('ran\n');
  });

  it('that takes too long is killed, and the file says so', async () => {
    const { signal, timedOut, output } = await run('sleep 600', 200);
    expect({ signal, timedOut, output }).toEqual({ signal: 'SIGTERM', timedOut: true, output: '' });
    expect(readFileSync(claim, 'utf8')).toMatch(/^\d+\n143\n$/);
  });

  it('that ignores SIGTERM is killed all the same', async () => {
    const { signal, timedOut } = await run('trap "" TERM; while :; do sleep 0.1; done', 100);
    expect({ signal, timedOut }).toEqual({ signal: 'SIGKILL', timedOut: true });
  });
});

/** A zombie is dead, though where nobody reaps it its pid lives on. */
function isAlive(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) [ZX] /.test(readFileSync(stat, 'utf8'));
}
