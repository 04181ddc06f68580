/** Hashes the integers of a client for the tables of attempts and sweeps. */

/** Anyone who knew it could choose addresses that all have one place. No decision depends on it. */
const SEED = Math.floor(Math.random() * 2 ** 32);

/** MurmurHash3 of three words (A. Appleby), from a beginning that nobody knows: a signed integer of 32 bits. */
export function hashOf(head: number, a: number, b: number): number {
  let hash = mixed(mixed(mixed(SEED, head), a), b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mixed(hash: number, word: number): number {
  const spread = Math.imul(word, 0xcc9e2d51);
  const both = hash ^ Math.imul((spread << 15) | (spread >>> 17), 0x1b873593);
  return (Math.imul((both << 13) | (both >>> 19), 5) + 0xe6546b64) | 0;
}
