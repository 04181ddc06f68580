/** Finds the rules of a chain that may match a packet, without a look at those for other ports or addresses. */

import { familyOf, networkOf } from '../lib/address.ts';
import { parseNetwork } from '../lib/networks.ts';
import type { Address, Family } from '../model.ts';
import { isWide, optionsOf, type Probe } from './packet-match.ts';

type Spec = readonly string[];

/** What a rule asks for nothing of. */
const ANY = '';
/** A wider range of ports is looked at for every packet. */
const WIDEST_RANGE = 64;

/** A rule that is left out here is one that `matchRule` says `no` of. */
export class RuleIndex {
  /** Places of rules, by source, destination and port. */
  readonly #places = new Map<string, number[]>();
  readonly #sources = new Networks();
  readonly #targets = new Networks();

  constructor(specs: readonly Spec[]) {
    specs.forEach((spec, place) => {
      let [source, target, ports]: [string, string, readonly string[]] = [ANY, ANY, [ANY]];
      for (const { option, value, isNegated } of optionsOf(spec)) {
        if (isNegated) continue;
        if (option === '-s') source = this.#sources.add(value);
        else if (option === '-d') target = this.#targets.add(value);
        else if (option === '--dport' || option === '--dports') ports = portsOf(value);
      }
      for (const port of ports) {
        const key = `${source} ${target} ${port}`;
        const others = this.#places.get(key);
        if (others === undefined) this.#places.set(key, [place]);
        else others.push(place);
      }
    });
  }

  /** In the order of the rules. */
  placesFor({ from, to, port }: Probe): readonly number[] {
    const ports = port === null ? [ANY] : [ANY, String(port)];
    const found: number[] = [];
    let lists = 0;
    for (const source of this.#sources.around(from)) {
      for (const target of this.#targets.around(to)) {
        for (const each of ports) {
          const places = this.#places.get(`${source} ${target} ${each}`);
          if (places === undefined) continue;
          lists++;
          for (const place of places) found.push(place);
        }
      }
    }
    return lists > 1 ? found.sort((a, b) => a - b) : found;
  }
}

/** The networks that rules name. */
class Networks {
  readonly #names = new Set<string>([ANY]);
  readonly #lengths: Readonly<Record<Family, Set<number>>> = { 4: new Set(), 6: new Set() };

  /** @returns what the rule is filed under */
  add(text: string): string {
    const network = parseNetwork(text);
    // Such a text is not understood, or strangers may come from there, too.
    if (network === null || isWide(network)) return ANY;
    const { address, length } = network;
    const name = `${address}/${length}`;
    this.#names.add(name);
    this.#lengths[familyOf(address)].add(length);
    return name;
  }

  /** Those that an address is in; all where it is not known. */
  around(address: Address | 'stranger' | null): Iterable<string> {
    if (address === null) return this.#names;
    if (address === 'stranger') return [ANY];
    const lengths = [...this.#lengths[familyOf(address)]];
    return [ANY, ...lengths.map((length) => `${networkOf(address, length)}/${length}`)];
  }
}

function portsOf(text: string): readonly string[] {
  const ports: string[] = [];
  for (const range of text.split(',')) {
    const [, low = '', high = low] = /^(\d+)(?::(\d+))?$/.exec(range) ?? [];
    if (low === '' || Number(high) - Number(low) > WIDEST_RANGE) return [ANY];
    for (let port = Number(low); port <= Number(high); port++) ports.push(String(port));
  }
  return [...new Set(ports)];
}
