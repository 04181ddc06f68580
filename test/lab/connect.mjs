// Host and port -> whether a TCP connection comes about, as JSON: {"outcome","startedAt","endedAt"}, moments in ms.
// Usage: node connect.mjs HOST PORT TIME_LIMIT_MS

import { connect } from 'node:net';

const [, , host = '', port = '', limitMs = ''] = process.argv;
const startedAt = Date.now();
const socket = connect({ host, port: Number(port) });
const limit = setTimeout(tell, Number(limitMs), 'dropped');
socket.on('connect', () => tell('open'));
socket.on('error', (error) =>
  tell('code' in error && error.code === 'ECONNREFUSED' ? 'refused' : error.message),
);

/** @param {string} outcome */
function tell(outcome) {
  clearTimeout(limit);
  socket.destroy();
  process.stdout.write(JSON.stringify({ outcome, startedAt, endedAt: Date.now() }));
  process.stdin.destroy();
}
