/** A database of addresses in MaxMind's format, as bytes -> the country of an address. */

import { Reader, type Response } from 'mmdb-lib';
import { z } from 'zod';
import { EXIT, KnocktailError } from '../errors.ts';
import type { Address } from '../model.ts';
import type { CountryOf } from './traffic.ts';

const CODE = z.string().regex(/^[A-Z]{2}$/);
const PLACE = z.object({ iso_code: CODE }).transform(({ iso_code }) => iso_code);
/** As MaxMind and DB-IP have it, and as IPinfo and the lists made of it have. */
const RECORD = z.union([
  z.object({ country: PLACE }).transform(({ country }) => country),
  z.object({ registered_country: PLACE }).transform((it) => it.registered_country),
  z.object({ country_code: CODE }).transform((it) => it.country_code),
  z.object({ country: CODE }).transform(({ country }) => country),
]);
/** Sources come again: a flood of new ones must not have all of them remembered. */
const MOST_REMEMBERED = 65_536;

/** @throws KnocktailError 65 when it is no such database, at once or at the address where it is damaged */
export function countriesOf(database: Buffer, path: string): CountryOf {
  const reader = within(path, () => new Reader<Response>(database));
  const known = new Map<Address, string | null>();
  return (address) => {
    const before = known.get(address);
    if (before !== undefined) return before;
    const read = RECORD.safeParse(within(path, () => reader.get(address)));
    const code = read.success ? read.data : null;
    if (known.size >= MOST_REMEMBERED) known.clear();
    known.set(address, code);
    return code;
  };
}

function within<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const remedy = 'name a country or city database in MaxMind DB format (.mmdb)';
    throw new KnocktailError('is not a database of addresses', {
      where: path,
      exitCode: EXIT.DATA,
      remedy,
      cause,
    });
  }
}
