/** Who takes the result of a run, partition by partition. */

import { stacked } from "../fallback/export.ts";
import type { NativeDataFrame } from "../polars/native.ts";

/** Serves one run. */
export interface Receiver {
  /** Partitions come in any order, and the next one may come before this one is taken. */
  take(frame: NativeDataFrame, partition: number): Promise<void>;
  /** What `collect` returns; called when all partitions are taken. */
  end(): Promise<NativeDataFrame>;
  /** Ends it, whatever happened. */
  close(): void;
}

/** A receiver for a run whose result has so many partitions. */
export type Receive = (partitions: number) => Receiver;

/** The partitions behind one another. */
export const stack: Receive = () => {
  const frames = new Map<number, NativeDataFrame>();
  return {
    take: async (frame, partition) => {
      frames.set(partition, frame);
    },
    end: async () => stacked([...frames].sort(([a], [b]) => a - b).map(([, frame]) => frame)),
    close: () => frames.clear(),
  };
};
