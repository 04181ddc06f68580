import { describe, expect, it } from 'vitest';
import { freePorts, listenedPorts } from '../../../src/tools/setup/ports.ts';
import { asPort } from '../../attempt/traffic.ts';

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21534 1 0 100 0 0 10 0
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue
  12: 00000000000000000000000001000000:2710 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
`;
const SERVICES = '# comment 3000/tcp\nhttp-alt\t8081/tcp\twebcache\nx-y_z 4000/udp # z\n';
const NOTHING = { sockets: [], services: '', localRange: '' };

describe('the ports that a knock may use', () => {
  it('are none of a socket, of either family', () => {
    const ports = new Set(freePorts({ ...NOTHING, sockets: [TCP, TCP6] }));
    expect([8080, 10_000, 8079].map((port) => ports.has(asPort(port)))).toEqual([false, false, true]);
  });

  it('are none of a known service, and none below 1024', () => {
    const ports = freePorts({ ...NOTHING, services: SERVICES });
    expect(ports[0]).toBe(1024);
    expect([8081, 4000, 3000].map((port) => ports.includes(asPort(port)))).toEqual([false, false, true]);
  });

  it('are outside the range of connections from here', () => {
    const of = (localRange: string) => {
      const ports = freePorts({ ...NOTHING, localRange });
      return [19_999, 20_000, 30_000, 30_001].map((port) => ports.includes(asPort(port)));
    };
    expect(of('20000\t30000\n')).toEqual([true, false, false, true]);
    expect(of('')).toEqual([true, true, true, true]);
    expect(freePorts(NOTHING).includes(asPort(32_768))).toBe(false);
  });

  it('are inside it too, where that leaves few others', () => {
    expect(freePorts({ ...NOTHING, localRange: '1024 65535' })).toHaveLength(64_512);
  });
});

it('a port on which a program listens for others is in use, and one for this host alone is not', () => {
  const line = (address: string, port: number, state: string): string =>
    `   0: ${address}:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 ${state} 00000000:00000000\n`;
  const tcp = [
    line('00000000', 22, '0A'),
    line('0100007F', 631, '0A'),
    line('0101A8C0', 443, '01'),
    line('0101A8C0', 8080, '0A'),
  ].join('');
  const tcp6 = line('00000000000000000000000001000000', 25, '0A') + line('0'.repeat(32), 80, '0A');
  const udp = line('00000000', 123, '07') + line('00000000', 5353, '01');
  const sockets = [
    { proto: 'tcp', text: `  sl  local_address rem_address\n${tcp}` },
    { proto: 'tcp', text: tcp6 },
    { proto: 'udp', text: udp },
  ] as const;
  expect([...listenedPorts(sockets)]).toEqual(['22/tcp', '8080/tcp', '80/tcp', '123/udp']);
});
