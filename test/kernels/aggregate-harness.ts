/** Runs a group accumulator over JavaScript rows and decodes its results. */

import type { DeviceBuffer } from "../../src/gpu/buffers.ts";
import { type Column, columnWords, valueWords } from "../../src/gpu/column.ts";
import type { Device } from "../../src/gpu/device.ts";
import { type Aggregate, type AggregateResult, GroupAccumulator } from "../../src/gpu/kernels/aggregate.ts";
import { columnsProgram, type RowValue } from "../../src/gpu/row-program.ts";
import type { Physical } from "../../src/ir/dtype.ts";
import { type Cell, DTYPES, f32Bits, f32OfBits, f64Bits, f64OfBits } from "./aggregate-reference.ts";

export interface Input {
  readonly physical: Physical;
  readonly nullable: boolean;
  readonly cells: readonly Cell[];
}

const wordsOf = (cell: number | bigint, physical: Physical): readonly number[] => {
  if (physical === "f32") return [f32Bits(Number(cell))];
  if (physical !== "f64" && physical !== "i64" && physical !== "u64") return [Number(cell) >>> 0];
  const bits = physical === "f64" ? f64Bits(Number(cell)) : BigInt.asUintN(64, BigInt(cell));
  return [Number(bits & 0xffffffffn), Number(bits >> 32n)];
};

export function upload(device: Device, { physical, nullable, cells }: Input, dtype = DTYPES[physical]): Column {
  const words = new Uint32Array(columnWords(dtype, cells.length, nullable));
  const validity = valueWords(dtype, cells.length);
  cells.forEach((cell, row) => {
    const valid = cell !== null;
    if (nullable && valid) words[validity + (row >> 5)] = (words[validity + (row >> 5)] ?? 0) | (1 << (row & 31));
    const value = wordsOf(cell ?? 3, physical);
    if (physical === "bool") words[row >> 5] = (words[row >> 5] ?? 0) | (((value[0] ?? 0) & 1) << (row & 31));
    else words.set(value, row * value.length);
  });
  const buffer = device.alloc(words.length, "test column");
  device.write(buffer, 0, words);
  return { dtype, length: cells.length, buffer, validityOffset: nullable ? validity : null, dictionary: null };
}

/** Values of `groups` rows, null where the validity says so. */
export async function decode(
  device: Device,
  { physical, buffer, validityOffset }: AggregateResult,
  groups: number,
): Promise<readonly Cell[]> {
  const words = await device.read(buffer, 0, buffer.words);
  buffer.release();
  const bit = (at: number, row: number): boolean => (((words[at + (row >> 5)] ?? 0) >>> (row & 31)) & 1) === 1;
  return Array.from({ length: groups }, (_, row): Cell => {
    if (validityOffset !== null && !bit(validityOffset, row)) return null;
    const word = words[row] ?? 0;
    const wide = BigInt(words[2 * row] ?? 0) | (BigInt(words[2 * row + 1] ?? 0) << 32n);
    switch (physical) {
      case "bool":
        return Number(bit(0, row));
      case "i32":
        return word | 0;
      case "f32":
        return f32OfBits(word);
      case "f64":
        return f64OfBits(wide);
      case "i64":
        return BigInt.asIntN(64, wide);
      case "u64":
        return wide;
      default:
        return word;
    }
  });
}

export interface Run {
  readonly inputs: readonly Input[];
  readonly aggregates: readonly Aggregate[];
  readonly groups: number;
  /** Group of each row, or null for none. */
  readonly ids: readonly number[] | null;
  readonly mask: number | null;
  /** Ends of the batches; one batch by default. */
  readonly splits?: readonly number[];
  /** Every group has rows. */
  readonly filled?: boolean;
}

/** Results by aggregate, then by group. */
export async function run(
  device: Device,
  { inputs, aggregates, groups, ids, mask, splits, filled }: Run,
): Promise<readonly (readonly Cell[])[]> {
  const rows = inputs[0]?.cells.length ?? 0;
  const values: readonly RowValue[] = inputs.map(({ physical, nullable }) => ({ physical, nullable }));
  const accumulator = new GroupAccumulator(device, aggregates, values, groups);
  const ends = [...(splits ?? []), rows];
  ends.forEach((end, i) => {
    const start = i === 0 ? 0 : (ends[i - 1] ?? 0);
    const columns = inputs.map((input) => upload(device, { ...input, cells: input.cells.slice(start, end) }));
    const groupIds: DeviceBuffer | null = ids === null ? null : device.alloc(end - start, "ids");
    if (ids !== null && groupIds !== null) device.write(groupIds, 0, Uint32Array.from(ids.slice(start, end)));
    accumulator.accumulate(columnsProgram(columns), end - start, groupIds, mask, start);
    for (const column of columns) column.buffer.release();
    groupIds?.release();
  });
  const results = accumulator.finish(filled);
  accumulator.release();
  return Promise.all(results.map((result) => decode(device, result, groups)));
}
