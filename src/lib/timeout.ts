/** Limits how long to wait for a promise. */

/** Resolves to true once the work has ended, with or without an error, or to false when the time is up before that. */
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
