/** Aggregates that share one state buffer: rows go through registers or workgroup memory to their groups' entries, or to these directly. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import type { RowValue } from "../row-program.ts";
import { absorbKernel, mergeKernel, realignKernel } from "./aggregate-entry-kernels.ts";
import { type AggregateResult, finishAggregates } from "./aggregate-finish.ts";
import {
  manyKernel,
  privateKernel,
  ROW_PARAMS,
  type RowSource,
  SHARED_WORDS,
  type SharedShape,
  type Step,
  sharedKernel,
  sharedStride,
  WORKGROUP,
} from "./aggregate-kernels.ts";
import type { Aggregate, Layout } from "./aggregate-slots.ts";

/** Entries larger than this are kept in workgroup memory rather than in registers. */
const REGISTER_WORDS = 96;
const REPLICAS = 32;
/** Groups beyond this are not kept in workgroup memory. */
const MOST_SHARED = 4096;

/** Entries are handed out with their state rather than copied where it is at most this much larger. */
const MOST_KEPT = 1.25;

/** How many rows a thread should have before another workgroup is worth its partial entries. */
const ROWS_PER_THREAD = 8;

/** Part of the memory limit that partial entries may take. */
const SHARE_OF_MEMORY = 64;
/** Fewer workgroups than this with entries of their own are slower than adding to the groups' entries directly. */
const LEAST_WORKGROUPS = 32;

/** Words of a state: what one binding holds, and the memory limit leaves for it. */
const roomOf = ({ limits, memoryLimit }: Device): number => Math.min(limits.bindingBytes, memoryLimit / SHARE_OF_MEMORY) / 4;

/** Workgroups that would keep entries of their own if there was no limit: enough for every core several times over, fewer where each writes many. */
const usualWorkgroups = (device: Device, groups: number): number => {
  if (device.adapter.software) return 4;
  return groups === 1 ? 4224 : groups <= 128 ? 1056 : 528;
};

/** As many of them as there is room for beside the groups' entries. */
const workgroupsFor = (device: Device, layout: Layout, groups: number): number =>
  Math.min(usualWorkgroups(device, groups), Math.floor(roomOf(device) / (groups * layout.stride)) - 1);

/** A software adapter gains nothing from replicas and rounds, and pays for each line of WGSL when it compiles. */
const shapeFor = (device: Device, layout: Layout, groups: number): SharedShape => {
  const entries = sharedStride(layout) * groups;
  const { software } = device.adapter;
  const words = entries <= SHARED_WORDS || software ? SHARED_WORDS : Math.floor(device.limits.workgroupBytes / 4) - 32;
  const fitting = haveShares(device, layout, groups) ? Math.floor(words / entries) : 0;
  const replicas = fitting === 0 ? 0 : Math.min(software ? 1 : REPLICAS, 2 ** Math.floor(Math.log2(fitting)));
  return { words, replicas, roundRows: software || layout.inputs.length > 4 ? 1 : layout.inputs.length > 2 ? 2 : 4 };
};

/** Entries in workgroup memory that the registers of a workgroup are added to. */
const replicasForOne = (device: Device, layout: Layout): number =>
  device.adapter.software ? 1 : Math.min(REPLICAS, 2 ** Math.floor(Math.log2(SHARED_WORDS / sharedStride(layout))));

/** Whether workgroups may have entries of their own for all groups: their number is small, and there is room for them. */
const haveShares = (device: Device, layout: Layout, groups: number): boolean =>
  groups <= MOST_SHARED && workgroupsFor(device, layout, groups) >= Math.min(LEAST_WORKGROUPS, usualWorkgroups(device, groups));

/** Workgroups that keep one partial entry each: as many as there is room for beside the groups' entries, at least one. */
const workgroupsForOne = (device: Device, layout: Layout, groups: number): number =>
  Math.max(1, Math.min(usualWorkgroups(device, 1), Math.floor(roomOf(device) / layout.stride) - groups));

/** Words of the groups' entries and of the partial ones. */
export const stateWords = (device: Device, layout: Layout, groups: number): number => {
  const shares = haveShares(device, layout, groups) ? groups * workgroupsFor(device, layout, groups) : 0;
  return (groups + Math.max(workgroupsForOne(device, layout, groups), shares)) * layout.stride;
};

/** Rows as a part takes them. */
export interface RowBatch {
  readonly source: RowSource;
  readonly ids: DeviceBuffer | null;
  readonly rows: number;
  readonly rowBase: number;
}

/** One state buffer: entries of the groups, then partial entries of workgroups. */
export class AccumulatorPart {
  readonly #device: Device;
  readonly #layout: Layout;
  readonly #groups: number;
  /** Most workgroups that have partial entries. */
  readonly #workgroups: number;
  readonly #shape: SharedShape;
  readonly #state: DeviceBuffer;
  /** Whether anything was added to the groups' entries, which are unspecified before. */
  #filled = false;

  /** `takes`: what is going to be added; entries need no room for those of workgroups. */
  constructor(device: Device, layout: Layout, groups: number, takes: "rows" | "entries" = "rows") {
    this.#device = device;
    this.#layout = layout;
    this.#groups = groups;
    this.#shape = shapeFor(device, layout, groups);
    this.#workgroups = this.#shape.replicas > 0 ? workgroupsFor(device, layout, groups) : workgroupsForOne(device, layout, groups);
    this.#state = device.alloc(takes === "rows" ? stateWords(device, layout, groups) : groups * layout.stride, "aggregate state");
  }

  accumulate(batch: RowBatch): void {
    const toOne = batch.ids === null || this.#groups === 1;
    const { replicas } = this.#shape;
    if (toOne && this.#layout.stride <= REGISTER_WORDS) {
      const own = replicasForOne(this.#device, this.#layout);
      this.#partial(batch, privateKernel(batch.source, this.#layout, own), 1, own);
    } else if (replicas > 0) this.#partial(batch, sharedKernel(batch.source, this.#layout, this.#shape), this.#groups, replicas);
    else this.#direct(batch);
  }

  /** Rows into partial entries, those into the groups' entries; the first rows directly where a single workgroup takes them. */
  #partial(batch: RowBatch, kernel: Kernel, targets: number, replicas: number): void {
    const { roundRows } = this.#shape;
    const workgroups = Math.min(this.#workgroups, Math.max(1, Math.ceil(batch.rows / (WORKGROUP * ROWS_PER_THREAD))));
    const threads = workgroups * WORKGROUP;
    const fresh = !this.#filled && targets === this.#groups;
    const written = fresh && workgroups === 1 ? 0 : this.#groups;
    if (!fresh) this.#fill();
    this.#filled = true;
    this.#launchRows(batch, kernel, workgroups, [threads, targets, replicas, Math.ceil(batch.rows / (threads * roundRows)), written]);
    if (written === 0) return;
    const params = [workgroups, this.#groups, targets, fresh ? 1 : 0];
    this.#device.launch({ kernel: mergeKernel(this.#layout), bindings: [this.#state], params, workgroups: targets });
  }

  /** Makes the groups' entries empty ones where nothing was added to them. */
  #fill(): void {
    if (!this.#filled) this.#device.clear(this.#state, 0, this.#groups * this.#layout.stride);
    this.#filled = true;
  }

  #direct(batch: RowBatch): void {
    const workgroups = Math.ceil(batch.rows / WORKGROUP);
    this.#inSteps((step) => this.#launchRows(batch, manyKernel(batch.source, this.#layout, step), workgroups, []));
  }

  /** Adds entry r of another state of the layout to group `ids[r]` (beyond the groups: to none), or all of them to group 0. */
  absorb(entries: DeviceBuffer, rows: number, ids: DeviceBuffer | null): void {
    this.#inSteps((step) => this.#launchAbsorb(entries, rows, ids, step));
  }

  /** What is added to the groups' entries in device memory, after their pending words where there are some. */
  #inSteps(launch: (step: Step) => void): void {
    const empty = !this.#filled;
    this.#fill();
    if (this.#layout.pending) {
      launch(empty ? "raise-empty" : "raise");
      if (!empty) this.#realign();
    }
    launch("add");
  }

  #launchAbsorb(entries: DeviceBuffer, rows: number, ids: DeviceBuffer | null, step: Step): void {
    const kernel = absorbKernel(this.#layout, ids !== null, step);
    const bindings = [entries, ...(ids === null ? [] : [ids]), this.#state];
    this.#device.launch({ kernel, bindings, params: [rows, this.#groups], workgroups: Math.ceil(rows / WORKGROUP) });
  }

  #realign(): void {
    const [kernel, workgroups] = [realignKernel(this.#layout), Math.ceil(this.#groups / WORKGROUP)];
    this.#device.launch({ kernel, bindings: [this.#state], params: [this.#groups, 0], workgroups });
  }

  #launchRows({ source, ids, rows, rowBase }: RowBatch, kernel: Kernel, workgroups: number, words: readonly number[]): void {
    const { columns, args, argWords } = source.program;
    const params = new Uint32Array(argWords + ROW_PARAMS);
    params.set(args);
    params.set([rows, this.#groups, rowBase, ...words], argWords);
    const bindings = [...columns.map((column) => column.buffer), ...(ids === null ? [] : [ids]), this.#state];
    this.#device.launch({ kernel, bindings, params, workgroups });
  }

  /** The groups' entries, owned by the caller: the state itself where that is little else. Nothing may be added afterwards. */
  entries(): DeviceBuffer {
    this.#fill();
    const words = this.#groups * this.#layout.stride;
    if (this.#state.words <= words * MOST_KEPT) return this.#state.retain();
    const entries = this.#device.alloc(words, "aggregate entries");
    this.#device.copy(this.#state, 0, entries, 0, words);
    return entries;
  }

  /** `filled`: rows were added to every group. */
  finish(aggregates: readonly Aggregate[], inputs: readonly RowValue[], filled: boolean): readonly AggregateResult[] {
    this.#fill();
    return finishAggregates(this.#device, this.#state, this.#layout, this.#groups, aggregates, inputs, filled);
  }

  release(): void {
    this.#state.release();
  }
}
