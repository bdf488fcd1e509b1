/** Takes rows of columns by number: what follows a filter, a join, a sort. */

import { storageOf } from "../../ir/dtype.ts";
import type { DeviceBuffer } from "../buffers.ts";
import { type Column, columnWords, valueWords } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";

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
${slots.map(declare).join("\n")}
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

const declare = (slot: Slot, k: number): string => {
  const element = slot === "w2" ? "vec2<u32>" : "u32";
  return `@group(0) @binding(${k * 2 + 1}) var<storage, read> source${k}: array<${element}>;
@group(0) @binding(${k * 2 + 2}) var<storage, read_write> target${k}: array<${element}>;`;
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

/* As above for columns of words without nulls: nothing to be put together in workgroup memory. P = rows. */
const plainKernel = (slots: readonly Slot[]): Kernel => {
  const each = (text: (r: number) => string): string => Array.from({ length: ROWS_AT_ONCE }, (_, r) => text(r)).join("\n  ");
  return {
    name: "gather-plain",
    key: slots.join(),
    wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read> rows: array<u32>;
${slots.map(declare).join("\n")}
@group(0) @binding(${slots.length * 2 + 1}) var<uniform> P: vec4<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let first = (wid.x + wid.y * nwg.x) * ${256 * ROWS_AT_ONCE}u + t;
  let count = P.x;
  ${each((r) => `let to${r} = first + ${256 * r}u;\n  let row${r} = rows[min(to${r}, count - 1u)];`)}
${slots
  .map(
    (_, k) => `  {
  ${each((r) => `let v${r} = source${k}[row${r}];`)}
  ${each((r) => `if (to${r} < count) { target${k}[to${r}] = v${r}; }`)}
  }`,
  )
  .join("\n")}
}`,
    bindings: ["read", ...slots.flatMap(() => ["read", "read_write"] as const)],
    params: 1,
    workgroup: 256,
  };
};

const KERNELS = { plain: new Map<string, Kernel>(), any: new Map<string, Kernel>() } as const;

const kernelOf = (slots: readonly Slot[], kind: "plain" | "any"): Kernel => {
  const key = slots.join();
  const known = KERNELS[kind].get(key);
  if (known !== undefined) return known;
  const made = kind === "plain" ? plainKernel(slots) : gatherKernel(slots);
  KERNELS[kind].set(key, made);
  return made;
};

/**
 * Row `rows[i]` of each column as row i, for i < `count`; where `mayBeNull`, row number NULL_ROW gives a null. Row numbers must be
 * below the columns' lengths otherwise. The results, in the order of `columns`, belong to the caller; one is nullable exactly
 * if its source is or `mayBeNull`. Columns share dispatches as far as the device's bindings go.
 */
export const gather = (device: Device, columns: readonly Column[], rows: DeviceBuffer, count: number, mayBeNull: boolean): Column[] => {
  const results = columns.map((column): Column => {
    const nullable = mayBeNull || column.validityOffset !== null;
    return {
      dtype: column.dtype,
      length: count,
      buffer: device.alloc(columnWords(column.dtype, count, nullable), "gathered column"),
      validityOffset: nullable ? valueWords(column.dtype, count) : null,
      dictionary: column.dictionary,
    };
  });
  const pairs = columns.flatMap((source, k) => {
    const target = results[k];
    return target === undefined ? [] : [{ source, target, slot: slotOf(source) }];
  });
  const sorted = pairs.toSorted((a, b) => SLOTS[a.slot] - SLOTS[b.slot]);
  const share = Math.floor((device.limits.storageBuffers - 1) / 2);
  for (let at = 0; at < sorted.length; at += share) {
    const part = sorted.slice(at, at + share);
    const slots = part.map(({ slot }) => slot);
    const bindings = [rows, ...part.flatMap(({ source, target }) => [source.buffer, target.buffer])];
    if (part.every(({ slot, target }) => slot !== "bits" && target.validityOffset === null))
      device.launch({ kernel: kernelOf(slots, "plain"), bindings, params: [count], workgroups: Math.ceil(count / (256 * ROWS_AT_ONCE)) });
    else
      device.launch({
        kernel: kernelOf(slots, "any"),
        bindings,
        params: [
          ...[count, mayBeNull ? 1 : 0, 0, 0],
          ...part.flatMap(({ source, target }) => [source.validityOffset ?? NONE, target.validityOffset ?? NONE, 0, 0]),
        ],
        workgroups: Math.ceil(count / 256),
      });
  }
  return results;
};
