/** Writes entries of the journal as journalctl exports them. */

export type FieldValue = string | Buffer | readonly string[] | null;
export type Fields = Readonly<Record<string, FieldValue>>;

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
