/** Compares the names under which hosts appear in logs. */

/** Whether two names can be the same host's: domains count only where both have one, and case never. */
export function isSameHost(a: string, b: string): boolean {
  const [left, right] = [a.toLowerCase(), b.toLowerCase()];
  return left === right || left.startsWith(`${right}.`) || right.startsWith(`${left}.`);
}
