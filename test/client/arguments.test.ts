import { describe, expect, it } from 'vitest';
import { parseDelay, parseSteps } from '../../src/client/arguments.ts';
import { resolveHost } from '../../src/client/host.ts';
import { knock, listenForDatagrams } from './knocking.ts';

describe('steps', () => {
  it('are ports over TCP unless they say :udp, and pings', () => {
    expect(parseSteps(['7000', '7001:tcp', '7002:udp', 'icmp', 'icmp:64'], false)).toEqual([
      { proto: 'tcp', port: 7000 },
      { proto: 'tcp', port: 7001 },
      { proto: 'udp', port: 7002 },
      { proto: 'icmp', size: null },
      { proto: 'icmp', size: 64 },
    ]);
  });

  it('with -u are UDP even where they say :tcp, and pings stay pings', () => {
    expect(parseSteps(['7000', '7001:tcp', '7002:udp', 'icmp'], true)).toEqual([
      { proto: 'udp', port: 7000 },
      { proto: 'udp', port: 7001 },
      { proto: 'udp', port: 7002 },
      { proto: 'icmp', size: null },
    ]);
  });

  it.each(['0', '65536', '-1', '+7', '7000x', '7000:', '7000:sctp', '7000,7001', 'ssh', '', 'icmp:65508'])(
    'are not %j',
    (text) => {
      const said = `not a step (${text}), write a port from 1 to 65535, PORT:tcp, PORT:udp`;
      expect(() => parseSteps(['7000', text], false)).toThrow(said);
    },
  );
});

describe('a delay', () => {
  it.each([
    ['0', 0],
    ['250', 250],
    ['2147483647', 2_147_483_647],
  ])('of %s is %i ms', (text, ms) => expect(parseDelay(text)).toBe(ms));

  it.each(['', '-5', '1.5', '1s', 'abc', '2147483648'])('is not %j', (text) => {
    expect(() => parseDelay(text)).toThrow(
      `--delay: not a delay (${text}), write whole milliseconds, from 0 to`,
    );
  });
});

describe('a host', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1', 4],
    ['FD77:0::1', 'fd77::1', 6],
    ['fe80::0:1%lo', 'fe80::1%lo', 6],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1', 6],
    ['127.1', '127.0.0.1', 4],
  ])('%s is %s', async (host, address, family) => {
    expect(await resolveHost(host, null)).toEqual({ address, family });
  });

  it('of a link needs the interface that leads to it', async () => {
    await expect(resolveHost('fe80::1', null)).rejects.toMatchObject({
      exitCode: 64,
      message: expect.stringContaining('write fe80::1%eth0'),
    });
  });

  it.each([
    ['::1', 4, 'no IPv4 address for this host (::1), name another or do without -4'],
    ['127.0.0.1', 6, 'no IPv6 address for this host (127.0.0.1), name another or do without -6'],
    ['nosuch.invalid', null, 'no address for this host (nosuch.invalid), '],
    ['nosuch.invalid', 6, 'no IPv6 address for this host (nosuch.invalid), '],
    ['', null, 'no address for this host (), name one'],
  ] as const)('%j is none over IPv%s', async (host, family, said) => {
    await expect(resolveHost(host, family)).rejects.toThrow(said);
    await expect(resolveHost(host, family)).rejects.toMatchObject({ exitCode: 68 });
  });
});

describe('a command line', () => {
  it.each([
    [[], "error: missing required argument 'host'"],
    [['127.0.0.1'], "error: missing required argument 'step'"],
    [['--bogus', '127.0.0.1', '9'], "error: unknown option '--bogus'"],
    [['127.0.0.1', '9', '-1'], "error: unknown option '-1'"],
    [['127.0.0.1', '9', '-d'], "error: option '-d, --delay <ms>' argument missing"],
    [['-d', '-5', '127.0.0.1', '9'], '--delay: not a delay (-5)'],
    [['127.0.0.1', '70000'], 'not a step (70000)'],
  ])('of %j ends with 64 and says why', async (argv, said) => {
    const { code, stdout, stderr } = await knock(...argv);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain(said);
  });

  it.each([
    ['-h', 'Usage: knock [options] <host> <step...>'],
    ['--help', 'Usage: knock [options] <host> <step...>'],
    ['-V', 'knock (knocktail) 1.2.3\n'],
    ['--version', 'knock (knocktail) 1.2.3\n'],
  ])('of %s alone is answered on stdout', async (option, said) => {
    const { code, stdout, stderr } = await knock(option);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(said);
  });

  it('that is wrong in its last word sends nothing', async () => {
    await using datagrams = await listenForDatagrams();
    const step = `${datagrams.port}:udp`;
    expect((await knock('127.0.0.1', step, '0')).code).toBe(64);
    expect((await knock('nosuch.invalid', step)).code).toBe(68);
    expect((await knock('127.0.0.1', step)).code).toBe(0);
    await expect.poll(() => datagrams.received).toHaveLength(1);
  });

  it.each([
    [['-4', '-6'], 68],
    [['-6', '-4'], 0],
    [['--ipv6', '--ipv4'], 0],
  ])('with %j follows the last of the two', async (options, code) => {
    expect((await knock(...options, '127.0.0.1', '9:udp')).code).toBe(code);
  });
});
