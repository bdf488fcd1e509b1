/** The hash table of grouping and joining: open addressing over row numbers, keys compared through the row number. */

import { OutOfDeviceMemoryError } from "../../errors.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import type { HashKeys } from "./keys.ts";
import type { Scratch } from "./keys-scratch.ts";

/** No row, group or slot: rows that do not take part, and rows without a match. */
export const NONE = 0xffffffff;

export const WORKGROUP = 256;

/** How many planes hold values and how many hold null bits. */
export interface KeyLayout {
  readonly values: number;
  readonly nulls: number;
  readonly interleaved: boolean;
}

export const layoutOf = (keys: HashKeys): KeyLayout => {
  const values = keys.nullPlane ?? keys.planes;
  return { values, nulls: keys.planes - values, interleaved: keys.interleaved };
};

/** Planes as a kernel sees them: the name of the binding, the WGSL expression of the stride, and the layout. */
export interface PlaneSource {
  readonly name: string;
  readonly stride: string;
  readonly layout: KeyLayout;
}

const planeAt = ({ name, stride, layout }: PlaneSource, plane: number, row: string): string =>
  layout.interleaved ? `${name}[${row} * ${layout.values}u + ${plane}u]` : `${name}[${plane}u * ${stride} + ${row}]`;

/** What of a layout decides the text of a kernel. */
export const layoutKey = ({ values, nulls, interleaved }: KeyLayout): string => `${values}${interleaved ? "i" : ""},${nulls}`;

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

/** `fn key_hash(row) -> u32` over the value planes; null bits are left out, so that sides with and without them agree. */
export const hashFunction = (source: PlaneSource): string => `
fn key_mix(h: u32, word: u32) -> u32 {
  var k = word * 0xcc9e2d51u;
  k = ((k << 15u) | (k >> 17u)) * 0x1b873593u;
  let m = h ^ k;
  return ((m << 13u) | (m >> 19u)) * 5u + 0xe6546b64u;
}
fn key_hash(row: u32) -> u32 {
  var h = 0x9e3779b9u;
${range(source.layout.values)
  .map((p) => `  h = key_mix(h, ${planeAt(source, p, "row")});`)
  .join("\n")}
  h = (h ^ (h >> 16u)) * 0x85ebca6bu;
  h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
  return h ^ (h >> 16u);
}`;

/** `fn key_same(row of a, row of b) -> bool`; a side without null planes has no nulls. */
export const sameFunction = (a: PlaneSource, b: PlaneSource): string => {
  const values = range(a.layout.values).map((p) => `${planeAt(a, p, "x")} == ${planeAt(b, p, "y")}`);
  const nullWord = (side: PlaneSource, w: number, row: string): string =>
    w < side.layout.nulls ? planeAt(side, side.layout.values + w, row) : "0u";
  const nulls = range(Math.max(a.layout.nulls, b.layout.nulls)).map((w) => `${nullWord(a, w, "x")} == ${nullWord(b, w, "y")}`);
  return `fn key_same(x: u32, y: u32) -> bool { return ${[...values, ...nulls].join(" && ") || "true"}; }`;
};

/** `fn key_has_null(row) -> bool`. */
export const nullFunction = (source: PlaneSource): string => {
  const words = range(source.layout.nulls).map((w) => planeAt(source, source.layout.values + w, "row"));
  return `fn key_has_null(row: u32) -> bool { return ${words.length > 0 ? `(${words.join(" | ")}) != 0u` : "false"}; }`;
};

/** Slots for `rows` different keys: a power of two, at least twice the rows where a binding can hold that, never below 8 / 7 of them. */
const capacityFor = (device: Device, keys: HashKeys): number => {
  const distinct = keys.planes === 0 ? 1 : keys.rows;
  let capacity = 4;
  while (capacity < 2 * distinct) capacity *= 2;
  const most = device.limits.bindingBytes / 4;
  while (capacity > most && (capacity / 2) * 0.875 >= distinct) capacity /= 2;
  if (capacity > most) {
    throw new OutOfDeviceMemoryError(
      `a hash table for ${distinct} keys needs ${capacity * 4} bytes, a binding holds ${device.limits.bindingBytes}`,
    );
  }
  return capacity;
};

/** Above this it does not matter how many rows of a key there are: so that not every one of them writes the same word. */
const MOST_NOTED = 1024;

/** Raises a word, an atomic, to `most`, or to something above `MOST_NOTED`. */
export const noteMost = (word: string, most: string): string =>
  `if (atomicLoad(&${word}) < min(${most}, ${MOST_NOTED}u)) { atomicMax(&${word}, ${most}); }`;

/** What is noted of rows whose key is there already: how many each key has, that there are some, or nothing. */
export type Repeats = "count" | "note" | "nothing";

interface InsertSpec {
  readonly layout: KeyLayout;
  readonly masked: boolean;
  readonly skipNulls: boolean;
  readonly repeats: Repeats;
  readonly bounded: boolean;
}

/** Whether there is anything to tell of all rows. */
const isFlagged = ({ repeats, bounded }: Pick<InsertSpec, "repeats" | "bounded">): boolean => repeats !== "nothing" || bounded;

/** What becomes of a row whose slot had another one. */
const NOTED: Record<Repeats, string> = {
  count: `let most = atomicAdd(&more[at], 1u) + 1u;
    ${noteMost("flags[0]", "most")}`,
  note: noteMost("flags[0]", "1u"),
  nothing: "",
};

/** Slots that a row of a bounded table may look at. Longer searches are rare below a load of 0.85, whatever the keys. */
const MOST_STEPS = 128;

/**
 * One thread for each row. It looks before it claims or lowers a slot, so that many rows of few keys only read.
 *
 *     planes: key words | table: row + 1, 0 = empty | slots: slot of each row | [flags: most of more, overflow]
 *     | [taking: bitmap of rows] | [more: rows of each slot beyond the first]
 */
function insertKernel(spec: InsertSpec): Kernel {
  const { layout, masked, skipNulls, repeats, bounded } = spec;
  const flagged = isFlagged(spec);
  const optional = [
    ...(flagged ? (["read_write"] as const) : []),
    ...(masked ? (["read"] as const) : []),
    ...(repeats === "count" ? (["read_write"] as const) : []),
  ];
  const source: PlaneSource = { name: "planes", stride: "P[0].y", layout };
  return {
    name: "hash-insert",
    key: `hash-insert(${layoutKey(layout)},${masked},${skipNulls},${repeats},${bounded})`,
    bindings: ["read", "read_write", "read_write", ...optional],
    params: 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
@group(0) @binding(1) var<storage, read_write> table: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read_write> slots: array<u32>;
${flagged ? "@group(0) @binding(3) var<storage, read_write> flags: array<atomic<u32>>;" : ""}
${masked ? `@group(0) @binding(${flagged ? 4 : 3}) var<storage, read> taking: array<u32>;` : ""}
${repeats === "count" ? `@group(0) @binding(${masked ? 5 : 4}) var<storage, read_write> more: array<atomic<u32>>;` : ""}
@group(0) @binding(${3 + optional.length}) var<uniform> P: array<vec4<u32>, 1>; // rows, stride, capacity - 1
${hashFunction(source)}
${sameFunction(source, source)}
${nullFunction(source)}
${bounded ? "var<workgroup> overflow: u32;" : ""}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  ${
    bounded
      ? `if (lane == 0u) { overflow = atomicLoad(&flags[1]); }
  if (workgroupUniformLoad(&overflow) != 0u) {
    if (row < P[0].x) { slots[row] = ${NONE}u; }
    return;
  }`
      : ""
  }
  if (row >= P[0].x) { return; }
  ${masked ? `if (((taking[row >> 5u] >> (row & 31u)) & 1u) == 0u) { slots[row] = ${NONE}u; return; }` : ""}
  ${skipNulls ? `if (key_has_null(row)) { slots[row] = ${NONE}u; return; }` : ""}
  var at = key_hash(row) & P[0].z;
  var seen = 0u;
  ${bounded ? "var steps = 0u;" : ""}
  loop {
    ${
      bounded
        ? `if (steps == ${MOST_STEPS}u || (steps == 8u && atomicLoad(&flags[1]) != 0u)) {
      atomicStore(&flags[1], 1u);
      slots[row] = ${NONE}u;
      return;
    }
    steps++;`
        : ""
    }
    seen = atomicLoad(&table[at]);
    if (seen == 0u) {
      let claim = atomicCompareExchangeWeak(&table[at], 0u, row + 1u);
      if (claim.exchanged) {
        seen = row + 1u;
        break;
      }
      seen = claim.old_value;
      if (seen == 0u) { continue; } // the exchange may fail for no reason
    }
    if (key_same(seen - 1u, row)) { break; }
    at = (at + 1u) & P[0].z;
  }
  // any row of the slot stands for its key, so the slot may be lowered while others compare with it
  if (row + 1u < seen) { atomicMin(&table[at], row + 1u); }
  ${repeats === "nothing" ? "" : `if (seen != row + 1u) {\n    ${NOTED[repeats]}\n  }`}
  slots[row] = at;
}`),
  };
}

export interface Inserted {
  /** For each slot the first row of its key plus 1, or 0. */
  readonly table: DeviceBuffer;
  readonly capacity: number;
  /** For each row its slot; NONE where the row takes no part. */
  readonly slots: DeviceBuffer;
  /** Rows of each slot beyond the first; null where not asked for. */
  readonly more: DeviceBuffer | null;
  /**
   * Word 0: the largest of `more`, about 1024 for all above; where repeats are only noted 1 if there are some. Word 1: 1 when the table was too small; all else is void then. Null: rows were not
   * counted, and there was room for all of them.
   */
  readonly flags: DeviceBuffer | null;
}

/**
 * Inserts the rows into a fresh table. `mask`: bitmap of the rows taking part, null for all; `skipNulls`: a row with a null key takes no
 * part; `repeats`: what to note of rows with a key of others; `most`: slots to make do with (a power of two), null for as many as all rows may need. The buffers are held by `scratch`. OutOfDeviceMemoryError where the table does not fit a binding.
 */
export function insertRows(
  device: Device,
  scratch: Scratch,
  keys: HashKeys,
  options: { readonly mask: DeviceBuffer | null; readonly skipNulls: boolean; readonly repeats: Repeats; readonly most: number | null },
): Inserted {
  const { mask, most } = options;
  const layout = layoutOf(keys);
  const whole = capacityFor(device, keys);
  const bounded = most !== null && most < whole;
  const capacity = bounded ? most : whole;
  const table = scratch.zeroed(capacity, "hash table");
  const slots = scratch.alloc(keys.rows, "hash slots");
  const flags = isFlagged({ repeats: options.repeats, bounded }) ? scratch.zeroed(2, "hash flags") : null;
  const more = options.repeats === "count" ? scratch.zeroed(capacity, "hash repeats") : null;
  if (keys.rows > 0) {
    device.launch({
      kernel: insertKernel({
        layout,
        masked: mask !== null,
        skipNulls: options.skipNulls && layout.nulls > 0,
        repeats: options.repeats,
        bounded,
      }),
      bindings: [keys.buffer, table, slots, ...[flags, mask, more].filter((buffer) => buffer !== null)],
      params: [keys.rows, keys.stride, capacity - 1, 0],
      workgroups: Math.ceil(keys.rows / WORKGROUP),
    });
  }
  return { table, capacity, slots, more, flags };
}
