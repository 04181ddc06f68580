/** Looks up the country of an address in a MaxMind database. */

import { isIPv6 } from 'node:net';
import { Reader, type Response } from 'mmdb-lib';
import { z } from 'zod';
import { EXIT, KnocktailError } from '../../errors.ts';
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
/** Of a country database there are some hundreds of records; of one of cities not all are to be kept. */
const MOST_KEPT = 65_536;

/** @throws KnocktailError 65 when it is no such database, at once or at the address where it is damaged */
export function countriesOf(database: Buffer, path: string): CountryOf {
  const reader = within(path, () => new Reader<Response>(database, { cache: new Kept() }));
  const codes = new WeakMap<Response, string | null>();
  const isOfV4Alone = reader.metadata.ipVersion === 4;
  return (address) => {
    // The reader would take the first 32 bits of it for an address of IPv4.
    if (isOfV4Alone && isIPv6(address)) return null;
    const record = within(path, () => reader.get(address));
    if (record === null) return null;
    const before = codes.get(record);
    if (before !== undefined) return before;
    const { data: code = null } = RECORD.safeParse(record);
    codes.set(record, code);
    return code;
  };
}

/** What is kept is the same object each time, so that its country is read once. */
class Kept extends Map<number | string, unknown> {
  override set(key: number | string, value: unknown): this {
    if (this.size >= MOST_KEPT) this.clear();
    return super.set(key, value);
  }
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
