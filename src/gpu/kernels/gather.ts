/** Takes rows of columns by number: what follows a filter, a join, a sort. */

import { storageOf } from "../../ir/dtype.ts";
import type { DeviceBuffer } from "../buffers.ts";
import { type Column, columnWords, valueWords } from "../column.ts";
import type { Device } from "../device.ts";
import type { Access, Kernel } from "../kernel.ts";

/** Row number that stands for a null row. */
export const NULL_ROW = 0xffffffff;

const NONE = 0xffffffff;

type Slot = "bits" | "w1" | "w2";

const SLOTS = { bits: 0, w1: 1, w2: 2 } as const satisfies Record<Slot, number>;

const slotOf = (column: Column): Slot => {
  const storage = storageOf(column.dtype);
  return storage === "code" ? "w1" : storage;
};

/*
 * rows, then for each column its source and its target. One invocation for each output row; the 256 rows of a workgroup are 8 words
 * of each output bitmap, gathered in workgroup memory:
 *
 *     live[slot][8]   validity of column `slot`          ones[slot][8]   values of a `bits` column
 *
 * P[0] = rows, 1 if rows may be NULL_ROW; P[1 + slot] = first word of the source's validity or NONE, the same of the target.
 */
const gatherKernel = (slots: readonly Slot[]): Kernel => ({
  name: "gather",
  key: slots.join(),
  wgsl: () => /* wgsl */ `
const NONE = 0xffffffffu;
@group(0) @binding(0) var<storage, read> rows: array<u32>;
${slots.map((slot, k) => declare(slot, k)).join("\n")}
@group(0) @binding(${slots.length * 2 + 1}) var<uniform> P: array<vec4<u32>, ${slots.length + 1}>;
var<workgroup> live: array<atomic<u32>, ${slots.length * 8}>;
${slots.includes("bits") ? `var<workgroup> ones: array<atomic<u32>, ${slots.length * 8}>;` : ""}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let first = (wid.x + wid.y * nwg.x) * 256u;
  let to = first + t;
  let count = P[0].x;
  var row = NONE;
  let inside = to < count;
  if (inside) { row = rows[to]; }
  let present = inside && (P[0].y == 0u || row != NONE);
${slots.map(take).join("\n")}
  workgroupBarrier();
  if (first + t * 32u >= count) { return; }
${slots.map(store).join("\n")}
}`,
  bindings: ["read", ...slots.flatMap(() => ["read", "read_write"] as const)],
  params: 4 * (slots.length + 1),
  workgroup: 256,
});

/** Source and target of a column, whose bindings stand behind `before` others. */
const declare = (slot: Slot, k: number, before = 1): string => {
  const element = slot === "w2" ? "vec2<u32>" : "u32";
  return `@group(0) @binding(${k * 2 + before}) var<storage, read> source${k}: array<${element}>;
@group(0) @binding(${k * 2 + before + 1}) var<storage, read_write> target${k}: array<${element}>;`;
};

/** Loads the value and the validity of one column. */
const take = (slot: Slot, k: number): string => {
  const validity = `P[${k + 1}].x + (row >> 5u)`;
  const word = slot === "w2" ? `source${k}[(${validity}) >> 1u][(${validity}) & 1u]` : `source${k}[${validity}]`;
  const value = {
    bits: `if (present && ((source${k}[row >> 5u] >> (row & 31u)) & 1u) != 0u) { atomicOr(&ones[${k * 8}u + (t >> 5u)], 1u << (t & 31u)); }`,
    w1: `if (present) { target${k}[to] = source${k}[row]; }`,
    w2: `if (present) { target${k}[to] = source${k}[row]; }`,
  };
  return `  ${value[slot]}
  if (P[${k + 1}].y != NONE) {
    var valid = present;
    if (valid && P[${k + 1}].x != NONE) { valid = ((${word} >> (row & 31u)) & 1u) != 0u; }
    if (valid) { atomicOr(&live[${k * 8}u + (t >> 5u)], 1u << (t & 31u)); }
  }`;
};

/** Stores the bitmap words of one column, invocation t word t of the workgroup's 8; two at once where the target is of vectors. */
const store = (slot: Slot, k: number): string => {
  const bits = slot === "bits" ? `  if (t < 8u) { target${k}[(first >> 5u) + t] = atomicLoad(&ones[${k * 8}u + t]); }\n` : "";
  const at = `P[${k + 1}].y + (first >> 5u)`;
  const valid =
    slot === "w2"
      ? `if (P[${k + 1}].y != NONE && t < 8u && (t & 1u) == 0u) {
    target${k}[(${at} + t) >> 1u] = vec2<u32>(atomicLoad(&live[${k * 8}u + t]), atomicLoad(&live[${k * 8 + 1}u + t]));
  }`
      : `if (P[${k + 1}].y != NONE && t < 8u) { target${k}[${at} + t] = atomicLoad(&live[${k * 8}u + t]); }`;
  return `${bits}  ${valid}`;
};

/** Rows of one invocation, whose loads are on their way at once. */
const ROWS_AT_ONCE = 4;

/** A column of words in `plainKernel`: which of the lists of row numbers is its. */
interface Listed {
  readonly slot: Slot;
  readonly list: number;
}

const plainKey = (columns: readonly Listed[]): string => columns.map(({ slot, list }) => `${slot}${list === 0 ? "" : list}`).join();

/* As above for columns of words without nulls: nothing to be put together in workgroup memory. First all lists of row numbers. P = rows. */
const plainKernel = (columns: readonly Listed[]): Kernel => {
  const each = (text: (r: number) => string): string => Array.from({ length: ROWS_AT_ONCE }, (_, r) => text(r)).join("\n  ");
  const lists = Array.from({ length: 1 + Math.max(...columns.map(({ list }) => list)) }, (_, list) => list);
  return {
    name: "gather-plain",
    key: plainKey(columns),
    wgsl: () => /* wgsl */ `
${lists.map((list) => `@group(0) @binding(${list}) var<storage, read> rows${list}: array<u32>;`).join("\n")}
${columns.map(({ slot }, k) => declare(slot, k, lists.length)).join("\n")}
@group(0) @binding(${columns.length * 2 + lists.length}) var<uniform> P: vec4<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let first = (wid.x + wid.y * nwg.x) * ${256 * ROWS_AT_ONCE}u + t;
  let count = P.x;
  ${each((r) => `let to${r} = first + ${256 * r}u;`)}
  ${lists.map((list) => each((r) => `let row${list}_${r} = rows${list}[min(to${r}, count - 1u)];`)).join("\n  ")}
${columns
  .map(
    ({ list }, k) => `  {
  ${each((r) => `let v${r} = source${k}[row${list}_${r}];`)}
  ${each((r) => `if (to${r} < count) { target${k}[to${r}] = v${r}; }`)}
  }`,
  )
  .join("\n")}
}`,
    bindings: [...lists.map(() => "read" as const), ...columns.flatMap(() => ["read", "read_write"] as const)],
    params: 1,
    workgroup: 256,
  };
};

const PLAIN = new Map<string, Kernel>();
const ANY = new Map<string, Kernel>();

const kernelOf = (kernels: Map<string, Kernel>, key: string, make: () => Kernel): Kernel => {
  const known = kernels.get(key);
  if (known !== undefined) return known;
  const made = make();
  kernels.set(key, made);
  return made;
};

/** Columns whose rows are taken by the same numbers. Where `mayBeNull`, row number NULL_ROW gives a null. */
export interface Gathered {
  readonly columns: readonly Column[];
  readonly rows: DeviceBuffer;
  readonly mayBeNull: boolean;
}

/** Plain columns of which a kernel takes the rows that it finds, so that they need no list: what its text and its launch need for that. */
export interface TakenAlong {
  readonly key: string;
  /** Two for each column. */
  readonly bindings: readonly Access[];
  readonly buffers: readonly DeviceBuffer[];
  readonly declarations: () => string;
  /** Takes row `rows[list]` of the columns of each list as row `at`. */
  readonly text: (at: string, rows: readonly string[]) => string;
  /** The rows taken, owned by the caller, list by list. */
  readonly targets: readonly (readonly Column[])[];
}

/** Rows above which a list of their numbers is made first: loads by a list are on their way at once. */
const TAKEN_ALONG = 1 << 18;

/**
 * Columns to be taken along, `count` rows of each, by a kernel with `before` bindings of its own in front of theirs. Null where there are none or
 * more than `most` rows, where some columns are not plain, and where a device has not so many bindings.
 */
export const takeAlong = (
  device: Device,
  lists: readonly (readonly Column[])[],
  count: number,
  before: number,
  most = TAKEN_ALONG,
): TakenAlong | null => {
  const columns = lists.flatMap((own, list) => own.map((source) => ({ source, slot: slotOf(source), list })));
  const fits = columns.length > 0 && count > 0 && count <= most && before + 2 * columns.length <= device.limits.storageBuffers;
  if (!fits || columns.some(({ source, slot }) => slot === "bits" || source.validityOffset !== null)) return null;
  const targets = lists.map((own) => own.map((source) => targetOf(device, source, count, false)));
  return {
    key: plainKey(columns),
    bindings: columns.flatMap(() => ["read", "read_write"] as const),
    buffers: targets.flatMap((own, list) => own.flatMap(({ buffer }, k) => [lists[list]?.[k]?.buffer ?? buffer, buffer])),
    declarations: () => columns.map(({ slot }, k) => declare(slot, k, before)).join("\n"),
    text: (at, rows) => columns.map(({ list }, k) => `target${k}[${at}] = source${k}[${rows[list]}];`).join("\n  "),
    targets,
  };
};

/** As `takeAlong` of one list, in as many launches of the kernel as the device's bindings make necessary. */
export const takeAllAlong = (device: Device, columns: readonly Column[], count: number, before: number): readonly TakenAlong[] | null => {
  const share = Math.floor((device.limits.storageBuffers - before) / 2);
  if (share < 1 || columns.some((column) => slotOf(column) === "bits" || column.validityOffset !== null)) return null;
  const parts = Array.from({ length: Math.ceil(columns.length / share) }, (_, k) => columns.slice(k * share, (k + 1) * share));
  const along = parts.map((part) => takeAlong(device, [part], count, before)).filter((taken) => taken !== null);
  return along.length === parts.length && parts.length > 0 ? along : null;
};

interface Pair extends Listed {
  readonly source: Column;
  readonly target: Column;
}

const isPlain = ({ slot, target }: Pair): boolean => slot !== "bits" && target.validityOffset === null;

/**
 * Row `rows[i]` of each column as row i, for i < `count`; where `mayBeNull`, row number NULL_ROW gives a null. Row numbers must be
 * below the columns' lengths otherwise. The results, in the order of `columns`, belong to the caller; one is nullable exactly
 * if its source is or `mayBeNull`. Columns share dispatches as far as the device's bindings go.
 */
export const gather = (device: Device, columns: readonly Column[], rows: DeviceBuffer, count: number, mayBeNull: boolean): Column[] => {
  const [results = []] = gatherLists(device, [{ columns, rows, mayBeNull }], count);
  return results;
};

/** As `gather` by several lists of `count` row numbers each, the results of each list by themselves. Plain columns of all lists share dispatches. */
export const gatherLists = (device: Device, lists: readonly Gathered[], count: number): Column[][] => {
  const results = lists.map(({ columns, mayBeNull }) => columns.map((column) => targetOf(device, column, count, mayBeNull)));
  const pairs = lists.map(({ columns }, list) =>
    columns.flatMap((source, k): Pair[] => {
      const target = results[list]?.[k];
      return target === undefined ? [] : [{ source, target, slot: slotOf(source), list }];
    }),
  );
  const all = pairs.flat();
  const numbers = lists.map(({ rows }) => rows);
  if (all.every(isPlain)) launchParts(device, numbers, all, count, false);
  else
    lists.forEach(({ rows, mayBeNull }, list) => {
      const own = (pairs[list] ?? []).map((pair) => ({ ...pair, list: 0 }));
      launchParts(device, [rows], own, count, mayBeNull);
    });
  return results;
};

const targetOf = (device: Device, { dtype, validityOffset, dictionary }: Column, count: number, mayBeNull: boolean): Column => {
  const nullable = mayBeNull || validityOffset !== null;
  return {
    dtype,
    length: count,
    buffer: device.alloc(columnWords(dtype, count, nullable), "gathered column"),
    validityOffset: nullable ? valueWords(dtype, count) : null,
    dictionary,
  };
};

/** In as many dispatches as bindings make necessary; `lists`: row numbers, one of them for columns that are not plain. */
const launchParts = (device: Device, lists: readonly DeviceBuffer[], pairs: readonly Pair[], count: number, mayBeNull: boolean): void => {
  const sorted = pairs.toSorted((a, b) => SLOTS[a.slot] - SLOTS[b.slot]);
  const share = Math.floor((device.limits.storageBuffers - lists.length) / 2);
  for (let at = 0; at < sorted.length; at += share) {
    const part = sorted.slice(at, at + share);
    const own = part.flatMap(({ source, target }) => [source.buffer, target.buffer]);
    if (part.every(isPlain)) {
      const used = lists.slice(0, 1 + Math.max(...part.map(({ list }) => list)));
      device.launch({
        kernel: kernelOf(PLAIN, plainKey(part), () => plainKernel(part)),
        bindings: [...used, ...own],
        params: [count],
        workgroups: Math.ceil(count / (256 * ROWS_AT_ONCE)),
      });
    } else {
      const slots = part.map(({ slot }) => slot);
      device.launch({
        kernel: kernelOf(ANY, slots.join(), () => gatherKernel(slots)),
        bindings: [...lists, ...own],
        params: [
          ...[count, mayBeNull ? 1 : 0, 0, 0],
          ...part.flatMap(({ source, target }) => [source.validityOffset ?? NONE, target.validityOffset ?? NONE, 0, 0]),
        ],
        workgroups: Math.ceil(count / 256),
      });
    }
  }
};
