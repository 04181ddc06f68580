// Knocks to make as JSON lines on stdin, {"source","ports","probe"} -> how long after the last SYN the port for
// probes let one in, in ms, as a line each on stdout; null when it never did.
// Usage: node client.mjs HOST

import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

/** Between two probes, which is what a figure is exact to. */
const PROBE_MS = 0.2;
/** Between two knocks, long enough for each to be a batch of its own. */
const KNOCK_MS = 15;
const LIMIT_MS = 3_000;
const NAP_MS = 0.1;
const nap = new Int32Array(new SharedArrayBuffer(4));

const [, , host = ''] = process.argv;
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await knock(JSON.parse(line)))}\n`);
}

/** @param {{ source: string, ports: number[], probe: number }} order */
async function knock({ source, ports, probe }) {
  const prober = createSocket('udp4');
  await new Promise((resolve) => prober.bind({ address: source }, () => resolve(undefined)));
  await new Promise((resolve) => prober.connect(probe, host, () => resolve(undefined)));
  prober.on('error', () => undefined);
  let entered = -1;
  prober.once('message', (number) => {
    entered = Number(number);
  });
  const syns = [];
  let last = 0;
  for (const port of ports) {
    // The next knock shall not fall in step with whatever polls.
    await sleep(KNOCK_MS + Math.random() * KNOCK_MS);
    last = performance.now();
    const syn = connect({ host, port, localAddress: source });
    syn.on('error', () => undefined);
    syns.push(syn);
  }
  const sentAt = [];
  for (let now = last; entered < 0 && now - last < LIMIT_MS; now = performance.now()) {
    if (now - (sentAt.at(-1) ?? 0) >= PROBE_MS) {
      prober.send(String(sentAt.length));
      sentAt.push(now);
    }
    // A short sleep of the whole process: what is measured needs the processor more than its prober does.
    Atomics.wait(nap, 0, 0, NAP_MS);
    await turn();
  }
  for (const syn of syns) syn.destroy();
  prober.close();
  return entered < 0 ? null : sentAt[entered] - last;
}
