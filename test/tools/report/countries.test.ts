import { expect, it } from 'vitest';
import { countriesOf } from '../../../src/tools/report/countries.ts';
import { mmdbOf } from './mmdb.ts';
import { toAddress } from './traffic.ts';

const database = mmdbOf({
  '192.0.2.0/24': { country: { iso_code: 'DE' } },
  '198.51.100.128/25': { registered_country: { iso_code: 'BR' } },
  '203.0.113.0/24': { country: 'Netherlands', country_code: 'NL' },
  '100.64.0.0/10': { country: 'JP' },
  '10.0.0.0/8': { country: { iso_code: '<b>' } },
  '2001:db8::/32': { country: { iso_code: 'US' } },
});

it.each([
  ['192.0.2.7', 'DE'],
  ['198.51.100.200', 'BR'],
  ['198.51.100.1', null],
  ['203.0.113.9', 'NL'],
  ['100.100.0.1', 'JP'],
  ['10.1.1.1', null],
  ['2001:db8::7', 'US'],
  ['2001:db9::7', null],
])('%s is of %s', (address, country) => {
  const countryOf = countriesOf(database, 'test.mmdb');
  expect([1, 2].map(() => countryOf(toAddress(address)))).toEqual([country, country]);
});

it('knows no country of IPv6 from a database for IPv4 alone', () => {
  const ofV4 = mmdbOf({ '32.1.13.0/24': { country_code: 'US' } }, 4);
  const countryOf = countriesOf(ofV4, 'ipv4.mmdb');
  // 2001:db8:: begins with the bits of 32.1.13.184.
  expect(['32.1.13.184', '2001:db8::7'].map((address) => countryOf(toAddress(address)))).toEqual([
    'US',
    null,
  ]);
});

it('takes nothing else for a database, nor one that is damaged', () => {
  expect(() => countriesOf(Buffer.from('no database'), 'x.mmdb')).toThrow('x.mmdb: is not a database');
  // Its first node points far behind the data.
  const damaged = Buffer.concat([Buffer.from([0, 0xff, 0xff, 0, 0xff, 0xff]), database.subarray(6)]);
  expect(() => countriesOf(damaged, 'x.mmdb')(toAddress('192.0.2.7'))).toThrow('x.mmdb: is not a database');
});
