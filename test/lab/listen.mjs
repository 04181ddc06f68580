// Ports -> TCP listeners on all addresses of the namespace. Says `ready`, ends with its stdin.
// Usage: node listen.mjs PORT...

import { once } from 'node:events';
import { createServer } from 'node:net';

for (const port of process.argv.slice(2)) {
  const server = createServer((socket) => socket.on('error', () => undefined).end());
  server.listen(Number(port), '::');
  await once(server, 'listening');
}
process.stdout.write('ready\n');
process.stdin.resume().on('close', () => process.exit());
