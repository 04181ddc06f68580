/** How many examples a property is tried with. */

const factor = Number(process.env['KNOCKTAIL_RUNS'] ?? 1);
if (!(factor > 0)) throw new Error(`KNOCKTAIL_RUNS=${process.env['KNOCKTAIL_RUNS']} is not a number above 0`);

/** @param quick the number for `npm test`; with KNOCKTAIL_RUNS=20, as in `npm run test:e2e`, it is 20 times that */
export function runs(quick: number): number {
  return Math.ceil(quick * factor);
}
