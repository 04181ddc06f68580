import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { locksOf } from '../../../src/config/locks.ts';
import { OneTimeDoors } from '../../../src/config/one-time-doors.ts';
import { explainedDoors } from '../../../src/tools/explain/door.ts';
import { address, packet } from '../../attempt/traffic.ts';

const DOORS = `doors:
  a: { sequence: [1] }
  b: { sequence: [1], target: 192.0.2.254 }
  c: { sequence: [1], from: [192.0.2.0/24, "2001:db8::/32"] }
`;

it('a door has a reason to refuse just those packets that it does not admit', () => {
  const addresses = ['192.0.2.1', '198.51.100.1', '192.0.2.254', '2001:db8::1', '2001:db9::1'].map(address);
  const any = fc.constantFrom(...addresses);
  const setting = fc.constantFrom('', 'interface: eth0\n', 'ipv6: false\n');
  fc.assert(
    fc.property(any, any, fc.constantFrom('eth0', 'eth1', ''), setting, (src, dst, name, settings) => {
      const { config } = loadConfig(settings + DOORS);
      if (config === null) throw new SyntaxError(settings);
      for (const { lock, refusal } of explainedDoors(config, locksOf(config, new OneTimeDoors()))) {
        const sent = packet({ src, dst, in: name });
        expect(refusal(sent) === null).toBe(lock.admits(sent));
      }
    }),
  );
});
