/** Timing of one side of a comparison: a run to warm up, then several that count. */

export interface TimedRun<T> {
  readonly ms: number;
  readonly value: T;
}

/** Milliseconds. `firstMs` is the run that warms up; the others are of the runs after it. */
export interface Timing {
  readonly firstMs: number;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly runs: number;
}

/** `first` is the run to warm up, `median` the one whose time is the median; `all` are in the order in which they ran. */
export interface Timed<T> {
  readonly first: TimedRun<T>;
  readonly median: TimedRun<T>;
  readonly all: readonly TimedRun<T>[];
  readonly timing: Timing;
}

/** How often something is timed: `runs` times after the first, but no more once `seconds` have gone by (one counted run at least). */
export interface Effort {
  readonly runs: number;
  readonly seconds: number;
}

export async function timed<T>({ runs, seconds }: Effort, work: () => Promise<T>): Promise<Timed<T>> {
  const begin = performance.now();
  const once = async (): Promise<TimedRun<T>> => {
    const start = performance.now();
    const value = await work();
    return { ms: performance.now() - start, value };
  };
  const first = await once();
  const counted = [await once()];
  while (counted.length < runs && performance.now() - begin < seconds * 1000) counted.push(await once());
  const sorted = counted.toSorted((a, b) => a.ms - b.ms);
  const median = sorted[sorted.length >> 1] ?? first;
  const [minMs, maxMs] = [sorted[0]?.ms ?? median.ms, sorted.at(-1)?.ms ?? median.ms];
  const timing = { firstMs: first.ms, medianMs: median.ms, minMs, maxMs, runs: counted.length };
  return { first, median, all: [first, ...counted], timing };
}
