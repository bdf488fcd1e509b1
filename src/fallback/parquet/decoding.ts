/** What the threads that decode Parquet columns are told and answer. */

import type { ChunkPart, ColumnChunk } from "./column-chunk.ts";
import type { PageLayout } from "./page-layout.ts";

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

/** The pages that the rows of a part are in. */
export interface LayoutTask {
  readonly kind: "layout";
  readonly part: FilePart;
}

export type DecodeTask = ValuesTask | TextsTask | LayoutTask;

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

export interface FoundLayout {
  readonly kind: "layout";
  readonly layout: PageLayout;
}

export interface DecodeRequest {
  readonly id: number;
  readonly task: DecodeTask;
}

export type DecodeAnswer = { readonly id: number } & (
  | DecodedValues
  | DecodedTexts
  | FoundLayout
  | { readonly kind: "failure"; readonly message: string }
);
