/** What the command and its worker say to each other. */

import type { Outcome } from "./examine.ts";

export interface WorkerOrder {
  /** Numbers of the cases. */
  readonly cases: readonly number[];
  readonly variants: number;
}

export type WorkerReport = { readonly started: number } | { readonly finished: number; readonly outcomes: readonly Outcome[] };
