/** What one query is asked beside its plan. */

/** How far a query of the streaming executor is. */
export interface Progress {
  /** Operations on partitions that have ended. */
  readonly done: number;
  /** All of them, as far as the plan tells; at least `done`. */
  readonly total: number;
  /** The node of the last one, and what it did. */
  readonly name: string;
  readonly step: string;
}

export interface QueryOptions {
  /** Ends the query when it is aborted: `collect` rejects with the signal's reason. */
  readonly signal: AbortSignal | null;
  readonly onProgress: ((progress: Progress) => void) | null;
  /** Measure the kernels, and keep a profile. */
  readonly profile: boolean;
}
