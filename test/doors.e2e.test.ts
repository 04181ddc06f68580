/** The daemon with commands that run and an iptables that takes everything: ends, starts and reloads. */

import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Served } from './lab/served.ts';
import { linesOf, until } from './lab.ts';

let daemon: Served;
beforeEach(() => {
  daemon = new Served();
});
afterEach(() => daemon.close());

const commands = (timeout: string, stop = 'echo stop $KNOCK_DOOR') =>
  `sequence: [4001], start_command: "echo start $KNOCK_DOOR >> ${daemon.out}", cmd_timeout: ${timeout}, stop_command: "${stop} >> ${daemon.out}"`;
const opens = (port: number) => `sequence: [${port}], open: { port: 22, for: 1h }`;
const ran = (count: number) => until(() => daemon.ran.length >= count && daemon.ran, `${count} commands`);
const journal = (): string => {
  const [folder = ''] = readdirSync(daemon.state).filter((name) => name.startsWith('stops-'));
  return readFileSync(join(daemon.state, folder, 'journal'), 'utf8');
};

describe('at its end', () => {
  it('the daemon leaves openings and stop commands, which the next takes up', async () => {
    daemon.configure({ cmd: commands('1s'), ssh: opens(4002) });
    await daemon.start();
    daemon.knock('192.0.2.7', 4001, 4002);
    await daemon.says(/opened 22\/tcp/);
    await ran(1);
    expect(await daemon.end()).toBe(0);
    expect(daemon.said).toContain('1 stop command pending, will run after restart');
    expect(daemon.rules.filter((rule) => rule.includes('-D'))).toEqual([]);
    expect(daemon.ran).toEqual(['start cmd']);
    await sleep(1_000);
    await daemon.start();
    expect(await ran(2)).toEqual(['start cmd', 'stop cmd']);
  });

  it('with --close-on-exit it closes all, and runs the stop commands', async () => {
    daemon.configure({ cmd: commands('1h'), ssh: opens(4002) });
    await daemon.start('--close-on-exit');
    daemon.knock('192.0.2.7', 4001, 4002);
    await daemon.says(/opened 22\/tcp/);
    await ran(1);
    expect(await daemon.end()).toBe(0);
    expect(daemon.ran).toEqual(['start cmd', 'stop cmd']);
    expect(daemon.rules.at(-1)).toContain('-D KNOCKD');
  });

  it('is not cut short by a second TERM', async () => {
    daemon.configure({ cmd: commands('1h', "kill $(cut -d' ' -f4 /proc/$PPID/stat); echo told again") });
    await daemon.start('--close-on-exit');
    daemon.knock('192.0.2.7', 4001);
    await ran(1);
    expect(await daemon.end()).toBe(0);
    expect(daemon.ran).toEqual(['start cmd', 'told again']);
  });

  it('without a folder that can be written it runs them, and has said so', async () => {
    daemon.configure({ cmd: commands('1h') }, 'state: /proc/knocktail');
    await daemon.start();
    daemon.knock('192.0.2.7', 4001);
    await daemon.says(/cannot save stop commands/);
    await ran(1);
    expect(await daemon.end()).toBe(0);
    expect(daemon.ran).toEqual(['start cmd', 'stop cmd']);
  });

  it.each(['--verbose', '--close-on-exit'])(
    'it does not wait for commands that never end (%s)',
    async (option) => {
      daemon.configure({ cmd: commands('0', `echo $PPID > ${daemon.out}.pid; sleep 30`) });
      await daemon.start(option);
      daemon.knock('192.0.2.7', 4001);
      const pid = await until(() => Number(linesOf(`${daemon.out}.pid`)[0] ?? 0) || null, 'the stop command');
      expect(await daemon.end()).toBe(0);
      expect(() => process.kill(pid, 0), 'it still runs').not.toThrow();
      process.kill(-pid, 'SIGKILL');
    },
  );

  it('of a dry run, the stop commands of another daemon are left alone', async () => {
    daemon.configure({ cmd: commands('0.1') });
    await daemon.start();
    daemon.knock('192.0.2.7', 4001);
    await until(() => existsSync(daemon.out), 'the start command');
    await daemon.end('SIGKILL');
    const owed = journal();
    await daemon.start('--dry-run');
    await sleep(300);
    await daemon.end();
    expect(journal()).toBe(owed);
  });
});

describe('a reload', () => {
  it('comes by itself when the file is another, however it is written', async () => {
    daemon.configure({ ssh: opens(4002) });
    await daemon.start();
    writeFileSync(daemon.config, daemon.configOf({ ssh: opens(4003) }));
    await daemon.says(/reloaded/);
    daemon.knock('192.0.2.7', 4003);
    await daemon.says(/ssh: opened 22\/tcp for 192\.0\.2\.7 /);
    writeFileSync(`${daemon.config}~`, daemon.configOf({ web: opens(4004) }));
    renameSync(`${daemon.config}~`, daemon.config);
    await daemon.says(/reloaded[\s\S]*reloaded/);
    rmSync(daemon.config);
    await sleep(500);
    writeFileSync(daemon.config, daemon.configOf({ door: opens(4005) }));
    await daemon.says(/reloaded[\s\S]*reloaded[\s\S]*reloaded/);
    daemon.knock('192.0.2.8', 4004, 4005);
    await daemon.says(/door: opened 22\/tcp for 192\.0\.2\.8 /);
    expect(daemon.said).not.toMatch(/not loaded|192\.0\.2\.8: web/);
  });

  it('does not come when the file is touched and says the same', async () => {
    daemon.configure({ ssh: opens(4002) });
    await daemon.start();
    daemon.configure({ ssh: opens(4002) });
    await sleep(1_000);
    expect(daemon.said).not.toContain('reloaded');
    daemon.hangUp();
    await daemon.says(/reloaded/);
  });

  it('of a file that is wrong changes nothing, and one that mends it is loaded', async () => {
    daemon.configure({ ssh: opens(4002) });
    await daemon.start();
    writeFileSync(daemon.config, 'doors: {}\n');
    await daemon.says(/was not loaded, going on as before/);
    daemon.knock('192.0.2.7', 4002);
    await daemon.says(/ssh: opened 22\/tcp for 192\.0\.2\.7 /);
    daemon.configure({ ssh: opens(4003) });
    await daemon.says(/reloaded/);
    expect(daemon.said.match(/was not loaded/g)).toHaveLength(1);
  });

  it('with a log file that cannot be opened changes nothing', async () => {
    daemon.configure({ ssh: opens(4002) });
    await daemon.start();
    daemon.configure({ ssh: opens(4003) }, `state: ${daemon.state}\nlogfile: /proc/knocktail.log`);
    await daemon.says(/was not loaded, going on as before/);
    daemon.knock('192.0.2.7', 4003, 4002);
    await daemon.says(/ssh: opened 22\/tcp for 192\.0\.2\.7 /);
    expect(daemon.said.match(/: opened /g)).toHaveLength(1);
  });

  it('closes what a door has opened that is gone, runs its stop command, and leaves the others', async () => {
    daemon.configure({ cmd: commands('1h'), ssh: opens(4002), web: opens(4003) });
    await daemon.start();
    daemon.knock('192.0.2.7', 4001, 4002, 4003);
    await daemon.says(/web: opened 22\/tcp/);
    await ran(1);
    daemon.configure({ web: opens(4003) });
    await daemon.says(/ssh: closed 22\/tcp/);
    expect(await ran(2)).toEqual(['start cmd', 'stop cmd']);
    expect(daemon.rules.filter((rule) => rule.includes('-D')).join('\n')).not.toContain(':web');
  });

  it('changes how long a door is open for the next knock alone', async () => {
    daemon.configure({ cmd: commands('1h') });
    await daemon.start();
    daemon.knock('192.0.2.7', 4001);
    await ran(1);
    daemon.configure({ cmd: commands('0.2') });
    await daemon.says(/reloaded/);
    daemon.knock('192.0.2.8', 4001);
    await ran(3);
    await daemon.end();
    expect(daemon.said).toContain('1 stop command pending, will run after restart');
    expect(daemon.said).not.toContain('192.0.2.7: cmd: command timeout');
  });

  it('takes stop commands along to another folder', async () => {
    daemon.configure({ cmd: commands('2s') });
    await daemon.start();
    daemon.knock('192.0.2.7', 4001);
    await ran(1);
    const other = join(daemon.folder, 'other');
    daemon.configure({ cmd: commands('2s') }, `state: ${other}`);
    await daemon.says(/reloaded/);
    await until(() => existsSync(other) && readdirSync(other).length > 0, 'the other folder');
    await until(() => journal() === '', 'nothing in the first');
    await daemon.end('SIGKILL');
    await daemon.start();
    expect(await ran(2)).toEqual(['start cmd', 'stop cmd']);
  });

  it('to another folder, while a start command runs, loses no stop command though the daemon is killed', async () => {
    const slow = `sequence: [4001], cmd_timeout: 100ms, start_command: "echo start cmd >> ${daemon.out}; sleep 2", stop_command: "echo stop cmd >> ${daemon.out}"`;
    daemon.configure({ cmd: slow });
    await daemon.start();
    daemon.knock('192.0.2.7', 4001);
    await ran(1);
    daemon.configure({ cmd: slow }, `state: ${join(daemon.folder, 'other')}`);
    await daemon.says(/reloaded/);
    await until(() => journal() === '', 'nothing in the first');
    await daemon.end('SIGKILL');
    await daemon.start();
    expect(await ran(2)).toEqual(['start cmd', 'stop cmd']);
  });

  it('comes when a one-time file is another, and not for marks of our own', async () => {
    const file = join(daemon.folder, 'once.seq');
    writeFileSync(file, '4001\n4002\n');
    daemon.configure({
      once: `one_time_sequences: ${file}, start_command: "echo once >> ${daemon.out}"`,
    });
    await daemon.start();
    daemon.knock('192.0.2.7', 4001);
    await ran(1);
    daemon.knock('192.0.2.7', 4002);
    await ran(2);
    await sleep(1_000);
    expect(readFileSync(file, 'utf8')).toBe('#4001\n#4002\n');
    expect(daemon.said).not.toContain('reloaded');
    appendFileSync(file, '4003\n');
    await daemon.says(/reloaded/);
    daemon.knock('192.0.2.7', 4003);
    expect(await ran(3)).toEqual(['once', 'once', 'once']);
  });
});

it('all doors are closed at the time that the configuration says', async () => {
  daemon.configure(
    { ssh: opens(4002) },
    `state: ${daemon.state}\nfirewall: { iptables: ${daemon.iptables}, flush: "*/2 * * * * *" }`,
  );
  await daemon.start();
  daemon.knock('192.0.2.7', 4002);
  await daemon.says(/opened 22\/tcp[\s\S]*closing all doors\n[\s\S]*ssh: closed 22\/tcp for 192\.0\.2\.7/);
  expect(daemon.rules.at(-1)).toContain('-D KNOCKD');
});
