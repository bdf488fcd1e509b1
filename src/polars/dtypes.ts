/** Polars' spelling of dtypes to the IR's and back: the border where foreign dtype JSON gets its meaning. */

import { InternalError } from "../errors.ts";
import type { DType, DTypeKind, TimeUnit } from "../ir/dtype.ts";
import type { DslDtype, DslValue } from "./dsl.ts";
import { isList, isObject, tagOf } from "./dsl.ts";
import { dslText, parseDsl } from "./dsl-text.ts";

const PLAIN: ReadonlyMap<string, DType> = new Map(
  (
    [
      "Boolean",
      "String",
      "Binary",
      "Date",
      "Time",
      "Null",
      "Int8",
      "Int16",
      "Int32",
      "Int64",
      "UInt8",
      "UInt16",
      "UInt32",
      "UInt64",
      "Float32",
      "Float64",
    ] as const
  ).map((kind) => [kind, { kind }]),
);

const UNITS: Readonly<Record<string, TimeUnit>> = { Milliseconds: "ms", Microseconds: "us", Nanoseconds: "ns" };
const UNIT_NAMES = { ms: "Milliseconds", us: "Microseconds", ns: "Nanoseconds" } as const satisfies Record<TimeUnit, string>;

const unitOf = (value: DslValue | undefined): TimeUnit => {
  const unit = typeof value === "string" ? UNITS[value] : undefined;
  if (unit === undefined) throw new InternalError(`unknown time unit ${JSON.stringify(value)}`);
  return unit;
};

/** Every dtype has a form: what the IR does not model is carried by reference. */
export function dtypeFromDsl(dsl: DslDtype): DType {
  if (typeof dsl === "string") return PLAIN.get(dsl) ?? { kind: "Opaque", dsl: dslText(dsl) };
  const [name, payload] = tagOf(dsl) ?? ["", null];
  if (name === "Datetime" && isList(payload)) {
    const [unit, zone] = payload;
    return { kind: "Datetime", unit: unitOf(unit), zone: isObject(zone) && typeof zone.inner === "string" ? zone.inner : null };
  }
  if (name === "Duration") return { kind: "Duration", unit: unitOf(payload) };
  if (name === "Categorical" || name === "Enum" || name === "Decimal") return { kind: name, dsl: dslText(dsl) };
  return { kind: "Opaque", dsl: dslText(dsl) };
}

export function dtypeToDsl(dtype: DType): DslDtype {
  switch (dtype.kind) {
    case "Datetime":
      return { Datetime: [UNIT_NAMES[dtype.unit], dtype.zone === null ? null : { inner: dtype.zone }] };
    case "Duration":
      return { Duration: UNIT_NAMES[dtype.unit] };
    case "Categorical":
    case "Enum":
    case "Decimal":
    case "Opaque": {
      const parsed = parseDsl(dtype.dsl);
      if (typeof parsed === "string" || isObject(parsed)) return parsed;
      throw new InternalError(`not a dtype: ${dtype.dsl}`);
    }
    default:
      return dtype.kind;
  }
}

/** A Cast node; strict casts fail where non-strict ones give null. */
export const castDsl = (expr: DslValue, dtype: DType, strict = false) => ({
  Cast: { expr, dtype: { Literal: dtypeToDsl(dtype) }, options: strict ? "Strict" : "NonStrict" },
});

const KINDS: ReadonlySet<DTypeKind> = new Set(["Int8", "Int16", "UInt8", "UInt16"]);
/** Integers that the device keeps in a wider word. */
export const isNarrow = (dtype: DType): boolean => KINDS.has(dtype.kind);
