import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT, KnocktailError } from '../../../src/errors.ts';
import type { LogPlace } from '../../../src/source/auto.ts';
import { checkBackend } from '../../../src/tools/doctor/backend.ts';
import { checkClock } from '../../../src/tools/doctor/clock.ts';
import { checkDaemon, checkOthers, runningDaemon } from '../../../src/tools/doctor/daemons.ts';
import type { Finding } from '../../../src/tools/doctor/finding.ts';
import { processes } from '../../../src/tools/doctor/host.ts';
import { checkLogSource } from '../../../src/tools/doctor/log-source.ts';
import { checkPrivileges } from '../../../src/tools/doctor/privileges.ts';
import { checkState } from '../../../src/tools/doctor/state.ts';
import { checkXtTime } from '../../../src/tools/doctor/xt-time.ts';
import { scratchFolder } from '../../lab/scratch-folder.ts';

const said = ({ status, detail }: Finding) => `${status}: ${detail}`;
const folder = () => scratchFolder();

describe('the backend', () => {
  it('is well where it is the only one, or the only one with rules', () => {
    expect(checkBackend({ ours: 'nft', nft: 3, legacy: 'absent' }).status).toBe('ok');
    expect(checkBackend({ ours: 'legacy', nft: 0, legacy: 3 }).status).toBe('ok');
  });

  it('is not known where this user may not look', () => {
    expect(said(checkBackend({ ours: 'nft', nft: 'unreadable', legacy: 'unknown' }))).toBe(
      'skip: iptables-nft may not be looked into',
    );
    expect(said(checkBackend({ ours: 'nft', nft: 0, legacy: 'unknown' }))).toBe(
      'skip: nft; root alone may ask whether legacy has rules, too',
    );
  });

  it('is doubtful where the other may not be looked into', () => {
    expect(said(checkBackend({ ours: 'nft', nft: 1, legacy: 'unreadable' }))).toContain(
      'without CAP_NET_RAW',
    );
  });

  it('is doubtful where the rules are in the other, or in both', () => {
    expect(checkBackend({ ours: 'nft', nft: 0, legacy: 3 })).toMatchObject({
      status: 'warn',
      remedy: 'write firewall: { iptables: legacy }',
    });
    expect(said(checkBackend({ ours: 'legacy', nft: 1, legacy: 3 }))).toContain(
      'both iptables-nft and iptables-legacy',
    );
  });
});

describe('the capabilities', () => {
  const status = (hex: string) => `Name:\tnode\nCapEff:\t${hex}\n`;

  it('are NET_ADMIN, and NET_RAW for legacy', () => {
    expect(checkPrivileges(status('0000000000001000'), false).status).toBe('ok');
    expect(said(checkPrivileges(status('0000000000001000'), true))).toContain('fail: lacks NET_RAW,');
    expect(checkPrivileges(status('0000000000003000'), true).status).toBe('ok');
    expect(said(checkPrivileges(status('0000000000000000'), true))).toContain('lacks NET_ADMIN and NET_RAW');
    expect(checkPrivileges('', false).status).toBe('skip');
  });
});

describe('the clock', () => {
  it('is well between the date of the configuration and 2038', () => {
    const written = Date.UTC(2026, 0, 1);
    expect(checkClock(written + 1, written).status).toBe('ok');
    expect(checkClock(written - 1, written).status).toBe('fail');
    expect(checkClock(Date.UTC(2039, 0, 1), written).status).toBe('fail');
  });
});

describe('the daemon', () => {
  it('is missed where it does not run', () => {
    const ours = { pid: 7, parent: 1, argv: ['node', '/opt/knocktail/dist/main.js', 'run'] };
    expect(said(checkDaemon([ours]))).toBe('ok: knocktail runs as 7');
    const asKnockd = {
      pid: 9,
      parent: 1,
      argv: ['/usr/bin/node', '/usr/local/sbin/knockd', '-c', '/etc/knockd.conf'],
    };
    expect(said(checkDaemon([asKnockd]))).toBe('ok: knocktail runs as 9');
    expect(said(checkDaemon([{ pid: 8, parent: 1, argv: ['node', 'else.js', 'run'] }]))).toBe(
      'warn: no knocktail runs here, so no door opens',
    );
    const dry = { ...ours, argv: [...ours.argv, '--dry-run'] };
    expect(said(checkDaemon([dry]))).toBe('warn: knocktail runs as 7 with --dry-run alone, so no door opens');
    expect(said(checkOthers([dry, { ...ours, pid: 8 }]))).toBe('ok: none');
  });
});

describe('a daemon that is known by its lock on the state folder alone', () => {
  const inContainer = { pid: 7, isInReach: false };

  it('is not missed', () => {
    expect(said(checkDaemon([], inContainer))).toBe('ok: knocktail runs as 7 in another container');
    expect(said(checkDaemon([], { pid: null, isInReach: false }))).toBe('ok: knocktail runs here');
  });

  it('comes before one with another state folder, if its process id means something here', () => {
    const other = { pid: 9, parent: 1, argv: ['knocktail', 'run', '-c', 'other.yaml'] };
    const here = { pid: 7, isInReach: true };
    expect(runningDaemon([other], here)).toBe(here);
    expect(runningDaemon([other], inContainer)).toEqual({ pid: 9, isInReach: true });
    expect(runningDaemon([other], { pid: null, isInReach: false })).toEqual({ pid: 9, isInReach: true });
    expect(runningDaemon([], inContainer)).toBe(inContainer);
    expect(runningDaemon([], null)).toBeNull();
  });
});

describe('other daemons', () => {
  it('are a knockd, or a second knocktail', () => {
    const ours = (pid: number, parent = 1) => ({
      pid,
      parent,
      argv: ['node', '/opt/knocktail/dist/main.js', 'run', '-c', 'x'],
    });
    expect(checkOthers([{ pid: 1, parent: 0, argv: ['/sbin/init'] }]).status).toBe('ok');
    const init = { pid: 1, parent: 0, argv: ['tini', '--', ...ours(7).argv] };
    expect(said(checkOthers([init, ours(7)]))).toBe('ok: none');
    expect(said(checkOthers([ours(7), ours(8)]))).toBe('warn: knocktail runs 2 times, as 7, 8');
    expect(said(checkOthers([ours(7), ours(8, 7)])), 'it is about to run a program').toBe('ok: none');
    expect(said(checkOthers([{ pid: 9, parent: null, argv: ['/usr/sbin/knockd', '-d'] }]))).toContain(
      'warn: knockd runs as 9',
    );
  });
});

it('the processes of this host are known with who has made them', () => {
  expect(processes()).toContainEqual(
    expect.objectContaining({ pid: process.pid, parent: process.ppid, argv: expect.any(Array) }),
  );
});

describe('the state', () => {
  it('is well where its folder, or the one that it is to be made in, can be written', () => {
    const path = folder();
    expect(said(checkState(path))).toBe(`ok: ${path}`);
    expect(said(checkState(join(path, 'a', 'b')))).toBe(`ok: ${join(path, 'a', 'b')}, not made yet`);
  });

  it('is not where any local user can write', () => {
    const path = join(folder(), 'my state');
    mkdirSync(path);
    chmodSync(path, 0o777);
    expect(said(checkState(path))).toMatch(/^fail: .* can be written by any local user, and stop commands/);
    expect(checkState(path).remedy).toBe(`chmod go-w "${path}"`);
  });

  it('is not where nothing can be written', () => {
    expect(checkState('/proc/self/knocktail').status).toBe('fail');
  });
});

describe('the log', () => {
  const file = () => {
    const path = join(folder(), 'kern.log');
    writeFileSync(path, '');
    return path;
  };

  it('is well where it can be read and the kernel alone writes it', async () => {
    const path = file();
    const findings = await checkLogSource({ from: 'file', path }, { doubts: () => [] });
    expect(findings.map(({ check, status }) => `${check} ${status}`)).toEqual(['log ok', 'forgery ok']);
  });

  it('is not where it is not there, or others can write to it', async () => {
    const path = '/nonexistent/kern.log';
    const findings = await checkLogSource(
      { from: 'file', path },
      { doubts: () => [{ what: 'anybody can', remedy: 'stop them' }] },
    );
    expect(findings.map(said)).toEqual([`fail: ${path} does not exist`, 'warn: anybody can']);
  });

  it('is what auto comes to, if that is anything', async () => {
    const path = file();
    const found = await checkLogSource(
      { from: 'auto', path: '' },
      { choose: async () => ({ from: 'file', path, why: '' }), doubts: () => [] },
    );
    expect(said(found[0] ?? expect.fail())).toBe(`ok: ${path}`);
    const none = async () => {
      throw new KnocktailError('there is no log', { exitCode: EXIT.UNAVAILABLE, remedy: 'name one' });
    };
    const lost = await checkLogSource({ from: 'auto', path: '' }, { choose: none });
    expect(lost).toEqual([{ check: 'log', status: 'fail', detail: 'there is no log', remedy: 'name one' }]);
  });
});

describe('the log that is named', () => {
  async function first(place: LogPlace, changes: Parameters<typeof checkLogSource>[1] = {}): Promise<string> {
    const [finding] = await checkLogSource(place, { doubts: () => [], ...changes });
    return finding === undefined ? expect.fail() : said(finding);
  }
  const file = (path: string): LogPlace => ({ from: 'file', path });

  it('is well where the journal shows messages of the kernel, and doubtful where it shows none', async () => {
    const journal = { from: 'journal', path: '' } as const;
    expect(await first(journal, { hasKernelEntries: async () => true })).toBe('ok: the journal');
    expect(await first(journal, { hasKernelEntries: async () => false })).toBe(
      'warn: the journal shows nothing of the kernel since this boot',
    );
    expect(await first(journal, { hasKernelEntries: async () => null })).toBe('fail: there is no journalctl');
  });

  it('is none where it is a folder', async () => {
    const path = folder();
    expect(await first(file(path))).toBe(`fail: ${path} is a folder`);
  });

  it('is doubtful where nobody has written to it since this boot, though the kernel did', async () => {
    const path = join(folder(), 'kern.log');
    writeFileSync(path, '');
    const later = Date.now() + 60_000;
    expect(await first(file(path), { files: [path], bootedMs: later })).toBe(
      `warn: nobody has written to ${path} since this boot`,
    );
    expect(await first(file(path), { files: [path], bootedMs: 0 })).toBe(`ok: ${path}`);
    expect(await first(file(path), { files: [], bootedMs: later })).toBe(`ok: ${path}`);
  });

  it('is only looked at when it is there, where it is stdin', async () => {
    expect(await first({ from: 'stdin', path: '' })).toBe('skip: stdin is read when there is one');
  });
});

describe('xt_time', () => {
  const nothing = { modules: '', available: '', config: '' };

  it('is there when it is loaded, can be loaded, or is built in', () => {
    expect(checkXtTime({ ...nothing, modules: 'xt_time 16384 0 - Live\n' }).status).toBe('ok');
    expect(checkXtTime({ ...nothing, available: 'kernel/net/netfilter/xt_time.ko.xz: x\n' }).status).toBe(
      'ok',
    );
    expect(checkXtTime({ ...nothing, config: 'CONFIG_NETFILTER_XT_MATCH_TIME=y\n' }).status).toBe('ok');
  });

  it('is missed where a kernel tells of all it has but that, and not where it tells nothing', () => {
    expect(checkXtTime({ ...nothing, available: 'kernel/net/netfilter/xt_mark.ko: x\n' }).status).toBe(
      'warn',
    );
    expect(checkXtTime(nothing).status).toBe('skip');
  });
});
