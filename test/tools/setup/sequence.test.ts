import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isMonotonic } from '../../../src/config/weak.ts';
import { freePorts } from '../../../src/tools/setup/ports.ts';
import { drawSequence } from '../../../src/tools/setup/sequence.ts';
import { asPort } from '../../attempt/traffic.ts';

it('a drawn sequence has two steps of each protocol at four ports that neither rise nor fall', () => {
  const ports = freePorts({ sockets: [], services: '', localRange: '' });
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat()), (numbers) => {
      const next = (limit: number) => Number(numbers.next().value) % limit;
      const steps = drawSequence(ports, next);
      expect(steps.map(({ proto }) => proto).sort()).toEqual(['tcp', 'tcp', 'udp', 'udp']);
      expect(new Set(steps.map((step) => (step.proto === 'icmp' ? 0 : step.port))).size).toBe(4);
      expect(isMonotonic(steps)).toBe(false);
    }),
  );
});

it('every order of protocols and ports is drawn', () => {
  const ports = [1, 2, 3, 4].map(asPort);
  let state = 1;
  const next = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const drawn = new Set(Array.from({ length: 4_000 }, () => JSON.stringify(drawSequence(ports, next))));
  // 24 orders less those that rise or fall, by 6 of protocols.
  expect(drawn.size).toBe(22 * 6);
});
