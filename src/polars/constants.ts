/** Plans and expressions with one constant in place of many: what dtypes are asked about, they do not depend on which it is. */

import { type DslObject, type DslValue, isList, isObject, tagOf } from "./dsl.ts";

/** Operators whose result's dtype follows from those of their operands. */
const OPERATORS: ReadonlySet<DslValue | undefined> = new Set(["Plus", "Minus", "Multiply", "Eq", "NotEq", "Lt", "LtEq", "Gt", "GtEq"]);
/** What stands for every constant of a dtype. */
const STAND_INS: Readonly<Record<string, number>> = {
  Int8: 1,
  Int16: 1,
  Int32: 1,
  Int64: 1,
  UInt8: 1,
  UInt16: 1,
  UInt32: 1,
  UInt64: 1,
  Float32: 1.5,
  Float64: 1.5,
};

/**
 * The value with the same number for all constants that are operands of arithmetic or a comparison with something else than a constant. The
 * value itself where it has none.
 */
export function withoutConstants<T extends DslValue>(value: T): T;
export function withoutConstants(value: DslValue): DslValue {
  if (isList(value)) {
    const items = value.map(withoutConstants);
    return items.some((item, i) => item !== value[i]) ? items : value;
  }
  // Literals may hold long series.
  if (!isObject(value) || "Literal" in value) return value;
  const made: { [key: string]: DslValue } = {};
  let same = true;
  for (const [key, inner] of Object.entries(value)) {
    const other = withoutConstants(key === "BinaryExpr" && isObject(inner) ? withStandIns(inner) : inner);
    made[key] = other;
    same &&= other === inner;
  }
  return same ? value : made;
}

function withStandIns(binary: DslObject): DslObject {
  const { left, op, right } = binary;
  if (left === undefined || right === undefined || !OPERATORS.has(op)) return binary;
  const [a, b] = [standIn(left), standIn(right)];
  if (a !== null && tagOf(right)?.[0] !== "Literal") return { ...binary, left: a };
  return b !== null && tagOf(left)?.[0] !== "Literal" ? { ...binary, right: b } : binary;
}

/** For a number that is not its own stand-in; else null. */
function standIn(operand: DslValue): DslValue | null {
  const literal = tagOf(operand);
  const scalar = literal?.[0] === "Literal" ? tagOf(literal[1]) : undefined;
  const number = scalar?.[0] === "Scalar" ? tagOf(scalar[1]) : undefined;
  if (number === undefined) return null;
  const [dtype, given] = number;
  const wanted = STAND_INS[dtype];
  if (wanted === undefined || given === wanted || (typeof given !== "number" && typeof given !== "bigint")) return null;
  return { Literal: { Scalar: { [dtype]: wanted } } };
}
