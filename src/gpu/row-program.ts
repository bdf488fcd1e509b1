/**
 * A row program is what the expression compiler hands to kernel families: WGSL functions that compute values for one row of one
 * batch from its columns. Kernel families (map, filter mask, key encoding, aggregation) splice it into their own template, so that
 * filter + project + aggregate run in one dispatch.
 */

import type { Physical } from "../ir/dtype.ts";
import { physicalOf, storageOf } from "../ir/dtype.ts";
import type { Column } from "./column.ts";

/**
 * WGSL value types by physical type: bool -> bool, i32 -> i32, u32 and code -> u32, f32 -> u32 (IEEE bits),
 * i64 / u64 / f64 -> vec2<u32> (x = low word).
 */
export interface RowValue {
  readonly physical: Physical;
  /** False: `ok` of every row is true, and templates may leave out its validity. */
  readonly nullable: boolean;
}

/** An output of a program. */
export interface RowOutput extends RowValue {
  /** Where the values are those of a column of the program as they stand in it, without nulls: that column. */
  readonly column: Column | null;
}

export interface RowProgram {
  /** Everything that decides `wgsl` and `outputs`, as text: i64, u64 and f64 columns have the same loads, but not the same keys. */
  readonly key: string;
  /** Column buffers, bound read-only as bindings 0 .. columns.length - 1. */
  readonly columns: readonly Column[];
  /** Number of u32 words in `args`: bound to P[0 ..], before the words of the kernel family. Always a multiple of 4. */
  readonly argWords: number;
  /** Row count, validity offsets and literals of this launch. P[0].x is the row count. */
  readonly args: readonly number[];
  /**
   * Declares the column bindings, and for each output k: `struct Out_k { v: T, ok: bool }` and `fn out_k(row: u32) -> Out_k`, to be
   * called only for row < P[0].x. Uses library functions by name; the template passes the whole source through `link`.
   */
  readonly wgsl: string;
  readonly outputs: readonly RowOutput[];
}

export const WGSL_TYPE = {
  bool: "bool",
  i32: "i32",
  u32: "u32",
  f32: "u32",
  code: "u32",
  i64: "vec2<u32>",
  u64: "vec2<u32>",
  f64: "vec2<u32>",
} as const satisfies Record<Physical, string>;

/** WGSL expression of the argument word at `at`. */
export const argumentText = (at: number): string => `P[${at >> 2}].${"xyzw".charAt(at & 3)}`;

const shortNames = new Map<string, string>();

/** Equal for equal texts alone. Keys of kernels are made of it: they are looked up for each launch, and programs are long. */
export const shortName = (text: string): string => {
  const known = shortNames.get(text);
  if (known !== undefined) return known;
  const made = `#${shortNames.size}`;
  shortNames.set(text, made);
  return made;
};

/** Declares column `index` of a program; 64-bit columns are read as vec2 so that a row is one load. */
export const declareColumn = (column: Column, index: number): string =>
  `@group(0) @binding(${index}) var<storage, read> c${index}: array<${storageOf(column.dtype) === "w2" ? "vec2<u32>" : "u32"}>;`;

/** WGSL expression of the value of column `index` in row `row`. */
export const loadValue = (column: Column, index: number, row: string): string => {
  switch (physicalOf(column.dtype)) {
    case "bool":
      return `(((c${index}[${row} >> 5u] >> (${row} & 31u)) & 1u) == 1u)`;
    case "i32":
      return `bitcast<i32>(c${index}[${row}])`;
    default:
      return `c${index}[${row}]`;
  }
};

/** WGSL expression of the validity of a nullable column; `offset` names the word that holds its validity offset. */
export const loadValidity = (column: Column, index: number, row: string, offset: string): string => {
  const word = `${offset} + (${row} >> 5u)`;
  const bits = storageOf(column.dtype) === "w2" ? `c${index}[(${word}) >> 1u][(${word}) & 1u]` : `c${index}[${word}]`;
  return `(((${bits} >> (${row} & 31u)) & 1u) == 1u)`;
};

/** The program whose outputs are the columns themselves, in order. All columns have the same length; none of them twice. */
export function columnsProgram(columns: readonly Column[]): RowProgram {
  const args = [columns[0]?.length ?? 0, 0, 0, 0];
  let words = 1;
  let key = "columns(";
  const outputs = columns.map((column): RowOutput => {
    const physical = physicalOf(column.dtype);
    const { validityOffset } = column;
    if (validityOffset === null) {
      key += `${physical},`;
      return { physical, nullable: false, column };
    }
    key += `${physical}?,`;
    if (words === args.length) args.push(0, 0, 0, 0);
    args[words] = validityOffset;
    words += 1;
    return { physical, nullable: true, column: null };
  });
  return {
    key: `${key})`,
    columns,
    argWords: args.length,
    args,
    get wgsl() {
      return columnsText(columns);
    },
    outputs,
  };
}

function columnsText(columns: readonly Column[]): string {
  let nullable = 0;
  const texts = columns.map((column, k) => {
    if (column.validityOffset !== null) nullable += 1;
    const ok = column.validityOffset === null ? "true" : loadValidity(column, k, "row", argumentText(nullable));
    return `${declareColumn(column, k)}
struct Out_${k} { v: ${WGSL_TYPE[physicalOf(column.dtype)]}, ok: bool }
fn out_${k}(row: u32) -> Out_${k} { return Out_${k}(${loadValue(column, k, "row")}, ${ok}); }`;
  });
  return texts.join("\n");
}
