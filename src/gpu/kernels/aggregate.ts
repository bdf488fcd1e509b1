/** Aggregation into groups, batch after batch: any split of the rows into batches, in any order, gives the same bits. */

import { OutOfDeviceMemoryError } from "../../errors.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import type { RowProgram, RowValue } from "../row-program.ts";
import { type AggregateResult, finishAggregate } from "./aggregate-finish.ts";
import {
  manyKernel,
  mergeKernel,
  privateKernel,
  ROW_PARAMS,
  type RowSource,
  realignKernel,
  SHARED_WORDS,
  type SharedShape,
  sharedKernel,
  sharedStride,
  WORKGROUP,
} from "./aggregate-kernels.ts";
import { type Aggregate, type Layout, layoutOf } from "./aggregate-slots.ts";

export type { AggregateResult } from "./aggregate-finish.ts";
export type { Aggregate, AggregateKind } from "./aggregate-slots.ts";

/** Entries larger than this are kept in workgroup memory rather than in registers. */
const REGISTER_WORDS = 96;
const REPLICAS = 32;
/** Groups beyond this are not kept in workgroup memory. */
const MOST_SHARED = 4096;

/** How many rows a thread should have before another workgroup is worth its partial entries. */
const ROWS_PER_THREAD = 8;

/** Workgroups that keep entries of their own: enough for every core several times over, fewer where each writes many. */
const workgroupsFor = (device: Device, groups: number): number => {
  if (device.adapter.software) return 4;
  return groups === 1 ? 4224 : groups <= 128 ? 1056 : 528;
};

/** A software adapter gains nothing from replicas and rounds, and pays for each line of WGSL when it compiles. */
const shapeFor = (device: Device, layout: Layout, groups: number): SharedShape => {
  const entries = sharedStride(layout) * groups;
  const { software } = device.adapter;
  const words = entries <= SHARED_WORDS || software ? SHARED_WORDS : Math.floor(device.limits.workgroupBytes / 4) - 32;
  const fitting = haveShares(device, layout, groups) ? Math.floor(words / entries) : 0;
  const replicas = fitting === 0 ? 0 : Math.min(software ? 1 : REPLICAS, 2 ** Math.floor(Math.log2(fitting)));
  return { words, replicas, roundRows: software || layout.inputs.length > 4 ? 1 : layout.inputs.length > 2 ? 2 : 4 };
};

/** Whether every workgroup may have entries of its own for all groups: their number is small, and one binding holds them. */
const haveShares = (device: Device, layout: Layout, groups: number): boolean =>
  groups <= MOST_SHARED && groups * (1 + workgroupsFor(device, groups)) * layout.stride * 4 <= device.limits.bindingBytes;

/** Workgroups that keep one partial entry each: as many as the binding has room for beside the groups' entries, at least one. */
const workgroupsForOne = (device: Device, layout: Layout, groups: number): number =>
  Math.max(1, Math.min(workgroupsFor(device, 1), Math.floor(device.limits.bindingBytes / (layout.stride * 4)) - groups));

/** Words of the groups' entries and of the partial ones. */
const stateWords = (device: Device, layout: Layout, groups: number): number => {
  const shares = haveShares(device, layout, groups) ? groups * workgroupsFor(device, groups) : 0;
  return (groups + Math.max(workgroupsForOne(device, layout, groups), shares)) * layout.stride;
};

interface Batch {
  readonly source: RowSource;
  readonly ids: DeviceBuffer | null;
  readonly rows: number;
  readonly rowBase: number;
}

/** Aggregates that share one state buffer: entries of the groups, then partial entries of workgroups. */
class AccumulatorPart {
  readonly #device: Device;
  readonly #layout: Layout;
  readonly #groups: number;
  /** Most workgroups that have partial entries. */
  readonly #workgroups: number;
  readonly #shape: SharedShape;
  readonly #state: DeviceBuffer;

  constructor(device: Device, layout: Layout, groups: number) {
    this.#device = device;
    this.#layout = layout;
    this.#groups = groups;
    this.#shape = shapeFor(device, layout, groups);
    this.#workgroups = this.#shape.replicas > 0 ? workgroupsFor(device, groups) : workgroupsForOne(device, layout, groups);
    this.#state = device.alloc(stateWords(device, layout, groups), "aggregate state");
    device.clear(this.#state, 0, groups * layout.stride);
  }

  accumulate(batch: Batch): void {
    const toOne = batch.ids === null || this.#groups === 1;
    if (toOne && this.#layout.stride <= REGISTER_WORDS) this.#partial(batch, privateKernel(batch.source, this.#layout), 1);
    else if (this.#shape.replicas > 0) this.#partial(batch, sharedKernel(batch.source, this.#layout, this.#shape), this.#groups);
    else this.#direct(batch);
  }

  /** Rows into partial entries, those into the groups' entries. */
  #partial(batch: Batch, kernel: Kernel, targets: number): void {
    const { replicas, roundRows } = this.#shape;
    const workgroups = Math.min(this.#workgroups, Math.max(1, Math.ceil(batch.rows / (WORKGROUP * ROWS_PER_THREAD))));
    const threads = workgroups * WORKGROUP;
    this.#launchRows(batch, kernel, workgroups, [threads, targets, replicas, Math.ceil(batch.rows / (threads * roundRows))]);
    this.#realign();
    this.#launchEntries(mergeKernel(this.#layout), [workgroups * targets, this.#groups, targets]);
  }

  #direct(batch: Batch): void {
    const workgroups = Math.ceil(batch.rows / WORKGROUP);
    if (this.#layout.pending) {
      this.#launchRows(batch, manyKernel(batch.source, this.#layout, "raise"), workgroups, []);
      this.#realign();
    }
    this.#launchRows(batch, manyKernel(batch.source, this.#layout, "add"), workgroups, []);
  }

  #realign(): void {
    if (this.#layout.pending) this.#launchEntries(realignKernel(this.#layout), [this.#groups]);
  }

  #launchRows({ source, ids, rows, rowBase }: Batch, kernel: Kernel, workgroups: number, words: readonly number[]): void {
    const { columns, args, argWords } = source.program;
    const params = new Uint32Array(argWords + ROW_PARAMS);
    params.set(args);
    params.set([rows, this.#groups, rowBase, ...words], argWords);
    const bindings = [...columns.map((column) => column.buffer), ...(ids === null ? [] : [ids]), this.#state];
    this.#device.launch({ kernel, bindings, params, workgroups });
  }

  #launchEntries(kernel: Kernel, params: readonly [number, ...number[]]): void {
    this.#device.launch({ kernel, bindings: [this.#state], params, workgroups: Math.ceil(params[0] / WORKGROUP) });
  }

  finish(aggregate: Aggregate, inputs: readonly RowValue[]): AggregateResult {
    return finishAggregate(this.#device, this.#state, this.#layout, this.#groups, aggregate, inputs);
  }

  release(): void {
    this.#state.release();
  }
}

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

  /** Results in the order of the aggregates, `groups` rows each, owned by the caller; accumulation may go on afterwards. */
  finish(): readonly AggregateResult[] {
    return this.#parts.flatMap(({ part, aggregates }) => aggregates.map((aggregate) => part.finish(aggregate, this.#inputs)));
  }

  /** Gives the state back. */
  release(): void {
    for (const { part } of this.#parts) part.release();
  }
}
