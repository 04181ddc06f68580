/** Who could have written a log, by how a machine is set up. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { doubtsOf } from '../../src/line/trust.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

let folder: string;
let log: string;
beforeEach(() => {
  folder = scratchFolder('a blank ');
  log = join(folder, 'kern.log');
  writeFileSync(log, '', { mode: 0o640 });
});

function doubts({ rules = '', allNetns = '0', path = log, from = 'file' as const } = {}): string[] {
  const conf = join(folder, 'rsyslog.d');
  mkdirSync(conf, { recursive: true });
  writeFileSync(join(conf, 'a.conf'), rules);
  writeFileSync(join(folder, 'all_netns'), `${allNetns}\n`);
  const settings = { allNetns: join(folder, 'all_netns'), rsyslog: [conf, '/nonexistent'] };
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
  expect(doubts()).toEqual([expect.stringContaining(`chmod o-w "${log}"`)]);
  chmodSync(log, 0o640);
  chmodSync(folder, 0o777);
  expect(doubts()).toEqual([expect.stringContaining(`who could replace ${log}: chmod o-w "${folder}"`)]);
  chmodSync(folder, 0o1777);
  expect(doubts(), 'the sticky bit keeps others from that').toEqual([]);
});

describe('a file that syslog writes is doubted', () => {
  const shared = [expect.stringContaining('holds what any local user tells syslog')];
  it.each([
    ['by facility, as on Debian', () => `kern.*\t\t-${log}\n`, shared],
    ['by an action', () => `*.* action(type="omfile" file="${log}")\n`, shared],
    ['unless the rule asks for the kernel', () => `if $inputname == 'imklog' then ${log}\n& stop\n`, []],
    [
      'unless the block asks for it',
      () => `if ($inputname == "imklog") then {\n  action(type="omfile"\n    file="${log}")\n}\n`,
      [],
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
