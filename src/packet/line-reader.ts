/** Reads the packet of each line of a log, by who writes that log. */

import type { LogFormat, Micros } from '../model.ts';
import { AnyLines } from './any-line.ts';
import { HostClocks } from './host-clocks.ts';
import { type Reading, readLine } from './line.ts';
import { readUlogdLine } from './ulogd.ts';

const NOT_ULOGD = 'ulogd2 did not write it';
const UNVOUCHED = 'nothing in it says that the kernel wrote it';

/** Null when the line holds no body, or none behind the prefix. */
export type LineReader = (bytes: Buffer, start: number, end: number, readAt: Micros) => Reading | null;

/** @param prefix the --log-prefix that counts; null for any */
export function lineReader(format: LogFormat, prefix: Buffer | null, clocks: HostClocks): LineReader {
  switch (format) {
    case 'any': {
      const lines = new AnyLines(prefix, clocks);
      return (bytes, start, end, readAt) => lines.read(bytes, start, end, readAt);
    }
    case 'ulogd':
      return (bytes, start, end, readAt) => {
        const packet = readUlogdLine(bytes, start, end, prefix?.toString() ?? null, clocks, readAt);
        if (packet !== null) return { packet, trusted: true, why: '' };
        const reading = readLine(bytes, start, end, prefix, clocks, readAt);
        return reading === null ? null : { ...reading, trusted: false, why: NOT_ULOGD };
      };
    case 'kernel': {
      // Lines that are shown, and not believed, set no clock.
      const others = new AnyLines(prefix, new HostClocks({ live: false }));
      return (bytes, start, end, readAt) => {
        const reading = readLine(bytes, start, end, prefix, clocks, readAt);
        if (reading !== null) return reading;
        const other = others.read(bytes, start, end, readAt);
        return other === null ? null : { ...other, trusted: false, why: UNVOUCHED };
      };
    }
  }
}
