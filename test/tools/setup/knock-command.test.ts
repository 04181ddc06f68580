import { expect, it } from 'vitest';
import { bashCommand, knockCommand } from '../../../src/tools/setup/knock-command.ts';
import { asPort } from '../../attempt/traffic.ts';

const SEQUENCE = [
  { proto: 'tcp', port: asPort(4438) },
  { proto: 'udp', port: asPort(1813) },
] as const;

it('a sequence is knocked by the client in the spelling of the configuration', () => {
  expect(knockCommand('host.example', SEQUENCE)).toBe('knock host.example 4438 1813:udp');
});

it('a sequence is knocked by bash through its own devices', () => {
  expect(bashCommand('192.0.2.1', SEQUENCE)).toBe(
    'for p in tcp/192.0.2.1/4438 udp/192.0.2.1/1813; do timeout 0.3 bash -c "echo >/dev/$p"; done 2>/dev/null',
  );
});
