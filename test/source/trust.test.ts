/** Who could have written a log, by how a machine is set up. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { doubtsOf } from '../../src/source/trust.ts';
import { rsyslogText } from '../../src/tools/setup/log-files.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

let folder: string;
let log: string;
beforeEach(() => {
  folder = scratchFolder('a blank ');
  log = join(folder, 'kern.log');
  writeFileSync(log, '', { mode: 0o640 });
});

function doubts({
  rules = '',
  allNetns = '0',
  path = log,
  from = 'file' as const,
  most = '96365',
  unprivileged = '1',
  apparmor = '0',
} = {}): string[] {
  const conf = join(folder, 'rsyslog.d');
  mkdirSync(conf, { recursive: true });
  writeFileSync(join(conf, 'a.conf'), rules);
  writeFileSync(join(folder, 'all_netns'), `${allNetns}\n`);
  const sysctl = (name: string, value: string): string => {
    writeFileSync(join(folder, name), `${value}\n`);
    return join(folder, name);
  };
  const settings = {
    allNetns: join(folder, 'all_netns'),
    rsyslog: [conf, '/nonexistent'],
    userNamespaces: {
      most: sysctl('most', most),
      unprivileged: sysctl('unprivileged', unprivileged),
      apparmor: sysctl('apparmor', apparmor),
    },
  };
  return doubtsOf({ from, path }, settings).map(({ what, remedy }) => `${what}: ${remedy}`);
}

it('a log that nobody else can write is not doubted', () => {
  expect(doubts()).toEqual([]);
  expect(doubts({ path: '/nonexistent/kern.log' })).toEqual([]);
});

it('a kernel that logs packets of any network namespace is', () => {
  expect(doubts({ allNetns: '1' })).toEqual([
    expect.stringMatching(
      /^net\.netfilter\.nf_log_all_netns is 1, .*: sysctl -w net.netfilter.nf_log_all_netns=0$/,
    ),
  ]);
});

it('a file that others may write is, and so is its folder', () => {
  chmodSync(log, 0o646);
  expect(doubts()).toEqual([expect.stringContaining(`chmod go-w "${log}"`)]);
  chmodSync(log, 0o640);
  chmodSync(folder, 0o777);
  expect(doubts()).toEqual([expect.stringContaining(`who could replace ${log}: chmod go-w "${folder}"`)]);
  chmodSync(folder, 0o1777);
  expect(doubts(), 'the sticky bit keeps others from that').toEqual([]);
});

describe('a file that syslog writes is doubted', () => {
  const split = [
    expect.stringMatching(/by way of \/proc\/kmsg .* can forge lines: read log: \{ from: kmsg \}/),
  ];
  const shared = [expect.stringContaining('holds what any local user tells syslog')];
  it.each([
    ['by facility, as on Debian', () => `kern.*\t\t-${log}\n`, shared],
    ['by an action', () => `*.* action(type="omfile" file="${log}")\n`, shared],
    ['unless the rule asks for imkmsg', () => `if $inputname == 'imkmsg' then ${log}\n& stop\n`, []],
    ['in another way by our rules, which imklog reads for', () => rsyslogText(log, 'KNOCK '), split],
    ['in another way by our rules, with any prefix', () => rsyslogText(log, 'K{\'"\\( '), split],
    [
      'unless the block asks for it',
      () => `if ($inputname == "imkmsg") then {\n  action(type="omfile"\n    file="${log}")\n}\n`,
      [],
    ],
    [
      'unless a block around it asks for it',
      () =>
        `if $inputname == 'imkmsg' then {\n  if $msg contains '}' then {\n    stop\n  }\n  if $msg contains 'x'\n    and $msg contains 'y' then\n  {\n    action(file="${log}")\n  }\n}\n`,
      [],
    ],
    ['by a filter of the older form', () => `:inputname, isequal, "imkmsg" -${log}\n`, []],
    [
      'not for what another program is given',
      () => `if $inputname == 'imkmsg' then {\n stop\n} else {\n ${log}\n}\n`,
      shared,
    ],
    [
      'differently where imklog reads the kernel',
      () => `if $inputname == 'imklog' then ${log}\n& stop\n`,
      split,
    ],
    [
      'differently in a block, and in an action of several lines',
      () => `if ($inputname == "imklog") then action(type="omfile"\n    file="${log}")\n`,
      split,
    ],
    [
      'differently where the kernel is read by either',
      () =>
        `if ($inputname == 'imklog' or ($inputname == 'imjournal' and $!_TRANSPORT == 'kernel'))\n   and $msg contains 'KNOCK IN=' then {\n  action(file="${log}")\n  stop\n}\n`,
      split,
    ],
    ['or for journald', () => `if $!_TRANSPORT == 'kernel' then ${log}\n`, []],
    [
      'also when but one of two rules asks',
      () => `if $inputname == 'imklog' then ${log}\nkern.* ${log}\n`,
      shared,
    ],
    ['not by a comment', () => `# kern.* ${log}\n`, []],
    ['not by a rule for another file', () => `kern.* ${log}.old\n`, []],
    [
      'after a block that is closed',
      () => `if $inputname == 'imklog' then {\n stop\n}\nkern.* ${log}\n`,
      shared,
    ],
  ])('%s', (_, rules, expected) => expect(doubts({ rules: rules() })).toEqual(expected));

  it('where no rule is known, by its name: a container sees the log of its host, and not what writes it', () => {
    expect(doubts({ path: '/var/log/messages' })).toEqual(shared);
    expect(doubts({ path: '/var/log/knock.log' })).toEqual([]);
  });
});

describe('a file that is written by way of /proc/kmsg', () => {
  const line = 'Nov 21 00:00:00 vm kernel: [  133.315636] KNOCK IN=eth0\n';

  it.each([
    ['rsyslog', line, true],
    ['busybox', 'Nov 21 00:14:51 vm kern.warn kernel: [ 1863.819774] usb 1-1: new\n', true],
    ['imkmsg', '2026-11-21T00:00:00Z vm kernel: KNOCK IN=eth0\n', false],
    ['another program', 'Nov 21 00:00:00 vm app: [  133.315636] KNOCK IN=eth0\n', false],
  ])('is known by the lines that are there: %s', (_, text, isSplit) => {
    writeFileSync(log, `${'x\n'.repeat(100_000)}${text}`);
    expect(doubts()).toEqual(
      isSplit ? [expect.stringContaining(`${log} is written by way of /proc/kmsg`)] : [],
    );
  });

  it.each([
    [{}, 'any local user (user.max_user_namespaces is not 0)'],
    [{ apparmor: '1' }, 'any local user whom AppArmor allows user namespaces'],
    [{ most: '0' }, 'anyone who may mount file systems'],
    [{ unprivileged: '0' }, 'anyone who may mount file systems'],
  ])('can be forged by those who can mount, %o', (sysctls, who) => {
    writeFileSync(log, line);
    expect(doubts(sysctls)).toEqual([expect.stringContaining(`where ${who}`)]);
  });
});
