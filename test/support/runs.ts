/** How often a property is tried: quickly in the tier that everyone runs, thoroughly in CI. */

const THOROUGH = 20;

/** @param runs those of the quick tier; the end-to-end tier has twenty times as many, or KNOCKTAIL_RUNS times */
export function runs(runs: number): number {
  const factor = Number(process.env['KNOCKTAIL_RUNS'] ?? 1);
  return Math.ceil(runs * (Number.isFinite(factor) && factor > 0 ? factor : THOROUGH));
}
