// Ports -> UDP sockets that send back what comes in. Says `ready`, ends with its stdin.
// Usage: node echo.mjs PORT...

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

for (const port of process.argv.slice(2)) {
  const socket = createSocket('udp4', (bytes, from) => socket.send(bytes, from.port, from.address));
  socket.bind(Number(port));
  await once(socket, 'listening');
}
process.stdout.write('ready\n');
process.stdin.resume().on('close', () => process.exit());
