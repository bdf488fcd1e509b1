/** A column on the device: one buffer that holds the values and, behind them, the validity bitmap. */

import type { DType } from "../ir/dtype.ts";
import { storageOf, WORDS } from "../ir/dtype.ts";
import type { DeviceBuffer } from "./buffers.ts";
import type { Dictionary } from "./dictionary.ts";

/**
 * Layout of `buffer`, in u32 words:
 *
 *     [ values: valueWords(storage, length) ][ validity: ceil(length / 32), only where validityOffset is not null ]
 *
 * `bits` values and validity are little-endian bitmaps (row r is bit r % 32 of word r / 32), 1 = true / valid; bits at and
 * beyond `length` are 0. The value words of a null row are unspecified. 8 and 16 bit integers are widened to a word
 * (sign- or zero-extended), f32 is its bit pattern, 64-bit values are two words, low first.
 */
export interface Column {
  readonly dtype: DType;
  readonly length: number;
  readonly buffer: DeviceBuffer;
  /** First word of the validity bitmap in `buffer`, or null: no row is null. */
  readonly validityOffset: number | null;
  /** Meaning of the codes: not null exactly when the storage is `code`. */
  readonly dictionary: Dictionary | null;
}

/** Words of the value part, rounded up to a multiple of 4 (16 bytes). */
export const valueWords = (dtype: DType, length: number): number => Math.ceil(Math.ceil(length * WORDS[storageOf(dtype)]) / 4) * 4;

/** Words of a validity bitmap. */
export const bitmapWords = (length: number): number => Math.ceil(length / 32);

/** Words of the whole buffer; the bitmap, too, is padded to a multiple of 4 words. */
export const columnWords = (dtype: DType, length: number, nullable: boolean): number =>
  Math.max(4, valueWords(dtype, length) + (nullable ? Math.ceil(bitmapWords(length) / 4) * 4 : 0));
