/** What a segmented scan combines: the state of a running sum, product or extreme in WGSL, for each physical type. */

import { InternalError } from "../../errors.ts";
import type { Physical } from "../../ir/dtype.ts";
import { WGSL_TYPE } from "../row-program.ts";
import type { ScanName } from "./segmented-scan.ts";

export interface ScanOperation {
  readonly key: string;
  /** WGSL type of the state. */
  readonly state: string;
  /** Declares `combine(a, b)`, associative. */
  readonly combine: string;
  /** The state of one value (of the values of two columns), and the word or words to store for a state. */
  readonly load: (value: string, second: string) => string;
  readonly store: (state: string) => string;
  /** The words of a state, and the state of words. */
  readonly pack: readonly ((state: string) => string)[];
  readonly unpack: (word: (k: number) => string) => string;
}

type Packing = Pick<ScanOperation, "pack" | "unpack">;

const packing = (type: string): Packing => {
  switch (type) {
    case "u32":
      return { pack: [(s) => s], unpack: (word) => word(0) };
    case "i32":
      return { pack: [(s) => `bitcast<u32>(${s})`], unpack: (word) => `bitcast<i32>(${word(0)})` };
    case "vec2<u32>":
      return { pack: [(s) => `${s}.x`, (s) => `${s}.y`], unpack: (word) => `vec2<u32>(${word(0)}, ${word(1)})` };
    default:
      throw new InternalError(`running values of WGSL type ${type}`);
  }
};

/** Sums of floats keep so many bits that the result is the sum rounded, whatever the tree of additions. None is -0. */
const floatSum = (physical: "f32" | "f64"): ScanOperation => ({
  key: `sum ${physical}`,
  state: "F64Sum",
  combine: "fn combine(a: F64Sum, b: F64Sum) -> F64Sum { return f64_sum_add(a, b); }",
  load: (v) => `f64_sum_of(${physical === "f32" ? `f32_to_f64(${v})` : v})`,
  store: (s) => (physical === "f32" ? `f64_to_f32(f64_sum_round(${s}))` : `f64_sum_round(${s})`),
  pack: [(s) => `${s}.k`, (s) => `${s}.w.x`, (s) => `${s}.w.y`, (s) => `${s}.w.z`, (s) => `${s}.w.w`],
  unpack: (word) => `F64Sum(${word(0)}, vec4<u32>(${word(1)}, ${word(2)}, ${word(3)}, ${word(4)}))`,
});

/** Maps s -> a s + b, one after the other; NaN after an s that is not finite, as in polars' means, which move by differences. */
const LINEAR: ScanOperation = {
  key: "linear",
  state: "Linear",
  combine: `struct Linear { a: vec2<u32>, b: vec2<u32> }
fn combine(x: Linear, y: Linear) -> Linear {
  let b = select(F64_NAN, f64_add(f64_mul(x.b, y.a), y.b), f64_is_finite(x.b));
  return Linear(f64_mul(x.a, y.a), b);
}`,
  load: (a, b) => `Linear(${a}, ${b})`,
  store: (s) => `${s}.b`,
  pack: [(s) => `${s}.a.x`, (s) => `${s}.a.y`, (s) => `${s}.b.x`, (s) => `${s}.b.y`],
  unpack: (word) => `Linear(vec2<u32>(${word(0)}, ${word(1)}), vec2<u32>(${word(2)}, ${word(3)}))`,
};

/** Of floats NaN gives way to any number, and the later of equal values (zeros) stays, as in a loop that replaces what is not less. */
function extreme(name: "cum_min" | "cum_max", physical: Physical, type: string): string {
  const better = name === "cum_min" ? `!${physical}_lt(a, b)` : `!${physical}_lt(b, a)`;
  const wins = physical === "f32" || physical === "f64" ? `!${physical}_is_nan(b) && (${physical}_is_nan(a) || ${better})` : better;
  return `fn combine(a: ${type}, b: ${type}) -> ${type} { return select(a, b, ${wins}); }`;
}

/** @throws InternalError for types that have no such operation. */
export function operationOf(name: ScanName, physical: Physical): ScanOperation {
  const isFloat = physical === "f32" || physical === "f64";
  if (name === "cum_linear" && physical === "f64") return LINEAR;
  if (name === "cum_sum" && isFloat) return floatSum(physical);
  if (physical === "bool" || physical === "code" || name === "cum_linear" || (name === "cum_prod" && isFloat))
    throw new InternalError(`${name} of ${physical} values`);
  const type = WGSL_TYPE[physical];
  const arithmetic = name === "cum_sum" ? "add" : "mul";
  const combine =
    name === "cum_min" || name === "cum_max"
      ? extreme(name, physical, type)
      : `fn combine(a: ${type}, b: ${type}) -> ${type} { return ${physical}_${arithmetic}(a, b); }`;
  return {
    key: `${name} ${physical}`,
    state: type,
    combine,
    load: (v) => v,
    store: (s) => (type === "i32" ? `bitcast<u32>(${s})` : s),
    ...packing(type),
  };
}
