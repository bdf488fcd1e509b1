/** Bounded concurrency: so many works at once, and none left behind when one fails. */

/** Runs `work` for each item, at most `lanes` at once, in the order of the items; after a failure none is started, and it is thrown once all that run have ended. */
export async function inLanes<T>(lanes: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const item = items[next++];
      if (item === undefined) continue;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(lanes, items.length) }, lane));
  for (const result of ended) if (result.status === "rejected") throw result.reason;
}

/** As `Promise.all`, but a failure is thrown once all have ended: none uses any more what the caller gives back then. */
export async function allEnded<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}
