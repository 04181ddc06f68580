import { describe, expect, it } from 'vitest';
import { familyOf, parseAddress, parsePort } from '../src/address.ts';

describe('an address', () => {
  it('is canonical whatever its spelling', () => {
    expect(parseAddress('2001:0DB8:0000:0000:0000:0000:0000:0001')).toBe('2001:db8::1');
    expect(parseAddress('::ffff:0606:0606')).toBe('::ffff:6.6.6.6');
    expect(parseAddress('192.0.2.1')).toBe('192.0.2.1');
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

describe('a port', () => {
  it.each(['0', '22', '65535'])('is "%s"', (text) => expect(parsePort(text)).toBe(Number(text)));
  it.each(['65536', '-1', '', '1e3', '0x16', ' 22', '22 '])('is not "%s"', (text) =>
    expect(parsePort(text)).toBeNull(),
  );
});
