/** What the threads that decode Parquet columns are told and answer. */

import type { ChunkPart, ColumnChunk } from "./column-chunk.ts";

/** A part of a chunk, in a file that is open. */
export interface FilePart extends ChunkPart {
  readonly file: number;
}

/** Parts of one column behind one another, whose values go to the start of another open file. */
export interface ValuesTask {
  readonly kind: "values";
  readonly parts: readonly FilePart[];
  readonly rows: number;
  readonly words: 1 | 2;
  readonly into: number;
}

/** The texts that the numbers of a chunk mean. */
export interface TextsTask {
  readonly kind: "texts";
  readonly file: number;
  readonly chunk: ColumnChunk;
}

export type DecodeTask = ValuesTask | TextsTask;

/** Bits of the rows; null: none is null. */
export type Validity = Uint32Array | null;

export interface DecodedValues {
  readonly kind: "values";
  readonly valid: Validity;
}

export interface DecodedTexts {
  readonly kind: "texts";
  /** Each with its length in front, as Parquet writes them. */
  readonly bytes: Uint8Array;
  readonly count: number;
}

export interface DecodeRequest {
  readonly id: number;
  readonly task: DecodeTask;
}

export type DecodeAnswer = { readonly id: number } & (
  | DecodedValues
  | DecodedTexts
  | { readonly kind: "failure"; readonly message: string }
);
