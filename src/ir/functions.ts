/** The scalar functions of the IR: elementwise, one value for each row, with their rule for nulls. */

/** `propagate`: null if any argument is null. `custom`: the emission says when the result is null. */
export type NullRule = "propagate" | "custom";

/**
 * Argument and result dtypes are explicit in the tree: the arguments of arithmetic and comparisons have one common dtype, made by `cast`.
 * Sources of meaning: CPU polars (arithmetic, comparison and cast rules of crates polars-arrow and polars-core).
 */
export const FUNCTIONS = {
  add: "propagate",
  sub: "propagate",
  mul: "propagate",
  /** True division of floats. */
  div: "propagate",
  /** Floor division; null for an integer divisor of 0. */
  floor_div: "custom",
  /** Remainder with the sign of the divisor; null for an integer divisor of 0. */
  mod: "custom",
  neg: "propagate",
  abs: "propagate",
  sign: "propagate",
  eq: "propagate",
  ne: "propagate",
  lt: "propagate",
  le: "propagate",
  gt: "propagate",
  ge: "propagate",
  /** Equality where null equals null. */
  eq_missing: "custom",
  ne_missing: "custom",
  /** Kleene logic. */
  and: "custom",
  or: "custom",
  xor: "propagate",
  not: "propagate",
  /** Bits of integers. */
  bit_and: "propagate",
  bit_or: "propagate",
  bit_xor: "propagate",
  bit_not: "propagate",
  /** The bits of an Int64 as a UInt64, or the other way round. */
  reinterpret: "propagate",
  is_null: "custom",
  is_not_null: "custom",
  is_nan: "propagate",
  is_not_nan: "propagate",
  is_finite: "propagate",
  is_infinite: "propagate",
  /** First argument that is not null. */
  coalesce: "custom",
  /** (predicate, truthy, falsy): a null predicate chooses falsy. */
  ternary: "custom",
  /** Non-strict cast: a value that does not fit becomes null. */
  cast: "custom",
  floor: "propagate",
  ceil: "propagate",
  /** Options: decimals, and 0 for halves to even or 1 for halves away from zero. */
  round: "propagate",
  sqrt: "propagate",
  // Elementary functions of floats: within 2 units of the last place of CPU polars' result, most often the same bits.
  exp: "propagate",
  ln: "propagate",
  /** ln(1 + x). */
  log1p: "propagate",
  pow: "propagate",
  cbrt: "propagate",
  sin: "propagate",
  cos: "propagate",
  tan: "propagate",
  cot: "propagate",
  asin: "propagate",
  acos: "propagate",
  atan: "propagate",
  /** (y, x). */
  atan2: "propagate",
  sinh: "propagate",
  cosh: "propagate",
  tanh: "propagate",
  asinh: "propagate",
  acosh: "propagate",
  atanh: "propagate",
  /** An integer to the power of a UInt32, wrapping. */
  ipow: "propagate",
  /** Smallest / largest of the arguments that are not null; null if all are. */
  min_horizontal: "custom",
  max_horizontal: "custom",
  /** The same of floats by polars' total order, in which NaN is above infinity. */
  min_total: "custom",
  max_total: "custom",
  /** (value, lower, upper): a null bound does not clip, nor does NaN; the lower bound wins where they contradict each other. */
  clip: "custom",
  year: "propagate",
  month: "propagate",
  day: "propagate",
  quarter: "propagate",
  /** ISO week. */
  week: "propagate",
  iso_year: "propagate",
  /** Monday = 1. */
  weekday: "propagate",
  ordinal_day: "propagate",
  /** The date of the first day of a month, counted from January of the year 0. */
  month_start: "propagate",
  hour: "propagate",
  minute: "propagate",
  second: "propagate",
  /** Nanoseconds within the second. */
  nanosecond: "propagate",
} as const satisfies Record<string, NullRule>;

export type FunctionName = keyof typeof FUNCTIONS;

/** The comparison with its sides exchanged. */
export const MIRRORED: Partial<Record<FunctionName, FunctionName>> = { eq: "eq", ne: "ne", lt: "gt", le: "ge", gt: "lt", ge: "le" };

/** Aggregates over the rows of a group, or of the whole frame. */
export const AGGREGATES = [
  "len",
  "count",
  "null_count",
  "sum",
  "mean",
  "min",
  "max",
  "first",
  "last",
  "n_unique",
  "var",
  "std",
  "any",
  "all",
  /** As Float64, or truncated to whole ticks of its own dtype. Options: the fraction, and the number of the method in `QUANTILE_METHODS`. */
  "quantile",
  /** Where in its group, from 0, the first row by the order stands. */
  "arg_first",
  /** A list of the rows. Options: none, or offset and length of what is kept of each list, a negative length meaning the rest. */
  "implode",
] as const;
export type AggregateName = (typeof AGGREGATES)[number];

/** Aggregates of the rows of a group in an order. */
export const ORDERED: ReadonlySet<AggregateName> = new Set(["first", "last", "quantile", "arg_first", "implode"]);
/** Aggregates of some of the rows; to the others, a row without a part is the same as a null. */
export const FILTERED: ReadonlySet<AggregateName> = new Set([...ORDERED, "n_unique"]);
