/** Polars dtypes as frozen values, and their physical storage: the one place that says which dtype is kept how on the device. */

export type TimeUnit = "ms" | "us" | "ns";

export type DType =
  | { readonly kind: "Boolean" | "String" | "Binary" | "Date" | "Time" | "Null" }
  | { readonly kind: "Int8" | "Int16" | "Int32" | "Int64" | "UInt8" | "UInt16" | "UInt32" | "UInt64" | "Float32" | "Float64" }
  | { readonly kind: "Datetime"; readonly unit: TimeUnit; readonly zone: string | null }
  | { readonly kind: "Duration"; readonly unit: TimeUnit }
  /** Anything else (Categorical, Enum, Decimal, List, Struct, ...): carried by reference; `dsl` is polars' own spelling as JSON text. */
  | { readonly kind: "Categorical" | "Enum" | "Decimal" | "Opaque"; readonly dsl: string };

export type DTypeKind = DType["kind"];

/**
 * What the device holds for each row of a column.
 * `bits`: 1 bit. `w1`: one u32 word. `w2`: two words, low first. `code`: one word, a row number into a host-side `Dictionary`.
 */
export type Storage = "bits" | "w1" | "w2" | "code";

/** How arithmetic and order read the storage. `code` has equality and order only through its dictionary. */
export type Physical = "bool" | "i32" | "u32" | "f32" | "i64" | "u64" | "f64" | "code";

const PHYSICAL = {
  Boolean: "bool",
  Int8: "i32",
  Int16: "i32",
  Int32: "i32",
  Int64: "i64",
  UInt8: "u32",
  UInt16: "u32",
  UInt32: "u32",
  UInt64: "u64",
  Float32: "f32",
  Float64: "f64",
  Date: "i32",
  Time: "i64",
  Datetime: "i64",
  Duration: "i64",
  String: "code",
  Binary: "code",
  Null: "code",
  Categorical: "code",
  Enum: "code",
  Decimal: "code",
  Opaque: "code",
} as const satisfies Record<DTypeKind, Physical>;

const STORAGE = { bool: "bits", i32: "w1", u32: "w1", f32: "w1", i64: "w2", u64: "w2", f64: "w2", code: "code" } as const satisfies Record<
  Physical,
  Storage
>;

/** u32 words for each row; bits pack 32 rows into a word. */
export const WORDS = { bits: 1 / 32, w1: 1, w2: 2, code: 1 } as const satisfies Record<Storage, number>;

/** Lists and arrays. */
export const isNested = (dtype: DType): boolean => dtype.kind === "Opaque" && /^\{"(?:List|Array)"/.test(dtype.dsl);

/** Whether values have an order and their equality is known: not structs, nor what holds them. */
export const isOrdered = (dtype: DType): boolean => dtype.kind !== "Opaque" || (isNested(dtype) && !/"(?:Struct|Object)"/.test(dtype.dsl));

export const physicalOf = (dtype: DType): Physical => PHYSICAL[dtype.kind];
export const storageOf = (dtype: DType): Storage => STORAGE[PHYSICAL[dtype.kind]];
export const storageOfPhysical = (physical: Physical): Storage => STORAGE[physical];
