/** The columns that stand for the dtypes, one for each. */

/** Names in the frame of `everyDtype`, and the dtypes that they stand for. */
export const DTYPES = {
  i8: "Int8",
  i16: "Int16",
  i32: "Int32",
  i64: "Int64",
  u8: "UInt8",
  u16: "UInt16",
  u32: "UInt32",
  u64: "UInt64",
  f32: "Float32",
  f64: "Float64",
  bool: "Boolean",
  date: "Date",
  ms: "Datetime(ms)",
  us: "Datetime(us)",
  ns: "Datetime(ns)",
  utc: "Datetime(us, UTC)",
  zoned: "Datetime(ms, Europe/Berlin)",
  d_ms: "Duration(ms)",
  d_us: "Duration(us)",
  d_ns: "Duration(ns)",
  time: "Time",
  str: "String",
  cat: "Categorical",
  dec: "Decimal",
  bin: "Binary",
  list: "List",
  struct: "Struct",
  null: "Null",
} as const;

export type ColumnName = keyof typeof DTYPES;
const isColumnName = (name: string): name is ColumnName => name in DTYPES;
export const COLUMNS: readonly ColumnName[] = Object.keys(DTYPES).filter(isColumnName);
