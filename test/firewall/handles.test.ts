import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Handles, pair } from '../../src/firewall/handles.ts';
import { linesOf } from '../../src/firewall/listing.ts';
import { removeFolder } from '../lab/remove-folder.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

/** What iptables 1.8.9 and nft 1.0.6 print of one chain. */
const RULES = [
  '-s 10.0.0.8/32 -p tcp -m tcp --dport 22 -m comment --comment "knocktail:ssh until=1800000000" -m time --datestop 2027-01-15T07:59:59 -j ACCEPT',
  '-s 192.0.2.0/24 -j DROP',
  '-s 10.0.0.7/32 -p tcp -m tcp --dport 22 -m comment --comment "knocktail:ssh until=never" -j ACCEPT',
];
const LISTED = ['-N KNOCKD', ...RULES.map((rule) => `-A KNOCKD ${rule}`), ''].join('\n');
const NFT = `# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip filter {
	chain KNOCKD { # handle 1
		ip saddr 10.0.0.8 tcp dport 22  meta time "1970-01-01 00:00:00"-"2027-01-15 07:59:59" counter packets 0 bytes 0 accept # handle 10001
		ip saddr 192.0.2.0/24 counter packets 0 bytes 0 drop # handle 12
		ip saddr 10.0.0.7 tcp dport 22  counter packets 0 bytes 0 accept # handle 9
	}
}
`;

const lines = linesOf(LISTED, 'KNOCKD');

describe('two listings of one chain', () => {
  it('give each rule its handle, by their order', () => {
    expect(pair(lines, NFT)).toEqual(new Map(lines.map((line, at) => [line, [[10_001], [12], [9]][at]])));
  });

  it('give handles to all but the rules that were inserted ahead of them', () => {
    expect(pair(lines.slice(1), NFT)).toEqual(
      new Map(lines.slice(1).map((line, at) => [line, [[12], [9]][at]])),
    );
  });

  it('of which nft has a rule less give none', () => {
    expect(pair(lines, NFT.replace(/.*handle 12\n/, ''))).toBeNull();
  });

  it('that do not agree on a source give none', () => {
    expect(pair(lines.toReversed(), NFT)).toBeNull();
    expect(pair(lines, NFT.replace('10.0.0.7', '10.0.0.77'))).toBeNull();
  });

  it('give a rule that stands twice both of its handles', () => {
    const twice = NFT.replace(/.*handle 12\n/, '').replace('10.0.0.8', '10.0.0.7');
    expect(pair([lines[2] ?? '', lines[2] ?? ''], twice)).toEqual(new Map([[lines[2], [10_001, 9]]]));
  });
});

describe('handles', () => {
  let folder: string;
  let listings: string[];
  beforeEach(() => {
    folder = scratchFolder();
    listings = [];
    say('chain', NFT);
    const script = `case "$*" in *"list chain"*) cat chain;; "-f -") cat >> fed; exit "$(cat status)";; esac`;
    writeFileSync(join(folder, 'nft'), `#!/bin/sh\ncd "$(dirname "$0")"\n${script}\n`, { mode: 0o755 });
    say('status', '0');
  });
  afterEach(() => removeFolder(folder));

  const say = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const fed = () => (existsSync(join(folder, 'fed')) ? readFileSync(join(folder, 'fed'), 'utf8') : null);
  const handles = () =>
    new Handles({
      ...{ nft: join(folder, 'nft'), family: 4, chain: 'KNOCKD', timeLimitMs: 10_000 },
      list: async () => listings.shift() ?? LISTED,
    });

  it('are what rules are deleted by, all in one transaction', async () => {
    const known = handles();
    expect(await known.read()).toBe(true);
    const taken = [known.take(lines[0] ?? ''), known.take(lines[2] ?? '')];
    expect(taken).toEqual([10_001, 9]);
    expect([known.has(lines[0] ?? ''), known.has(lines[1] ?? ''), known.take(lines[0] ?? '')]).toEqual([
      ...[false, true, null],
    ]);
    expect(await known.delete([10_001, 9])).toBe(true);
    expect(fed()).toBe(
      'add chain ip filter KNOCKD-ENDED\nflush chain ip filter KNOCKD-ENDED\n' +
        'delete rule ip filter KNOCKD handle 10001\ndelete rule ip filter KNOCKD handle 9\n',
    );
  });

  it('are found while doors are opened, as new rules go to the head of the chain', async () => {
    const opened = LISTED.replace('-A KNOCKD', '-A KNOCKD -s 10.9.0.1/32 -j ACCEPT\n-A KNOCKD');
    listings = [LISTED, opened];
    const known = handles();
    expect(await known.read()).toBe(true);
    expect(listings).toEqual([]);
    expect(known.take(lines[2] ?? '')).toBe(9);
  });

  it('are read again when rules were removed in the meantime, and not for ever', async () => {
    const [before] = LISTED.split('-A KNOCKD -s 192');
    listings = [LISTED, before ?? ''];
    expect(await handles().read()).toBe(true);
    listings = Array.from({ length: 20 }, (_, at) => `${LISTED}-A KNOCKD -s 10.9.0.${at}/32 -j DROP\n`);
    expect(await handles().read()).toBe(false);
  });

  it('leave no mark in the table once the last was deleted', async () => {
    const known = handles();
    await known.read();
    const all = lines.map((line) => known.take(line)).filter((handle) => handle !== null);
    expect(await known.delete(all)).toBe(true);
    expect(fed()).toContain(
      'delete chain ip filter KNOCKD-ENDED\ndelete rule ip filter KNOCKD handle 10001\n',
    );
  });

  it('leave no mark in the table where they could not be found', async () => {
    say('chain', '');
    expect(await handles().read()).toBe(false);
    expect(fed()).toBe('add chain ip filter KNOCKD-ENDED\ndelete chain ip filter KNOCKD-ENDED\n');
  });

  it('that are refused have deleted nothing', async () => {
    const known = handles();
    await known.read();
    say('status', '1');
    expect(await known.delete([9])).toBe(false);
  });
});
