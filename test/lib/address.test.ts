import { SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf, familyOf, networkOf, numbersOf, parseAddress, parsePort } from '../../src/lib/address.ts';
import { within } from '../../src/lib/networks.ts';
import { address } from '../attempt/traffic.ts';

describe('an address', () => {
  it('is canonical whatever its spelling', () => {
    expect(parseAddress('2001:0DB8:0000:0000:0000:0000:0000:0001')).toBe('2001:db8::1');
    expect(parseAddress('::ffff:0606:0606')).toBe('::ffff:6.6.6.6');
    expect(parseAddress('192.0.2.1')).toBe('192.0.2.1');
  });
  it('over IPv6 is written as the C library does, and is the same again from its numbers', () => {
    const group = fc.oneof(fc.constantFrom(0, 0, 1, 0xffff), fc.nat(0xffff));
    const full = fc.array(group, { minLength: 8, maxLength: 8 });
    const texts = fc.oneof(
      fc.ipV6(),
      full.map((groups) => groups.map((each) => each.toString(16)).join(':')),
      full.map((groups) => groups.map((each) => each.toString(16).toUpperCase().padStart(4, '0')).join(':')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const canonical = new SocketAddress({ address: text, family: 'ipv6' }).address;
        expect(parseAddress(text)).toBe(canonical);
        expect(addressOf(numbersOf(address(canonical)))).toBe(canonical);
      }),
      { numRuns: 5_000 },
    );
  });
  it.each(['010.1.1.1', '1.2.3', '256.1.1.1', 'fe80::1%eth0', '1.2.3.4/32', '', ' 1.2.3.4', 'localhost'])(
    'is not "%s"',
    (text) => expect(parseAddress(text)).toBeNull(),
  );
  it('knows its family', () => {
    expect(
      ['192.0.2.1', '2001:db8::1'].map((text) => familyOf(parseAddress(text) ?? expect.fail(text))),
    ).toEqual([4, 6]);
  });
});

describe('a network', () => {
  it.each([
    ['10.1.2.3', 8, '10.0.0.0'],
    ['203.0.113.255', 25, '203.0.113.128'],
    ['203.0.113.7', 32, '203.0.113.7'],
    ['203.0.113.7', 0, '0.0.0.0'],
    ['2001:db8:ffff::1', 36, '2001:db8:f000::'],
    ['2001:db8::1', 128, '2001:db8::1'],
    ['::ffff:1.2.3.4', 112, '::ffff:1.2.0.0'],
    ['fe80::1', 0, '::'],
  ])('that %s/%i is in begins with %s', (inside, length, first) => {
    expect(networkOf(address(inside), length)).toBe(first);
  });

  it('has all its addresses in common with that of its first', () => {
    const anyAddress = fc.oneof(fc.ipV4(), fc.ipV6()).map(address);
    fc.assert(
      fc.property(anyAddress, fc.integer({ min: 1, max: 128 }), (one, bits) => {
        const length = familyOf(one) === 4 ? Math.ceil(bits / 4) : bits;
        const first = networkOf(one, length);
        expect(networkOf(first, length)).toBe(first);
        expect(within([{ address: first, length }])(one)).toBe(true);
      }),
    );
  });
});

describe('a port', () => {
  it.each(['0', '22', '65535'])('is "%s"', (text) => expect(parsePort(text)).toBe(Number(text)));
  it.each(['65536', '-1', '', '1e3', '0x16', ' 22', '22 '])('is not "%s"', (text) =>
    expect(parsePort(text)).toBeNull(),
  );
});
