/** Non-strict casts in WGSL: numbers among themselves and with booleans, temporal types among themselves and with integers. */

import { isNumber, isTemporal } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import { sameDType } from "../../ir/schema.ts";
import { numberType, targetType } from "./numbers.ts";
import { i64, multiplied, rescale, ticksPerDay, unitOf } from "./temporal.ts";
import type { Value } from "./value.ts";
import { allOk } from "./value.ts";

/** The integer dtype that a temporal dtype is physically. */
const physicalInteger = (dtype: DType): DType => (dtype.kind === "Date" ? { kind: "Int32" } : { kind: "Int64" });

const castNumber = (x: Value, to: DType): Value => {
  const from = numberType(x.dtype);
  const target = targetType(to);
  if (from === target && physicalOf(x.dtype) === physicalOf(to)) return { ...x, dtype: to };
  return {
    dtype: to,
    v: `${from}_to_${target}(${x.v})`,
    ok: allOk(x.ok, neverFails(from, target) ? null : `${from}_fits_${target}(${x.v})`),
    dictionary: null,
  };
};

/** Casts whose every value has a result. */
const ALWAYS: Readonly<Record<string, readonly string[]>> = {
  bool: ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64"],
  i32: ["i64", "f32", "f64", "bool"],
  u32: ["i64", "u64", "f32", "f64", "bool"],
  i64: ["f32", "f64", "bool"],
  u64: ["f32", "f64", "bool"],
  f32: ["f64", "bool"],
  f64: ["f32", "bool"],
};
const neverFails = (from: string, target: string): boolean => ALWAYS[from]?.includes(target) ?? false;

/** Days before and from 1970 on that a Date holds, and the greatest number of ticks. */
const DAYS = 2n ** 31n;
const MOST = 2n ** 63n - 1n;

/** The value as another dtype; `canCast` says which pairs have a form. */
export function emitCast(x: Value, to: DType): Value {
  const from = x.dtype;
  if (sameDType(from, to)) return x;
  if (isNumber(from) && isNumber(to)) return castNumber(x, to);
  if (isTemporal(from) && isNumber(to)) return castNumber({ ...x, dtype: physicalInteger(from) }, to);
  if (isNumber(from) && isTemporal(to)) return { ...castNumber(x, physicalInteger(to)), dtype: to };
  if (to.kind === "Date") {
    const perDay = ticksPerDay(unitOf(from));
    const ok = allOk(
      x.ok,
      DAYS * perDay <= MOST ? `(i64_lt(${x.v}, ${i64(DAYS * perDay)}) && i64_ge(${x.v}, ${i64(-DAYS * perDay)}))` : null,
    );
    return { dtype: to, v: `bitcast<i32>(i64_floor_div(${x.v}, ${i64(perDay)}).x)`, ok, dictionary: null };
  }
  const { v, fits } =
    from.kind === "Date"
      ? multiplied(`i32_to_i64(${x.v})`, ticksPerDay(unitOf(to)))
      : rescale(x.v, unitOf(from), unitOf(to), from.kind === "Duration" ? "trunc" : "floor");
  return { dtype: to, v, ok: allOk(x.ok, fits), dictionary: null };
}
