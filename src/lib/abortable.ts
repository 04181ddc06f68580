/** Waits for a promise, or for a signal to abort. */

/** Waits for this, but no longer than until it is aborted: a firewall may be locked. */
export async function unless(signal: AbortSignal, work: Promise<void>): Promise<void> {
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([work, aborted]);
}
