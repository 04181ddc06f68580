/** The closed set of iptables operations, as arguments or as lines for iptables-restore. */

export type Operation =
  | Change
  | { readonly op: 'list'; readonly chain: string }
  /** Every chain of the table. Refused where a single one is of nft's own making. */
  | { readonly op: 'list-all' }
  /** Whether such a rule stands there. */
  | { readonly op: 'check'; readonly chain: string; readonly spec: readonly string[] }
  /** Always refused: as `chain exists`, or as missing. */
  | { readonly op: 'probe-chain'; readonly chain: string }
  | { readonly op: 'new-chain'; readonly chain: string }
  | { readonly op: 'empty-chain'; readonly chain: string }
  | { readonly op: 'drop-chain'; readonly chain: string };

export type ChainOperation = Exclude<Operation, { readonly op: 'list-all' }>;

/** What can be one of many that are made at once. */
export type Change =
  | {
      readonly op: 'insert';
      readonly chain: string;
      /** The rule number it shall have, from 1. */
      readonly at: number;
      readonly spec: readonly string[];
    }
  | { readonly op: 'delete'; readonly chain: string; readonly spec: readonly string[] };

/** Letters that mean themselves wherever they stand. */
const PLAIN = /^[A-Za-z0-9_./:=@,+-]+$/;
/** A word that `restoreLine` has no way to write: it ends at a line end, and others have no business in a rule. */
const CONTROL = /[\u0000-\u001f\u007f]/;
/** iptables-restore reads lines into a buffer of 10,240 bytes (iptables/iptables-restore.c). */
const LONGEST_LINE_BYTES = 8_192;

/** `-w` waits for the lock that another iptables holds, where it would otherwise give up. */
export function argvOf(operation: Operation): readonly string[] {
  return ['-w', ...command(operation)];
}

/**
 * The change as a line of its table for iptables-restore; null where that cannot say it. It parts words at spaces, and
 * takes what stands in double quotes as it is, but for a backslash, which stands before any character (add_param_to_argv
 * in iptables/xshared.c).
 */
export function restoreLine(change: Change): string | null {
  const words = command(change);
  const line = words.map(restoreWord).join(' ');
  if (words.some((word) => CONTROL.test(word)) || Buffer.byteLength(line) > LONGEST_LINE_BYTES) return null;
  return line;
}

function restoreWord(word: string): string {
  return PLAIN.test(word) ? word : `"${word.replaceAll(/["\\]/g, '\\$&')}"`;
}

function command(operation: Operation): readonly string[] {
  if (operation.op === 'list-all') return ['-S'];
  const { chain } = operation;
  switch (operation.op) {
    case 'list':
      return ['-S', chain];
    case 'check':
      return ['-C', chain, ...operation.spec];
    case 'probe-chain':
      return ['-E', chain, chain];
    case 'new-chain':
      return ['-N', chain];
    case 'empty-chain':
      return ['-F', chain];
    case 'drop-chain':
      return ['-X', chain];
    case 'insert':
      return ['-I', chain, String(operation.at), ...operation.spec];
    case 'delete':
      return ['-D', chain, ...operation.spec];
  }
}
