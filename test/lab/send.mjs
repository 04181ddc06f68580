// Packets as JSON on stdin, [{"src","dst","proto","port","pauseMs"}] -> the wire, one TCP SYN or UDP datagram each,
// after its pause. Says `done` at the end. Nothing goes out near the turn of a second: what counts whole seconds
// may then see another one than the log prints.

import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const MARGIN_MS = 60;
/** Before a SYN would be sent again, and after it has gone. */
const SYN_MS = 4;

let text = '';
for await (const chunk of process.stdin) text += chunk;
for (const { src, dst, proto, port, pauseMs } of JSON.parse(text)) {
  await sleep(pauseMs);
  const ms = Date.now() % 1000;
  if (ms < MARGIN_MS) await sleep(MARGIN_MS - ms);
  else if (ms > 1000 - MARGIN_MS) await sleep(1000 - ms + MARGIN_MS);
  await (proto === 'udp' ? sendDatagram(src, dst, port) : sendSyn(src, dst, port));
}
process.stdout.write('done\n');

/** @param {string} src @param {string} dst @param {number} port */
async function sendSyn(src, dst, port) {
  const socket = connect({ host: dst, port, localAddress: src });
  socket.on('error', () => undefined);
  await sleep(SYN_MS);
  socket.destroy();
}

/** @param {string} src @param {string} dst @param {number} port */
async function sendDatagram(src, dst, port) {
  const socket = createSocket(isIPv6(dst) ? 'udp6' : 'udp4');
  await new Promise((resolve) => socket.bind({ address: src }, () => resolve(undefined)));
  await new Promise((resolve) => socket.send(Buffer.alloc(1), port, dst, () => resolve(undefined)));
  socket.close();
}
