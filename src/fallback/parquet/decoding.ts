/** What the threads that decode Parquet columns are told and answer. */

import type { ChunkPart } from "./column-chunk.ts";

/** A part of a chunk, in a file that is open. */
export interface FilePart extends ChunkPart {
  readonly file: number;
}

/** Parts of one column behind one another, whose values go to a place in another open file. */
export interface DecodeTask {
  readonly parts: readonly FilePart[];
  readonly rows: number;
  readonly words: 1 | 2;
  readonly into: { readonly file: number; readonly at: number };
}

/** Bits of the rows; null: none is null. */
export type Decoded = Uint32Array<ArrayBuffer> | null;

export interface DecodeRequest {
  readonly id: number;
  readonly task: DecodeTask;
}

export type DecodeAnswer = { readonly id: number } & ({ readonly valid: Decoded } | { readonly failure: string });
