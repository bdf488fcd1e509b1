/** Columns on the device while their rows arrive in pieces: values go straight to the device, bitmaps are put together on the host. */

import type { DeviceBuffer } from "../gpu/buffers.ts";
import type { Column } from "../gpu/column.ts";
import { bitmapWords, columnWords, valueWords } from "../gpu/column.ts";
import type { Device } from "../gpu/device.ts";
import type { Dictionary } from "../gpu/dictionary.ts";
import type { DType } from "../ir/dtype.ts";
import { storageOf, WORDS } from "../ir/dtype.ts";
import type { Schema } from "../ir/schema.ts";

/** Ones in the low `bits` bits, 0 to 32. */
const low = (bits: number): number => (bits === 32 ? -1 : (1 << bits) - 1);

/**
 * ORs `length` bits of `source` from bit `from` on into `target` from bit `to` on; a null source stands for ones. Bits are little-endian,
 * bit i in word i / 32; bits of `source` behind those that are asked for may be anything, also missing.
 */
export function placeBits(source: Uint32Array | null, from: number, target: Uint32Array, to: number, length: number): void {
  if (length === 0) return;
  const first = Math.floor(to / 32);
  const last = Math.floor((to + length - 1) / 32);
  const skew = from - to;
  const shift = skew & 31;
  const behind = Math.floor(skew / 32);
  for (let word = first; word <= last; word++) {
    let bits = -1;
    if (source !== null) {
      bits = (source[word + behind] ?? 0) >>> shift;
      if (shift > 0) bits |= (source[word + behind + 1] ?? 0) << (32 - shift);
    }
    if (word === first) bits &= ~low(to % 32);
    if (word === last) bits &= low(((to + length - 1) % 32) + 1);
    target[word] = (target[word] ?? 0) | bits;
  }
}

/** A column of `rows` rows. Owns its buffer until `finish` hands it over or `release` gives it back. */
export class ColumnFill {
  readonly dtype: DType;
  readonly rows: number;
  /** Bytes of a row's value; 0 for bits. */
  readonly valueBytes: number;
  readonly #device: Device;
  readonly #buffer: Column["buffer"];
  readonly #bits: Uint32Array | null;
  readonly #valid: Uint32Array | null;

  /** @throws OutOfDeviceMemoryError */
  constructor(device: Device, dtype: DType, rows: number, nullable: boolean) {
    this.dtype = dtype;
    this.rows = rows;
    const bits = storageOf(dtype) === "bits";
    this.valueBytes = bits ? 0 : 4 * WORDS[storageOf(dtype)];
    this.#device = device;
    this.#bits = bits ? new Uint32Array(bitmapWords(rows)) : null;
    this.#valid = nullable ? new Uint32Array(bitmapWords(rows)) : null;
    this.#buffer = device.alloc(columnWords(dtype, rows, nullable), "import");
  }

  /** Whether rows may be null. */
  get isNullable(): boolean {
    return this.#valid !== null;
  }

  /** Where values of the rows go, one behind the other, for a kernel that writes them. Not for bits. */
  get values(): DeviceBuffer {
    return this.#buffer;
  }

  /** Values of the rows from `row` on, copied before the return. Not for bits. */
  write(row: number, values: Uint8Array): void {
    if (values.byteLength > 0) this.#device.write(this.#buffer, (row * this.valueBytes) / 4, values);
  }

  /** `bytes` bytes of values of the rows from `row` on, which `fill` puts into memory that the device reads. Not for bits. */
  writeFrom(row: number, bytes: number, fill: (target: Uint8Array) => Promise<void>): Promise<void> {
    return this.#device.uploadFrom(this.#buffer, (row * this.valueBytes) / 4, bytes, fill);
  }

  /** Booleans of `count` rows from `row` on: bits of `source` from bit `from` on. */
  placeBooleans(source: Uint32Array, from: number, row: number, count: number): void {
    if (this.#bits !== null) placeBits(source, from, this.#bits, row, count);
  }

  /** Validity of `count` rows from `row` on; null: all are valid. Every row of a nullable column is to be placed once. */
  placeValidity(source: Uint32Array | null, from: number, row: number, count: number): void {
    if (this.#valid !== null) placeBits(source, from, this.#valid, row, count);
  }

  /** The column, to be released by the caller. */
  finish(dictionary: Dictionary | null): Column {
    if (this.#bits !== null && this.rows > 0) this.#device.write(this.#buffer, 0, this.#bits);
    const validityOffset = this.#valid === null ? null : valueWords(this.dtype, this.rows);
    if (this.#valid !== null && validityOffset !== null && this.rows > 0) this.#device.write(this.#buffer, validityOffset, this.#valid);
    return { dtype: this.dtype, length: this.rows, buffer: this.#buffer, validityOffset, dictionary };
  }

  release(): void {
    this.#buffer.release();
  }
}

/** The columns of a batch, in the order of its schema. Owned by the caller. */
export interface FilledBatch {
  readonly rows: number;
  readonly fills: readonly ColumnFill[];
}

/** Adds a batch to `batches`, also when there is no memory for all of its columns. @throws OutOfDeviceMemoryError */
export function addBatch(
  device: Device,
  schema: Schema,
  rows: number,
  isNullable: (column: number) => boolean,
  batches: FilledBatch[],
): FilledBatch {
  const fills: ColumnFill[] = [];
  const batch = { rows, fills };
  batches.push(batch);
  for (const [c, { dtype }] of schema.entries()) fills.push(new ColumnFill(device, dtype, rows, isNullable(c)));
  return batch;
}

export const releaseFills = (batches: readonly FilledBatch[]): void => {
  for (const { fills } of batches) for (const fill of fills) fill.release();
};

/** Rows of batches: at most so many in each, or exactly these, which are all rows together. */
export type BatchRows = number | readonly number[];

/** Rows in slices, at least one. */
export const slicesOf = (rows: number, maxRows: BatchRows): readonly { readonly offset: number; readonly length: number }[] => {
  const slices: { readonly offset: number; readonly length: number }[] = [];
  if (typeof maxRows !== "number") {
    for (const length of maxRows) slices.push({ offset: slices.reduce((sum, s) => sum + s.length, 0), length });
    return slices;
  }
  for (let offset = 0; offset < rows || offset === 0; offset += maxRows) slices.push({ offset, length: Math.min(maxRows, rows - offset) });
  return slices;
};
