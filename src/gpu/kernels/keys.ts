/** Key planes: the words of a row's key columns, encoded so that sorting, hashing and joining need to know nothing of types. */

import { InternalError, OutOfDeviceMemoryError } from "../../errors.ts";
import type { Physical } from "../../ir/dtype.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import type { RowProgram, RowValue } from "../row-program.ts";
import { link } from "../wgsl/library.ts";

/**
 * Plane p holds one u32 word for each row, at words [p * stride, p * stride + rows) of `buffer`; the words between rows and stride
 * are unspecified. A plane starts at a byte offset that a binding window may start at. The owner releases `buffer`.
 */
export interface KeyPlanes extends HashKeys {
  readonly interleaved: false;
}

/** As `KeyPlanes`, for hash tables, which take a column without nulls for its keys as it is. */
export interface HashKeys {
  readonly buffer: DeviceBuffer;
  readonly planes: number;
  readonly rows: number;
  /** Words from one plane to the next: a multiple of 64. */
  readonly stride: number;
  /**
   * First of the null planes, which are the last ones: bit k % 32 of plane nullPlane + floor(k / 32) says that key k is null.
   * Null: no key is nullable, or the planes are ordered ones.
   */
  readonly nullPlane: number | null;
  /** The words of a row stand beside one another, at words [row * planes, (row + 1) * planes), and there is no stride. */
  readonly interleaved: boolean;
}

/** How one key is ordered. `nullsLast` says where nulls go whatever `descending` is. */
export interface KeyOrder {
  readonly descending: boolean;
  readonly nullsLast: boolean;
}

const WORKGROUP = 256;

/** Words in the value of a key. */
const wordsOf = (physical: Physical): 1 | 2 => (physical === "i64" || physical === "u64" || physical === "f64" ? 2 : 1);

/** WGSL type and zero of the value of a key. */
const ZERO = {
  bool: "false",
  i32: "0i",
  u32: "0u",
  f32: "0u",
  code: "0u",
  i64: "vec2<u32>(0u)",
  u64: "vec2<u32>(0u)",
  f64: "vec2<u32>(0u)",
} as const satisfies Record<Physical, string>;

/** Canonical words of equal values are equal, those of different values differ. */
const EQUALITY = {
  bool: (v) => `u32(${v})`,
  i32: (v) => `bitcast<u32>(${v})`,
  u32: (v) => v,
  f32: (v) => `f32_key(${v})`,
  code: (v) => v,
  i64: (v) => v,
  u64: (v) => v,
  f64: (v) => `f64_key(${v})`,
} as const satisfies Record<Physical, (v: string) => string>;

/** Unsigned words that compare as the values do. */
const ORDER = {
  bool: (v) => `u32(${v})`,
  i32: (v) => `i32_order(${v})`,
  u32: (v) => v,
  f32: (v) => `f32_order(${v})`,
  code: (v) => v,
  i64: (v) => `i64_order(${v})`,
  u64: (v) => v,
  f64: (v) => `f64_order(${v})`,
} as const satisfies Record<Physical, (v: string) => string>;

/** WGSL that stores the keys of a row: word p at `planes[values + p * own.y]`. */
export interface Encoding {
  readonly key: string;
  readonly planes: number;
  readonly body: () => string;
}

const loadOf = (output: RowValue, k: number): string =>
  output.nullable
    ? `let o${k} = out_${k}(row); let v${k} = select(${ZERO[output.physical]}, o${k}.v, o${k}.ok);`
    : `let v${k} = out_${k}(row).v;`;

/** The kernel that runs `encoding` over a program: one thread for each row, stores of a plane are coalesced. */
function encodeKernel(program: RowProgram, encoding: Encoding): Kernel {
  const columns = program.columns.length;
  const own = program.argWords / 4;
  return {
    name: "keys-encode",
    key: `keys-encode(${encoding.key}|${program.key})`,
    bindings: [...program.columns.map(() => "read" as const), "read_write"],
    params: program.argWords + 4,
    workgroup: WORKGROUP,
    // bindings: the program's columns, then planes; own parameters: rows, stride, first plane, first null plane
    wgsl: () =>
      link(`
${program.wgsl}
@group(0) @binding(${columns}) var<storage, read_write> planes: array<u32>;
@group(0) @binding(${columns + 1}) var<uniform> P: array<vec4<u32>, ${own + 1}>;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  let own = P[${own}];
  if (row >= own.x) { return; }
  let values = own.z * own.y + row;
  let nulls = own.w * own.y + row;
${encoding.body()}
}`),
  };
}

function launchEncode(device: Device, program: RowProgram, encoding: Encoding, planes: KeyPlanes, first: number): void {
  device.launch({
    kernel: encodeKernel(program, encoding),
    bindings: [...program.columns.map((column) => column.buffer), planes.buffer],
    params: [...program.args, planes.rows, planes.stride, first, planes.nullPlane ?? 0],
    workgroups: Math.ceil(planes.rows / WORKGROUP),
  });
}

const strideOf = (rows: number): number => Math.max(64, Math.ceil(rows / 64) * 64);

/** Kernels bind all planes at once. */
function allocPlanes(device: Device, count: number, rows: number, nullPlane: number | null): KeyPlanes {
  const stride = strideOf(rows);
  const words = Math.max(1, count) * stride;
  if (words * 4 > device.limits.bindingBytes) {
    throw new OutOfDeviceMemoryError(`the keys of ${rows} rows take ${words * 4} bytes, a binding holds ${device.limits.bindingBytes}`);
  }
  return { buffer: device.alloc(words, "key planes"), planes: count, rows, stride, nullPlane, interleaved: false };
}

const listOf = (programs: RowProgram | readonly RowProgram[]): readonly RowProgram[] => ("wgsl" in programs ? [programs] : programs);

const planesOf = (program: RowProgram): number => program.outputs.reduce((sum, output) => sum + wordsOf(output.physical), 0);

/** Stores of a program's keys as canonical words, `firstKey` being the number of keys before them. `fresh`: null words not written yet. */
function equalityOf(program: RowProgram, firstKey: number, fresh: ReadonlySet<number>): Encoding {
  const isFresh = new Map<number, boolean>();
  program.outputs.forEach(({ nullable }, k) => {
    const word = (firstKey + k) >> 5;
    if (nullable) isFresh.set(word, fresh.has(word));
  });
  const written = Array.from(isFresh, ([word, first]) => (first ? `${word}` : `|${word}`));
  return {
    key: `equality,${firstKey},${written.join(",")}`,
    planes: planesOf(program),
    body: () => equalityText(program, firstKey, isFresh),
  };
}

/** `isFresh`: the null words to be written, and whether each is not written yet. */
function equalityText(program: RowProgram, firstKey: number, isFresh: ReadonlyMap<number, boolean>): string {
  const lines: string[] = [];
  let plane = 0;
  program.outputs.forEach((output, k) => {
    const value = EQUALITY[output.physical](`v${k}`);
    lines.push(loadOf(output, k));
    if (wordsOf(output.physical) === 2) {
      lines.push(`let w${k} = ${value};`);
      lines.push(`planes[values + ${plane}u * own.y] = w${k}.x;`, `planes[values + ${plane + 1}u * own.y] = w${k}.y;`);
    } else {
      lines.push(`planes[values + ${plane}u * own.y] = ${value};`);
    }
    plane += wordsOf(output.physical);
  });
  for (const [word, first] of isFresh) {
    const at = `planes[nulls + ${word}u * own.y]`;
    const terms = program.outputs.flatMap(({ nullable }, k) => {
      const key = firstKey + k;
      return nullable && key >> 5 === word ? [`select(${(1 << (key & 31)) >>> 0}u, 0u, o${k}.ok)`] : [];
    });
    lines.push(`${at} = ${[...(first ? [] : [at]), ...terms].join(" | ")};`);
  }
  return lines.map((line) => `  ${line}`).join("\n");
}

/**
 * Encodes every output of the program(s) so that two rows have equal keys exactly when all their words are equal: -0 is 0, all NaNs
 * are one, a null is equal to a null and to nothing else (null rows have zero words and their bit in the null plane). Keys are
 * numbered through the programs; several programs serve keys that one dispatch cannot bind. 64-bit keys take two planes, low first.
 * Codes are encoded as they are: their dictionary must be unique and common to whatever is compared.
 * OutOfDeviceMemoryError where the planes do not fit one binding.
 */
export function encodeEquality(device: Device, programs: RowProgram | readonly RowProgram[], rows: number): KeyPlanes {
  const list = listOf(programs);
  const outputs = list.flatMap((program) => program.outputs);
  const values = outputs.reduce((sum, output) => sum + wordsOf(output.physical), 0);
  const nullWords = outputs.some((output) => output.nullable) ? Math.ceil(outputs.length / 32) : 0;
  const planes = allocPlanes(device, values + nullWords, rows, nullWords > 0 ? values : null);
  if (rows === 0) return planes;
  const fresh = new Set(Array.from({ length: nullWords }, (_, word) => word));
  let key = 0;
  let plane = 0;
  for (const program of list) {
    const encoding = equalityOf(program, key, fresh);
    if (program.outputs.length > 0) launchEncode(device, program, encoding, planes, plane);
    program.outputs.forEach((output, k) => {
      if (output.nullable) fresh.delete((key + k) >> 5);
    });
    key += program.outputs.length;
    plane += encoding.planes;
  }
  for (const word of fresh) device.clear(planes.buffer, (values + word) * planes.stride, rows);
  return planes;
}

/** Types whose equal values have the same words in a column. */
const CANONICAL: ReadonlySet<Physical> = new Set(["i32", "u32", "code", "i64", "u64"]);

/** As `encodeEquality`; the column itself where it is the only key and its words are such ones already, held once more. */
export function hashKeys(device: Device, programs: RowProgram | readonly RowProgram[], rows: number): HashKeys {
  const [only, ...others] = listOf(programs).flatMap((program) => program.outputs);
  if (only === undefined || only.column === null || others.length > 0 || !CANONICAL.has(only.physical))
    return encodeEquality(device, programs, rows);
  const planes = wordsOf(only.physical);
  return { buffer: only.column.buffer.retain(), planes, rows, stride: 0, nullPlane: null, interleaved: planes > 1 };
}

/** Stores of a program's keys as ordered words, most significant first. */
export function orderOf(program: RowProgram, order: readonly KeyOrder[]): Encoding {
  const directions = program.outputs.map((_, k) => order[k] ?? { descending: false, nullsLast: false });
  return {
    key: `order,${directions.map(({ descending, nullsLast }) => `${descending ? "d" : "a"}${nullsLast ? "l" : "f"}`).join("")}`,
    planes: planesOf(program) + program.outputs.filter(({ nullable }) => nullable).length,
    body: () => orderText(program, directions),
  };
}

function orderText(program: RowProgram, directions: readonly KeyOrder[]): string {
  const lines: string[] = [];
  let plane = 0;
  const put = (word: string): void => {
    lines.push(`planes[values + ${plane}u * own.y] = ${word};`);
    plane += 1;
  };
  program.outputs.forEach((output, k) => {
    const { descending, nullsLast } = directions[k] ?? { descending: false, nullsLast: false };
    lines.push(loadOf(output, k));
    if (output.nullable) put(nullsLast ? `u32(!o${k}.ok)` : `u32(o${k}.ok)`);
    lines.push(`let w${k} = ${ORDER[output.physical](`v${k}`)};`);
    if (wordsOf(output.physical) === 2) {
      put(descending ? `~w${k}.y` : `w${k}.y`);
      put(descending ? `~w${k}.x` : `w${k}.x`);
    } else {
      put(descending ? `~w${k}` : `w${k}`);
    }
  });
  return lines.map((line) => `  ${line}`).join("\n");
}

/**
 * Encodes every output of the program(s) into planes that order the rows as the keys do when compared as unsigned words, plane 0
 * first. -0 equals 0, NaN is the largest float, false is below true, codes are ordered by their number. A nullable key has a plane of
 * its own in front, 0 or 1; the value words of null rows are those of zero. `order[k]` belongs to output k, counted through the
 * programs. OutOfDeviceMemoryError where the planes do not fit one binding.
 */
export function encodeOrder(
  device: Device,
  programs: RowProgram | readonly RowProgram[],
  rows: number,
  order: readonly KeyOrder[],
): KeyPlanes {
  const list = listOf(programs);
  let key = 0;
  const encodings = list.map((program) => {
    const own = order.slice(key, key + program.outputs.length);
    key += program.outputs.length;
    return orderOf(program, own);
  });
  if (key !== order.length) throw new InternalError(`${key} sort keys with ${order.length} directions`);
  const count = encodings.reduce((sum, encoding) => sum + encoding.planes, 0);
  const planes = allocPlanes(device, count, rows, null);
  if (rows === 0) return planes;
  let plane = 0;
  list.forEach((program, at) => {
    const encoding = encodings[at];
    if (encoding === undefined || program.outputs.length === 0) return;
    launchEncode(device, program, encoding, planes, plane);
    plane += encoding.planes;
  });
  return planes;
}
