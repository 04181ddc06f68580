// Writes a log of realistic traffic from a seed: what the internet sends to a few hosts, other programs' lines, and knocks
// at known places. Prints what it wrote as JSON.
// Usage: node bench/generate.mjs [--seed N] [--lines N] [--stamps rfc3339|rfc3164|kmsg] [--out FILE]

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const KNOCKS = 500;
export const SEQUENCE = [4438, 1813, 8235];
const START_MS = Date.UTC(2026, 10, 21);
/** A million lines are 25 hours. */
const MEAN_GAP_US = 90_000;
const BATCH_LINES = 2_000;

const CLIENTS = 20_000;
/** Of a client's rank: few come often, most come now and then (Zipf). */
const ZIPF_EXPONENT = 1.1;
/** One client in five comes over IPv6; half of those share networks of 16 addresses each. */
export const IPV6_EVERY = 5;
const SHARED_NETWORK_CLIENTS = 16;
/** What scanners of the whole internet ask for. */
export const POPULAR = [
  23, 22, 445, 3389, 8080, 6379, 1433, 5555, 5060, 2323, 81, 8443, 5900, 3306, 25, 53, 123, 161,
];
/** In a thousand lines of the log. */
const OTHERS_PER_MILLE = 345;
const SWEEPS_PER_MILLE = 130;
const FIRST_KNOCKS_PER_MILLE = 35;
const SWEEPERS_AT_ONCE = 3;

/** Their boots lie apart, and a fifth of the lines comes from the smaller ones. */
const HOSTS = [
  { name: 'bastion', bootedUs: -100_000_000, address: '203.0.113.10', address6: '2001:db8:a::10', share: 80 },
  { name: 'gate', bootedUs: -86_400_000_000, address: '203.0.113.20', address6: '2001:db8:a::20', share: 13 },
  {
    name: 'relay7',
    bootedUs: -2_592_000_000_000,
    address: '203.0.113.30',
    address6: '2001:db8:a::30',
    share: 7,
  },
];
const [BASTION] = HOSTS;

/** Numbers below `limit` by xorshift32, the same for the same seed. */
export function generator(seed) {
  let state = seed >>> 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** A LOG line of the kernel, as rsyslog's default format has it. */
export function logLine(us, packet) {
  return `${head.rfc3339(us, BASTION)}${body(packet, BASTION)}`;
}

/** The same as the kernel's logger writes it at this moment. */
export function liveLine(packet) {
  const seconds = (Number(process.hrtime.bigint()) / 1e9).toFixed(6).padStart(12);
  const stamp = new Date().toISOString().replace('Z', '000+00:00');
  return `${stamp} ${BASTION.name} kernel: [${seconds}] ${body(packet, BASTION)}`;
}

function body({ src, spt, dpt, id, proto = 'TCP' }, { address, address6 }) {
  const transport = proto === 'TCP' ? 'WINDOW=64240 RES=0x00 SYN URGP=0 ' : 'LEN=9 ';
  const ports = `PROTO=${proto} SPT=${spt} DPT=${dpt} ${transport}\n`;
  const mac = 'MAC=02:42:ac:11:00:02:02:42:ac:11:00:01';
  return src.includes(':')
    ? `KNOCK IN=eth0 OUT= ${mac}:86:dd SRC=${expanded(src)} DST=${expanded(address6)} LEN=80 TC=0 HOPLIMIT=54 FLOWLBL=${id} ${ports}`
    : `KNOCK IN=eth0 OUT= ${mac}:08:00 SRC=${src} DST=${address} LEN=60 TOS=0x00 PREC=0x00 TTL=54 ID=${id} DF ${ports}`;
}

/** As the kernel logs it: eight groups of four digits. */
function expanded(address) {
  const [left = '', right = ''] = address.split('::');
  const [before, after] = [left, right].map((text) => (text === '' ? [] : text.split(':')));
  const zeros = Array(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(':');
}

function uptime(us, { bootedUs }) {
  return ((us - bootedUs) / 1e6).toFixed(6).padStart(12);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** What stands ahead of a message of the kernel. */
const head = {
  rfc3339(us, host) {
    const stamp = new Date(START_MS + Math.floor(us / 1000)).toISOString().slice(0, 23);
    return `${stamp}${String(us % 1000).padStart(3, '0')}+00:00 ${host.name} kernel: [${uptime(us, host)}] `;
  },
  rfc3164(us, host) {
    const date = new Date(START_MS + Math.floor(us / 1000));
    const day = String(date.getUTCDate()).padStart(2);
    const time = date.toISOString().slice(11, 19);
    return `${MONTHS[date.getUTCMonth()]} ${day} ${time} ${host.name} kernel: [${uptime(us, host)}] `;
  },
  kmsg(us, host, index) {
    return `4,${index},${us - host.bootedUs},-;`;
  },
};

/** Lines of others, given what stands ahead of a message of the kernel. */
const OTHERS = [
  (head) =>
    `${head.replace('kernel:', 'sshd[812]:')}Failed password for invalid user admin from 198.51.100.7 port 50122 ssh2\n`,
  (head) =>
    `${head}usb 1-1: new high-speed USB device number 4 using xhci_hcd, idVendor=0781, idProduct=5581, bcdDevice= 1.00\n`,
  (head) =>
    `${head}UFW BLOCK IN=eth0 OUT= MAC=02:42:ac:11:00:02:02:42:ac:11:00:01:08:00 SRC=198.51.100.9 DST=203.0.113.10 LEN=40 TOS=0x00 PREC=0x00 TTL=240 ID=54321 PROTO=TCP SPT=45000 DPT=3389 WINDOW=1024 RES=0x00 SYN URGP=0 \n`,
  (head) =>
    `${head.replace('kernel:', 'CRON[4711]:')}(root) CMD (cd / && run-parts --report /etc/cron.hourly) and some more words that a log has\n`,
];

/** The address of a client; one in five is of IPv6. */
export function addressOf(client) {
  if (client % IPV6_EVERY === IPV6_EVERY - 1) {
    const number = Math.floor(client / IPV6_EVERY);
    const isShared = number % 2 === 0;
    const network = isShared ? Math.floor(number / SHARED_NETWORK_CLIENTS) : number;
    return `2001:db8:${(network + 0x1000).toString(16)}:${isShared ? 1 : 2}::${(number + 1).toString(16)}`;
  }
  const number = Math.imul(client, 0x9e3779b1) >>> 0;
  return `${11 + ((number >>> 24) % 200)}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${1 + ((number & 255) % 254)}`;
}

/** Ranks of clients from 0 on, the first the most frequent. */
export function zipf(random) {
  const sums = new Float64Array(CLIENTS);
  let sum = 0;
  for (let rank = 0; rank < CLIENTS; rank++) {
    sum += 1 / (rank + 1) ** ZIPF_EXPONENT;
    sums[rank] = sum;
  }
  return () => {
    const sought = (random(2 ** 31) / 2 ** 31) * sum;
    let [low, high] = [0, CLIENTS - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] < sought) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Yields packets of strangers: clients that come back to the ports they like, sweeps, and first knocks. */
function strangers(random) {
  const rank = zipf(random);
  const sweepers = [];
  const packet = (client, dpt, proto = 'TCP') => ({
    src: addressOf(client),
    spt: 1024 + random(60_000),
    dpt,
    id: random(65_536),
    proto,
  });
  const port = () => 1 + random(65_535);
  return () => {
    const kind = random(1000 - OTHERS_PER_MILLE);
    if (kind < FIRST_KNOCKS_PER_MILLE) return packet(rank(), SEQUENCE[0]);
    if (kind < FIRST_KNOCKS_PER_MILLE + SWEEPS_PER_MILLE) {
      while (sweepers.length < SWEEPERS_AT_ONCE)
        sweepers.push({ client: rank(), next: port(), isAscending: random(2) === 0, left: 50 + random(950) });
      const index = random(sweepers.length);
      const sweeper = sweepers[index];
      if (--sweeper.left === 0) sweepers.splice(index, 1);
      sweeper.next = sweeper.isAscending ? 1 + (sweeper.next % 65_535) : port();
      return packet(sweeper.client, sweeper.next);
    }
    const client = rank();
    const dpt = random(10) === 0 ? port() : POPULAR[(client + random(3)) % POPULAR.length];
    return packet(client, dpt, dpt === 5060 || dpt === 53 || dpt === 123 || dpt === 161 ? 'UDP' : 'TCP');
  };
}

/** @param {{ seed: number, lines: number, stamps: 'rfc3339' | 'rfc3164' | 'kmsg', out: string }} options */
export async function generate({ seed, lines, stamps, out: path }) {
  const random = generator(seed);
  const stranger = strangers(random);
  const out = createWriteStream(path);
  const every = Math.floor(lines / KNOCKS);
  const headOf = head[stamps];
  // A ring of messages is that of one host.
  const shares = stamps === 'kmsg' ? [BASTION] : HOSTS.flatMap((host) => Array(host.share).fill(host));
  let [batch, us, knocks, step, withPrefix] = ['', 0, 0, SEQUENCE.length, 0];
  for (let index = 0; index < lines; index++) {
    us += 1 + random(2 * MEAN_GAP_US);
    if (index % every === 0 && knocks < KNOCKS) step = 0;
    if (step < SEQUENCE.length && index % 5 === 0) {
      const client = { src: `192.0.2.${1 + (knocks % 250)}`, spt: 40_000 + step, id: index % 65_536 };
      const proto = step === 1 ? 'UDP' : 'TCP';
      batch += `${headOf(us, BASTION, index)}${body({ ...client, dpt: SEQUENCE[step], proto }, BASTION)}`;
      withPrefix++;
      if (++step === SEQUENCE.length) knocks++;
    } else {
      const host = shares[random(shares.length)];
      const ahead = headOf(us, host, index);
      if (random(1000) < OTHERS_PER_MILLE) batch += OTHERS[random(OTHERS.length)](ahead);
      else {
        batch += `${ahead}${body(stranger(), host)}`;
        withPrefix++;
      }
    }
    if (index % BATCH_LINES === 0) {
      if (!out.write(batch)) await once(out, 'drain');
      batch = '';
    }
  }
  out.end(batch);
  await once(out, 'close');
  return { seed, lines, stamps, withPrefix, knocks, hours: Math.round(us / 3.6e9) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      lines: { type: 'string', default: '1000000' },
      stamps: { type: 'string', default: 'rfc3339' },
      out: { type: 'string', default: '/tmp/knocktail-bench.log' },
    },
  });
  if (!Object.hasOwn(head, values.stamps))
    throw new Error(`--stamps ${values.stamps}: one of ${Object.keys(head)}`);
  const { seed, lines, stamps, out } = values;
  const made = await generate({ seed: Number(seed), lines: Number(lines), stamps, out });
  process.stdout.write(`${JSON.stringify(made)}\n`);
}
