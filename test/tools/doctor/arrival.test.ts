import { describe, expect, it } from 'vitest';
import { type Arrival, checkArrival, type KernelLine, untested } from '../../../src/tools/doctor/arrival.ts';

const SEEN = {
  log: '/var/log/knock.log',
  prefix: 'KNOCK ',
  format: 'kernel',
  lagMs: 3,
  maxAgeMs: 10_000,
} as const;
const LOST = { ...SEEN, lagMs: null };
const ARRIVAL: Arrival = {
  check: 'self-test, IPv4',
  packet: '4438/tcp from 198.18.0.2',
  limitMs: 5_000,
  sightings: [LOST],
  kernel: { is: 'missing' },
  isNetworkOfItsOwn: false,
};
const written = (prefix: string): KernelLine => ({ is: 'written', prefixes: [prefix] });

function said(changes: Partial<Arrival>): string[] {
  return checkArrival({ ...ARRIVAL, ...changes }).map(
    ({ status, detail, remedy }) => `${status}: ${detail}${remedy === null ? '' : ` -> ${remedy}`}`,
  );
}

describe('the packet of a test', () => {
  it('is well where the log shows it', () => {
    expect(said({ sightings: [SEEN] })).toEqual([
      'ok: 4438/tcp from 198.18.0.2 was in /var/log/knock.log within a second',
    ]);
  });

  it('is too late where a knock would be', () => {
    expect(said({ sightings: [{ ...SEEN, lagMs: 2_900 }] })).toEqual([
      'ok: 4438/tcp from 198.18.0.2 was in /var/log/knock.log after 3 s',
    ]);
    expect(said({ sightings: [{ ...SEEN, lagMs: 2_900, maxAgeMs: 2_000 }] })[0]).toMatch(
      /^warn: .* after 3 s, and what is older than log.max_age opens nothing -> see why it comes so late: see that rsyslog/,
    );
  });

  it('is lost at the rules where the kernel has not logged it', () => {
    expect(said({})).toEqual([
      'fail: the kernel logged nothing of 4438/tcp from 198.18.0.2 within 5 s -> knocktail rules --apply',
    ]);
    expect(said({ isNetworkOfItsOwn: true })[0]).toContain('while net.netfilter.nf_log_all_netns is 0');
  });

  it('is lost at the prefix where the kernel has logged it with another', () => {
    expect(said({ kernel: written('[UFW BLOCK] ') })[0]).toContain(
      'with the prefix "[UFW BLOCK] ", not with the prefix "KNOCK " -> knocktail rules --apply, or write',
    );
  });

  it('may be logged by other rules, too', () => {
    const kernel: KernelLine = { is: 'written', prefixes: ['[UFW BLOCK] ', 'KNOCK '] };
    expect(said({ kernel })[0]).toContain('but /var/log/knock.log did not show it');
  });

  it('is lost on the way to the log where the kernel has logged it as it should', () => {
    expect(said({ kernel: written('KNOCK ') })[0]).toMatch(
      /^fail: the kernel logged .*, but \/var\/log\/knock.log did not show it within 5 s -> see that rsyslog runs/,
    );
    expect(said({ kernel: written('KNOCK '), sightings: [{ ...LOST, log: 'journal' }] })[0]).toContain(
      'ReadKMsg=no',
    );
    expect(said({ kernel: written('KNOCK '), sightings: [{ ...LOST, format: 'ulogd' }] })[0]).toContain(
      'see that ulogd2 runs',
    );
  });

  it('is lost somewhere where nobody may ask the kernel', () => {
    expect(said({ kernel: { is: 'unknown' }, sightings: [{ ...LOST, log: 'kmsg' }] })).toEqual([
      'fail: 4438/tcp from 198.18.0.2 was not in /dev/kmsg within 5 s -> knocktail rules --apply; if that has nothing to do, see what dmesg -w shows',
    ]);
  });

  it('is doubtful where one of several logs shows it', () => {
    const [other, one] = said({ sightings: [LOST, SEEN], kernel: written('KNOCK ') });
    expect(one).toMatch(/^ok/);
    expect(other).toMatch(/^warn: the kernel logged/);
  });
});

describe('without a packet', () => {
  it('nothing is said, but of a network that the kernel does not log by itself', () => {
    expect(untested(false, false).status).toBe('skip');
    expect(untested(true, false)).toMatchObject({ status: 'warn', remedy: 'knocktail doctor --knock' });
    expect(untested(true, true)).toMatchObject({
      status: 'warn',
      remedy: expect.stringMatching(/^run it on the network of the host/),
    });
  });
});
