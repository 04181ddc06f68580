/** Work that may hang -> its end, or the end of patience. */

/** Resolves when the work has ended, however, or when the time is over; to whether it has. */
export async function within(limitMs: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, limitMs, false);
  });
  const ended = work.then(
    () => true,
    () => true,
  );
  return Promise.race([ended, limit]).finally(() => clearTimeout(timer));
}
