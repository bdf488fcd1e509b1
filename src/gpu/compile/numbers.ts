/** Literals as u32 argument words, and names of number types in the WGSL library. */

import type { DType, DTypeKind } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { LiteralValue } from "../../ir/expr.ts";

const bits = new DataView(new ArrayBuffer(8));

/** The words of a literal in its dtype's physical form, low word first. */
export function literalWords(value: Exclude<LiteralValue, null | string>, dtype: DType): readonly number[] {
  switch (physicalOf(dtype)) {
    case "bool":
      return [value ? 1 : 0];
    case "f32":
      bits.setFloat32(0, Number(value), true);
      return [bits.getUint32(0, true)];
    case "f64":
      bits.setFloat64(0, Number(value), true);
      return [bits.getUint32(0, true), bits.getUint32(4, true)];
    case "i64":
    case "u64":
      bits.setBigInt64(0, BigInt.asIntN(64, BigInt(value)), true);
      return [bits.getUint32(0, true), bits.getUint32(4, true)];
    default:
      return [Number(BigInt.asUintN(32, BigInt(value)))];
  }
}

/** Number type of a dtype as the source of a cast and in arithmetic. */
export const numberType = (dtype: DType): string => {
  const physical = physicalOf(dtype);
  return physical === "code" ? "u32" : physical;
};

const NARROW: Partial<Record<DTypeKind, string>> = { Int8: "i8", Int16: "i16", UInt8: "u8", UInt16: "u16" };

/** Number type of a dtype as the target of a cast: narrow integers have their own. */
export const targetType = (dtype: DType): string => NARROW[dtype.kind] ?? numberType(dtype);

/** Wraps the result of 32-bit arithmetic to a narrow integer's width. */
export function wrapNarrow(v: string, dtype: DType): string {
  switch (dtype.kind) {
    case "Int8":
      return `((${v} << 24u) >> 24u)`;
    case "Int16":
      return `((${v} << 16u) >> 16u)`;
    case "UInt8":
      return `(${v} & 0xffu)`;
    case "UInt16":
      return `(${v} & 0xffffu)`;
    default:
      return v;
  }
}
