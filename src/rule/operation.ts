/** The closed set of things that may be asked of iptables -> its arguments. */

export type Operation =
  | { readonly op: 'list'; readonly chain: string }
  | { readonly op: 'new-chain'; readonly chain: string }
  | { readonly op: 'empty-chain'; readonly chain: string }
  | { readonly op: 'drop-chain'; readonly chain: string }
  | {
      readonly op: 'insert';
      readonly chain: string;
      /** The rule number it shall have, from 1. */
      readonly at: number;
      readonly spec: readonly string[];
    }
  | { readonly op: 'delete'; readonly chain: string; readonly spec: readonly string[] };

/** `-w` waits for the lock that another iptables holds, where it would otherwise give up. */
export function argvOf(operation: Operation): readonly string[] {
  return ['-w', ...command(operation)];
}

function command(operation: Operation): readonly string[] {
  const { chain } = operation;
  switch (operation.op) {
    case 'list':
      return ['-S', chain];
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
