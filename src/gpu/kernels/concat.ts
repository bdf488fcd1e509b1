/** Puts columns one under the other. */

import { InternalError } from "../../errors.ts";
import { storageOf, WORDS } from "../../ir/dtype.ts";
import { type Column, columnWords, valueWords } from "../column.ts";
import type { Device } from "../device.ts";
import { type Bits, copyBits } from "./bits.ts";

/**
 * The rows of `columns` in order; at least one column, all of the same dtype and the same dictionary. Nullable exactly if one of
 * them is. The result belongs to the caller; of a single column it is that column, retained.
 */
export const concat = (device: Device, columns: readonly Column[]): Column => {
  const [first] = columns;
  if (first === undefined) throw new InternalError("concat of no columns");
  if (columns.length === 1) {
    first.buffer.retain();
    return first;
  }
  const { dtype, dictionary } = first;
  if (columns.some((column) => column.dictionary !== dictionary || column.dtype.kind !== dtype.kind))
    throw new InternalError(`concat of ${columns.map((column) => column.dtype.kind).join(", ")} or of different dictionaries`);
  const length = columns.reduce((sum, column) => sum + column.length, 0);
  const nullable = columns.some((column) => column.validityOffset !== null);
  const buffer = device.alloc(columnWords(dtype, length, nullable), "concatenated column");
  const validity: Bits | null = nullable ? { buffer, word: valueWords(dtype, length) } : null;
  const storage = storageOf(dtype);
  let row = 0;
  for (const column of columns) {
    if (storage === "bits") copyBits(device, { buffer: column.buffer, word: 0 }, 0, { buffer, word: 0 }, row, column.length);
    else device.copy(column.buffer, 0, buffer, row * WORDS[storage], column.length * WORDS[storage]);
    if (validity !== null) {
      const source = column.validityOffset === null ? null : { buffer: column.buffer, word: column.validityOffset };
      copyBits(device, source, 0, validity, row, column.length);
    }
    row += column.length;
  }
  return { dtype, length, buffer, validityOffset: validity === null ? null : validity.word, dictionary };
};
