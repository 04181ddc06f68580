/** Writes entries of the journal as journalctl exports them. */

export type FieldValue = string | Buffer | readonly string[] | null;
export type Fields = Readonly<Record<string, FieldValue>>;

/** What journald has of a packet that the kernel logged. */
export const KERNEL_ENTRY = {
  __CURSOR: 's=1;i=1',
  __REALTIME_TIMESTAMP: '1795219200123456',
  __MONOTONIC_TIMESTAMP: '133315700',
  _BOOT_ID: 'b1',
  _SOURCE_MONOTONIC_TIMESTAMP: '133315636',
  _TRANSPORT: 'kernel',
  SYSLOG_FACILITY: '0',
  MESSAGE:
    'KNOCK IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=40000 DPT=7000 WINDOW=64240 RES=0x00 SYN URGP=0 ',
} as const;

/** A field that is given as bytes is written with its size ahead of it; one that is null is left out. */
export function exportEntry(fields: Fields): Buffer {
  const lines = Object.entries(fields).flatMap(([name, value]) => {
    if (value === null) return [];
    const values = typeof value === 'string' || Buffer.isBuffer(value) ? [value] : value;
    return values.map((each) => fieldOf(name, each));
  });
  return Buffer.concat([...lines, Buffer.from('\n')]);
}

function fieldOf(name: string, value: string | Buffer): Buffer {
  if (typeof value === 'string') return Buffer.from(`${name}=${value}\n`);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(value.length));
  return Buffer.concat([Buffer.from(`${name}\n`), size, value, Buffer.from('\n')]);
}
