/** Timing of one side of a comparison: runs to warm up, several that count, and some after pauses. */
import { setTimeout } from "node:timers/promises";

export interface TimedRun<T> {
  readonly ms: number;
  readonly value: T;
}

/** Milliseconds. `firstMs` is the first run of all, `pausedMs` the median of runs after pauses, null without any; the others are of the runs that count. */
export interface Timing {
  readonly firstMs: number;
  readonly pausedMs: number | null;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly runs: number;
}

/** `first` is the first run, `median` the one whose time is the median; `all` are in the order in which they ran. */
export interface Timed<T> {
  readonly first: TimedRun<T>;
  readonly median: TimedRun<T>;
  readonly all: readonly TimedRun<T>[];
  readonly timing: Timing;
}

/**
 * How often something is timed: `warmup` seconds that do not count (one run at least), since clocks of processors rise with work, then
 * `runs` times, but no more once `seconds` have gone by (one counted run at least).
 */
export interface Effort {
  readonly warmup: number;
  readonly runs: number;
  readonly seconds: number;
  /** Runs after pauses: what a query costs a process that does nothing in between. */
  readonly paused: number;
}

const PAUSE_MS = 200;

/** A result and the milliseconds that it took. */
export async function timedOnce<T>(work: () => Promise<T>): Promise<TimedRun<T>> {
  const start = performance.now();
  const value = await work();
  return { ms: performance.now() - start, value };
}

export async function timed<T>({ warmup, runs, seconds, paused: pauses }: Effort, work: () => Promise<T>): Promise<Timed<T>> {
  const once = (): Promise<TimedRun<T>> => timedOnce(work);
  const begin = performance.now();
  const first = await once();
  while (performance.now() - begin < warmup * 1000) await once();
  const counting = performance.now();
  const counted = [await once()];
  while (counted.length < runs && performance.now() - counting < seconds * 1000) counted.push(await once());
  const paused: TimedRun<T>[] = [];
  while (paused.length < pauses) {
    await setTimeout(PAUSE_MS);
    paused.push(await once());
  }
  const median = middle(counted) ?? first;
  const times = counted.map(({ ms }) => ms);
  const timing = {
    firstMs: first.ms,
    pausedMs: middle(paused)?.ms ?? null,
    medianMs: median.ms,
    minMs: Math.min(...times),
    maxMs: Math.max(...times),
    runs: counted.length,
  };
  return { first, median, all: [first, ...counted, ...paused], timing };
}

/** The run with the median time. */
export const middle = <T>(all: readonly TimedRun<T>[]): TimedRun<T> | undefined => all.toSorted((a, b) => a.ms - b.ms)[all.length >> 1];
