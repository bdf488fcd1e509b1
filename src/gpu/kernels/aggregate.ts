/** Aggregation into groups, batch after batch: any split of the rows into batches, in any order, gives the same bits. */

import { OutOfDeviceMemoryError } from "../../errors.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { RowProgram, RowValue } from "../row-program.ts";
import type { AggregateResult } from "./aggregate-finish.ts";
import { AccumulatorPart, stateWords } from "./aggregate-part.ts";
import { type Aggregate, layoutOf } from "./aggregate-slots.ts";

export type { AggregateResult } from "./aggregate-finish.ts";
export type { Aggregate, AggregateKind } from "./aggregate-slots.ts";

/** Splits aggregates so that the state of each part can be bound. */
const partition = (device: Device, aggregates: readonly Aggregate[], inputs: readonly RowValue[], groups: number) => {
  const parts: Aggregate[][] = [];
  const fits = (list: readonly Aggregate[]): boolean =>
    stateWords(device, layoutOf(list, inputs), groups) * 4 <= device.limits.bindingBytes;
  for (const aggregate of aggregates) {
    const last = parts.at(-1);
    if (last !== undefined && fits([...last, aggregate])) last.push(aggregate);
    else if (fits([aggregate])) parts.push([aggregate]);
    else throw new OutOfDeviceMemoryError(`the state of ${aggregate.kind} for ${groups} groups is larger than the device can bind`);
  }
  return parts;
};

/**
 * State on the device for `groups` groups of rows (at least 1).
 *
 * len counts rows, count those whose input is not null, null_count the others; sums wrap in the input's width (bool counts as u32) and
 * are 0 without values; min and max ignore nulls, and NaN unless there is nothing else (-0 is below 0; codes are compared as numbers);
 * mean, var and std are f64 (f32 for an f32 input), null without values, or with no more values than ddof; first_row and last_row are
 * the smallest and largest row number (of rows whose input is not null, where they have one), 0xFFFFFFFF in a group without such rows; any and all skip nulls.
 *
 * Sums, means and variances of floats are exact (exact-sum.ts has the bound), rounded once; those of integers are exact, rounded once
 * where the result is a float. NaN or both infinities give NaN; every result has the same bits however rows are ordered or split.
 * A group takes at most 2^31 rows.
 */
export class GroupAccumulator {
  readonly #inputs: readonly RowValue[];
  readonly #parts: readonly { readonly part: AccumulatorPart; readonly aggregates: readonly Aggregate[] }[];

  /** `inputs`: the outputs of every program that is going to be accumulated. @throws OutOfDeviceMemoryError */
  constructor(device: Device, aggregates: readonly Aggregate[], inputs: readonly RowValue[], groups: number) {
    this.#inputs = inputs;
    this.#parts = partition(device, aggregates, inputs, groups).map((list) => ({
      part: new AccumulatorPart(device, layoutOf(list, inputs), groups),
      aggregates: list,
    }));
  }

  /**
   * Adds a batch of `rows` rows; records and returns. `ids`: u32 group of each row (0xFFFFFFFF: the row does not take part), null:
   * every row is in group 0. `mask`: boolean output of the program that says which rows take part (false or null: not), null: all.
   * `rowBase`: number of the batch's first row, for first_row and last_row.
   */
  accumulate(program: RowProgram, rows: number, ids: DeviceBuffer | null, mask: number | null, rowBase: number): void {
    if (rows === 0) return;
    const batch = { source: { program, ids: ids !== null, mask }, ids, rows, rowBase };
    for (const { part } of this.#parts) part.accumulate(batch);
  }

  /**
   * Results in the order of the aggregates, `groups` rows each, owned by the caller; accumulation may go on afterwards. `filled`: rows were added
   * to every group, so that min, max and mean of an input without nulls have no bitmap.
   */
  finish(filled = false): readonly AggregateResult[] {
    return this.#parts.flatMap(({ part, aggregates }) => part.finish(aggregates, this.#inputs, filled));
  }

  /** Gives the state back. */
  release(): void {
    for (const { part } of this.#parts) part.release();
  }
}
