/** Which casts the device has: the emission in the expression compiler covers exactly these. */

import type { DType } from "./dtype.ts";
import { sameDType } from "./schema.ts";

const NUMBERS = new Set(["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64", "Boolean"]);
/** Integers, floats and booleans. */
export const isNumber = (dtype: DType): boolean => NUMBERS.has(dtype.kind);
export const isTemporal = (dtype: DType): boolean =>
  dtype.kind === "Date" || dtype.kind === "Datetime" || dtype.kind === "Duration" || dtype.kind === "Time";

/** Translation asks before it builds a cast. */
export function canCast(from: DType, to: DType): boolean {
  if (sameDType(from, to) || (isNumber(from) && isNumber(to))) return true;
  if (isTemporal(from) && isNumber(to)) return to.kind !== "Boolean";
  if (isNumber(from) && isTemporal(to)) return from.kind !== "Boolean" && to.kind !== "Time";
  if (from.kind === "Datetime" && to.kind === "Datetime") return from.zone === to.zone;
  if (from.kind === "Duration" && to.kind === "Duration") return true;
  const naive = (d: DType) => d.kind === "Datetime" && (d.zone === null || d.zone === "UTC");
  return (from.kind === "Date" && naive(to)) || (naive(from) && to.kind === "Date");
}
