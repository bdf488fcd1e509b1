/** A range of rows of a column. */

import { InternalError } from "../../errors.ts";
import { storageOf, WORDS } from "../../ir/dtype.ts";
import { type Column, columnWords, valueWords } from "../column.ts";
import type { Device } from "../device.ts";
import { copyBits } from "./bits.ts";

/** Rows `offset` .. `offset + length` of `column`, which must have them. The result belongs to the caller; the whole column is not copied but retained. */
export const slice = (device: Device, column: Column, offset: number, length: number): Column => {
  if (!(offset >= 0 && length >= 0 && offset + length <= column.length))
    throw new InternalError(`slice ${offset} .. ${offset + length} of ${column.length} rows`);
  if (length === column.length) {
    column.buffer.retain();
    return column;
  }
  const { dtype, dictionary, validityOffset: from } = column;
  const storage = storageOf(dtype);
  const buffer = device.alloc(columnWords(dtype, length, from !== null), "sliced column");
  if (storage === "bits") copyBits(device, { buffer: column.buffer, word: 0 }, offset, { buffer, word: 0 }, 0, length);
  else device.copy(column.buffer, offset * WORDS[storage], buffer, 0, length * WORDS[storage]);
  if (from === null) return { dtype, length, buffer, validityOffset: null, dictionary };
  const word = valueWords(dtype, length);
  copyBits(device, { buffer: column.buffer, word: from }, offset, { buffer, word }, 0, length);
  return { dtype, length, buffer, validityOffset: word, dictionary };
};
