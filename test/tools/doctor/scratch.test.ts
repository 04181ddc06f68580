import { describe, expect, it } from 'vitest';
import { type Network, parseNetwork, within } from '../../../src/lib/networks.ts';
import { drawWire } from '../../../src/tools/doctor/scratch.ts';

const network = (text: string): Network => parseNetwork(text) ?? expect.fail(text);
const isIn = (text: string) => within([network(text)]);
const TIMES = 200;

describe('the wire of a test', () => {
  it('has names and addresses that no other has, of networks that nobody routes', () => {
    const wires = Array.from({ length: TIMES }, () => drawWire([]));
    for (const { name, ends } of wires) {
      expect(name).toMatch(/^kt-[0-9a-f]{8}$/);
      for (const address of Object.values(ends[4])) expect(isIn('198.18.0.0/15')(address)).toBe(true);
      for (const address of Object.values(ends[6])) expect(isIn('fd00::/8')(address)).toBe(true);
      expect(isIn(`${ends[4].ours}/30`)(ends[4].theirs)).toBe(true);
      expect(isIn(`${ends[6].ours}/64`)(ends[6].theirs)).toBe(true);
    }
    expect(new Set(wires.map(({ name }) => name)).size).toBe(TIMES);
  });

  it('keeps away from the network that this host is in', () => {
    for (let time = 0; time < TIMES; time++) {
      const { ends } = drawWire([network('198.18.5.1/15')]);
      expect(isIn('198.51.100.0/24')(ends[4].theirs)).toBe(true);
    }
  });
});
