/** A line of the kernel's log -> what it says of a packet, but for what differs between any two. */

export interface Logged {
  readonly proto: string;
  readonly dst: string;
  readonly dpt: string;
  readonly flags: string;
  /** The packet's, and behind it the datagram's where it is UDP. */
  readonly lengths: readonly number[];
}

export function asLogged(line: string): Logged {
  const fields = (name: string) =>
    [...line.matchAll(new RegExp(` ${name}=(\\S+)`, 'g'))].map(([, text]) => text ?? '');
  return {
    proto: fields('PROTO')[0] ?? '',
    dst: fields('DST')[0] ?? '',
    dpt: fields('DPT')[0] ?? '',
    flags: / RES=0x00 (.*) URGP=/.exec(line)?.[1] ?? '',
    lengths: fields('LEN').map(Number),
  };
}

/** Milliseconds on the kernel's own clock. */
export function stampOf(line: string): number {
  return Number(/\d+\.\d{6}(?=\])/.exec(line)?.[0]) * 1000;
}
