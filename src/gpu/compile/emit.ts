/** The WGSL of each scalar function: one entry for each name of the IR's function table. */

import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { FunctionName } from "../../ir/functions.ts";
import { roundMultiplier } from "../wgsl/round.ts";
import { emitCast } from "./cast.ts";
import { literalWords, numberType, wrapNarrow } from "./numbers.ts";
import { dayOf, i64, PER_SECOND, ticksOfDay, unitOf } from "./temporal.ts";
import type { Value } from "./value.ts";
import { allOk } from "./value.ts";

/** Arguments are never null in `v` unless their `ok` says so; `args` of arithmetic and comparisons share one dtype. */
export interface Call {
  readonly args: readonly Value[];
  readonly dtype: DType;
  readonly options: readonly number[];
  /** Binds an expression to a name, so that it can be used twice without being computed twice. */
  readonly bind: (wgsl: string) => string;
}
type Emission = (call: Call) => Omit<Value, "dtype">;

const arg = (call: Call, i: number): Value => {
  const value = call.args[i];
  if (value === undefined) throw new RangeError(`argument ${i} is missing`);
  return value;
};
const result = (v: string, ok: string | null): Omit<Value, "dtype"> => ({ v, ok, dictionary: null });
const okOf = (call: Call): string | null => allOk(...call.args.map((a) => a.ok));

/** `T_name(a, b, ..)` on the arguments' number type, null if any is null, wrapped to the result's width. */
const library =
  (name: string): Emission =>
  (call) =>
    result(wrapNarrow(`${numberType(arg(call, 0).dtype)}_${name}(${call.args.map((a) => a.v).join(", ")})`, call.dtype), okOf(call));

const zero = (dtype: DType): string => {
  switch (physicalOf(dtype)) {
    case "i64":
    case "u64":
    case "f64":
      return "vec2<u32>(0u, 0u)";
    case "i32":
      return "0i";
    case "bool":
      return "false";
    default:
      return "0u";
  }
};
const isFloat = (dtype: DType): boolean => dtype.kind === "Float32" || dtype.kind === "Float64";

const dividing =
  (name: string): Emission =>
  (call) => {
    const [a, b] = [arg(call, 0), arg(call, 1)];
    const value = library(name)(call);
    if (isFloat(a.dtype)) return value;
    return result(value.v, allOk(value.ok, `${numberType(b.dtype)}_ne(${b.v}, ${zero(b.dtype)})`));
  };

const comparison =
  (name: string): Emission =>
  (call) => {
    const physical = physicalOf(arg(call, 0).dtype);
    if (physical !== "bool") return library(name)(call);
    return result(`u32_${name}(u32(${arg(call, 0).v}), u32(${arg(call, 1).v}))`, okOf(call));
  };

const missingEquality =
  (equal: boolean): Emission =>
  (call) => {
    const [a, b] = [arg(call, 0), arg(call, 1)];
    const same = comparison("eq")(call).v;
    const [x, y] = [a.ok ?? "true", b.ok ?? "true"];
    const both = a.ok === null && b.ok === null ? same : `((${x} == ${y}) && (!${x} || ${same}))`;
    return result(equal ? both : `(!${both})`, null);
  };

/** Kleene logic: `absorbing` decides alone, also against null. */
const kleene =
  (operator: "&&" | "||"): Emission =>
  (call) => {
    const [a, b] = [arg(call, 0), arg(call, 1)];
    const v = `(${a.v} ${operator} ${b.v})`;
    if (a.ok === null && b.ok === null) return result(v, null);
    const decides = (x: Value) => `(${x.ok ?? "true"} && ${operator === "&&" ? `!${x.v}` : x.v})`;
    const ok = `((${a.ok ?? "true"} && ${b.ok ?? "true"}) || ${decides(a)} || ${decides(b)})`;
    const value = operator === "&&" ? `(!(${decides(a)} || ${decides(b)}))` : `(${decides(a)} || ${decides(b)})`;
    return result(value, ok);
  };

const bitwise =
  (operator: "&" | "|" | "^"): Emission =>
  (call) =>
    result(`(${arg(call, 0).v} ${operator} ${arg(call, 1).v})`, okOf(call));

const extreme =
  (name: "min" | "max" | "total_min" | "total_max"): Emission =>
  (call) => {
    const type = numberType(call.dtype);
    return call.args.reduce<Omit<Value, "dtype">>(
      (a, b) => {
        const pick = type === "bool" ? `(${a.v} ${name.endsWith("min") ? "&&" : "||"} ${b.v})` : `${type}_${name}(${a.v}, ${b.v})`;
        if (a.ok === null && b.ok === null) return result(call.bind(pick), null);
        const [x, y] = [a.ok ?? "true", b.ok ?? "true"];
        return result(
          call.bind(`select(select(${b.v}, ${a.v}, ${x}), ${pick}, ${x} && ${y})`),
          allOk(a.ok === null || b.ok === null ? null : `(${x} || ${y})`),
        );
      },
      arg(call, 0),
    );
  };

const datePart =
  (wgsl: (day: string) => string): Emission =>
  (call) => {
    const a = arg(call, 0);
    return result(wgsl(dayOf(a.v, a.dtype)), a.ok);
  };

const timePart =
  (seconds: bigint, modulus: bigint): Emission =>
  (call) => {
    const a = arg(call, 0);
    const part = `i64_floor_div(${ticksOfDay(a.v, a.dtype)}, ${i64(PER_SECOND[unitOf(a.dtype)] * seconds)}).x`;
    return result(`bitcast<i32>(${part} % ${modulus}u)`, a.ok);
  };

/** The first argument that is not null: chosen from the last one backwards. */
const coalesce: Emission = (call) => {
  const last = arg(call, call.args.length - 1);
  let { v, ok } = last;
  for (const a of call.args.slice(0, -1).reverse()) {
    v = a.ok === null ? a.v : `select(${v}, ${a.v}, ${a.ok})`;
    ok = a.ok === null || ok === null ? null : `(${a.ok} || ${ok})`;
  }
  return { v, ok, dictionary: last.dictionary };
};

export const EMISSIONS = {
  add: library("add"),
  sub: library("sub"),
  mul: library("mul"),
  div: library("div"),
  floor_div: dividing("floor_div"),
  mod: dividing("rem"),
  neg: library("neg"),
  abs: (call) => (physicalOf(call.dtype) === "u32" || physicalOf(call.dtype) === "u64" ? arg(call, 0) : library("abs")(call)),
  sign: (call) => {
    const a = arg(call, 0);
    const type = numberType(a.dtype);
    const bound = zero(a.dtype);

    const unsigned = type === "u32" || type === "u64";
    const sign = `select(${unsigned ? a.v : `select(${a.v}, ${unit(a.dtype, true)}, ${type}_lt(${a.v}, ${bound}))`}, ${unit(a.dtype, false)}, ${type}_gt(${a.v}, ${bound}))`;
    return result(type === "f32" || type === "f64" ? `select(${sign}, ${a.v}, ${type}_is_nan(${a.v}))` : sign, a.ok);
  },
  eq: comparison("eq"),
  ne: comparison("ne"),
  lt: comparison("lt"),
  le: comparison("le"),
  gt: comparison("gt"),
  ge: comparison("ge"),
  eq_missing: missingEquality(true),
  ne_missing: missingEquality(false),
  and: kleene("&&"),
  or: kleene("||"),
  xor: (call) => result(`(${arg(call, 0).v} != ${arg(call, 1).v})`, okOf(call)),
  not: (call) => result(`(!${arg(call, 0).v})`, okOf(call)),
  bit_and: bitwise("&"),
  bit_or: bitwise("|"),
  bit_xor: bitwise("^"),
  bit_not: (call) => result(wrapNarrow(`(~${arg(call, 0).v})`, call.dtype), okOf(call)),
  reinterpret: (call) => result(arg(call, 0).v, okOf(call)),
  is_null: (call) => result(arg(call, 0).ok === null ? "false" : `(!${arg(call, 0).ok})`, null),
  is_not_null: (call) => result(arg(call, 0).ok ?? "true", null),
  is_nan: library("is_nan"),
  is_not_nan: (call) => result(`(!${library("is_nan")(call).v})`, okOf(call)),
  is_finite: (call) => (isFloat(arg(call, 0).dtype) ? library("is_finite")(call) : result("true", okOf(call))),
  is_infinite: (call) => (isFloat(arg(call, 0).dtype) ? library("is_infinite")(call) : result("false", okOf(call))),
  coalesce,
  ternary: (call) => {
    const [p, a, b] = [arg(call, 0), arg(call, 1), arg(call, 2)];
    const chosen = call.bind(allOk(p.ok, p.v) ?? "true");
    const ok = a.ok === null && b.ok === null ? null : `select(${b.ok ?? "true"}, ${a.ok ?? "true"}, ${chosen})`;
    return result(`select(${b.v}, ${a.v}, ${chosen})`, ok);
  },
  cast: (call) => emitCast(arg(call, 0), call.dtype),
  floor: library("floor"),
  ceil: library("ceil"),
  round: (call) => {
    const [decimals = 0, away = 0] = call.options;
    const name = away === 1 ? "round_away" : "round";
    if (decimals === 0) return library(name)(call);
    const [low, high] = literalWords(roundMultiplier(decimals), { kind: "Float64" });
    const a = arg(call, 0);
    return result(`${numberType(a.dtype)}_${name}_decimals(${a.v}, vec2<u32>(${low}u, ${high}u))`, a.ok);
  },
  sqrt: library("sqrt"),
  exp: library("exp"),
  ln: library("ln"),
  log1p: library("log1p"),
  cbrt: library("cbrt"),
  sin: library("sin"),
  cos: library("cos"),
  tan: library("tan"),
  cot: library("cot"),
  asin: library("asin"),
  acos: library("acos"),
  atan: library("atan"),
  sinh: library("sinh"),
  cosh: library("cosh"),
  tanh: library("tanh"),
  asinh: library("asinh"),
  acosh: library("acosh"),
  atanh: library("atanh"),
  pow: library("pow"),
  atan2: library("atan2"),
  ipow: library("ipow"),
  min_horizontal: extreme("min"),
  max_horizontal: extreme("max"),
  min_total: extreme("total_min"),
  max_total: extreme("total_max"),
  clip: (call) => {
    const [x, low, high] = [arg(call, 0), arg(call, 1), arg(call, 2)];
    const type = numberType(call.dtype);
    const known = (v: string) => (isFloat(call.dtype) ? `!${type}_is_nan(${v})` : "true");
    const above = `(${high.ok ?? "true"} && ${known(x.v)} && ${type}_gt(${x.v}, ${high.v}))`;
    const below = `(${low.ok ?? "true"} && ${known(low.v)} && ${type}_lt(${x.v}, ${low.v}))`;
    return result(`select(select(${x.v}, ${high.v}, ${above}), ${low.v}, ${below})`, x.ok);
  },
  year: datePart((day) => `cal_civil(${day}).year`),
  month: datePart((day) => `cal_civil(${day}).month`),
  day: datePart((day) => `cal_civil(${day}).day`),
  quarter: datePart((day) => `((cal_civil(${day}).month + 2) / 3)`),
  week: datePart((day) => `cal_iso_week(${day})`),
  iso_year: datePart((day) => `cal_iso_year(${day})`),
  weekday: datePart((day) => `cal_weekday(${day})`),
  ordinal_day: datePart((day) => `cal_ordinal(${day})`),
  month_start: (call) => result(`cal_month_start(${arg(call, 0).v})`, okOf(call)),
  hour: timePart(3600n, 24n),
  minute: timePart(60n, 60n),
  second: timePart(1n, 60n),
  nanosecond: (call) => {
    const a = arg(call, 0);
    const perSecond = PER_SECOND[unitOf(a.dtype)];
    return result(`bitcast<i32>(i64_rem(${a.v}, ${i64(perSecond)}).x * ${1_000_000_000n / perSecond}u)`, a.ok);
  },
} as const satisfies Record<FunctionName, Emission>;

/** 1 or -1 in the dtype's physical form. */
function unit(dtype: DType, negative: boolean): string {
  switch (physicalOf(dtype)) {
    case "i32":
      return negative ? "-1i" : "1i";
    case "u32":
      return "1u";
    case "i64":
      return i64(negative ? -1n : 1n);
    case "u64":
      return i64(1n);
    case "f32":
      return negative ? "0xbf800000u" : "0x3f800000u";
    default:
      return negative ? "vec2<u32>(0u, 0xbff00000u)" : "vec2<u32>(0u, 0x3ff00000u)";
  }
}
