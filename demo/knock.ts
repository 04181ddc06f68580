/** HOST PORT[:udp]... -> one packet to each port in turn. */

import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';

/** Between knocks, so that they are logged in order; and long before TCP would send its SYN again. */
const PACE_MS = 100;

const [, , host = '', ...knocks] = process.argv;
for (const knock of knocks) {
  const [port, proto] = knock.split(':');
  if (proto === 'udp') await sendDatagram(Number(port));
  else await sendSyn(Number(port));
}

async function sendSyn(port: number): Promise<void> {
  const socket = connect({ host, port });
  socket.on('error', () => undefined);
  await pause();
  socket.destroy();
}

async function sendDatagram(port: number): Promise<void> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.send(Buffer.alloc(1), port, host);
  await pause();
  socket.close();
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PACE_MS));
}
