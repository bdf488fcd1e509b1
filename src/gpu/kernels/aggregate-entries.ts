/** Unfinished aggregates: entries of the groups of some rows, which those of other rows can be added to. */

import { OutOfDeviceMemoryError } from "../../errors.ts";
import type { Physical } from "../../ir/dtype.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { RowProgram, RowValue } from "../row-program.ts";
import { type AggregateResult, finishAggregates } from "./aggregate-finish.ts";
import { AccumulatorPart } from "./aggregate-part.ts";
import { type Aggregate, type Layout, layoutOf } from "./aggregate-slots.ts";

/** What entries consist of: a function of the aggregates and of the types of their inputs alone, so that all parts of the rows have the same. */
export interface EntryShape {
  readonly aggregates: readonly Aggregate[];
  /** Nullable, all of them: a part without nulls has to look like one with nulls. */
  readonly inputs: readonly RowValue[];
  readonly layout: Layout;
}

export function entryShape(aggregates: readonly Aggregate[], physicals: readonly Physical[]): EntryShape {
  const inputs = physicals.map((physical) => ({ physical, nullable: true }));
  return { aggregates, inputs, layout: layoutOf(aggregates, inputs) };
}

/** An accumulator, as `GroupAccumulator`, whose entries can be handed out and added to those of another one of the same shape. */
export class EntryAccumulator {
  readonly #part: AccumulatorPart;

  /** `takes`: what is going to be added. @throws OutOfDeviceMemoryError */
  constructor(device: Device, { layout }: EntryShape, groups: number, takes: "rows" | "entries") {
    if ((groups + 1) * layout.stride * 4 > device.limits.bindingBytes)
      throw new OutOfDeviceMemoryError(`entries of ${layout.stride} words for ${groups} groups are larger than the device can bind`);
    this.#part = new AccumulatorPart(device, layout, groups, takes);
  }

  /** As `GroupAccumulator.accumulate`. */
  accumulate(program: RowProgram, rows: number, ids: DeviceBuffer | null, mask: number | null, rowBase: number): void {
    if (rows > 0) this.#part.accumulate({ source: { program, ids: ids !== null, mask }, ids, rows, rowBase });
  }

  /** Adds the first `rows` entries of another accumulator: entry r to group `ids[r]` (0xFFFFFFFF: to none), or all of them to group 0. */
  absorb(entries: DeviceBuffer, rows: number, ids: DeviceBuffer | null): void {
    if (rows > 0) this.#part.absorb(entries, rows, ids);
  }

  /** The entries of the groups, owned by the caller; nothing may be added afterwards. */
  entries(): DeviceBuffer {
    return this.#part.entries();
  }

  release(): void {
    this.#part.release();
  }
}

/** Results in the order of the aggregates, `groups` rows each, owned by the caller. */
export const finishEntries = (
  device: Device,
  { aggregates, inputs, layout }: EntryShape,
  entries: DeviceBuffer,
  groups: number,
): readonly AggregateResult[] => finishAggregates(device, entries, layout, groups, aggregates, inputs, false);
