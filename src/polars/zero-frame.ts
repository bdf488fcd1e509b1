/** Zero-row frames: a schema that polars can run plans on. */
import {
  type DslDtype,
  type DslExpr,
  type DslFields,
  type DslObject,
  type DslPlan,
  type DslValue,
  isList,
  isObject,
  isPlanTag,
  type ProjectionOptions,
  planNode,
  tag,
  tagOf,
} from "./dsl.ts";
import { parseDsl } from "./dsl-text.ts";
import type { NativeDataFrame } from "./native.ts";
import { quietly } from "./quiet.ts";

/** A zero-row frame as the text of its DataFrameScan node, its columns in order, and the frame itself. */
export interface ZeroFrame {
  readonly frame: NativeDataFrame;
  readonly fields: DslFields;
  /** JSON of the DataFrameScan. */
  readonly scan: string;
  /** JSON of the schema: equal for frames of equal columns. */
  readonly key: string;
}

const SCHEMA = ',"schema":';

/** The zero-row frame of a frame's columns. */
export function zeroFrame(frame: NativeDataFrame): ZeroFrame {
  return quietly(() => {
    const zero = frame.slice(0, 0);
    const scan = zero.lazy().serialize("json").toString();
    const key = scan.slice(scan.indexOf(SCHEMA) + SCHEMA.length, -2);
    return { frame: zero, fields: fieldsOf(parseDsl(key)), scan, key };
  });
}

/** The columns of a schema read from a plan. Throws on anything else. */
export function fieldsOf(schema: DslValue): DslFields {
  const fields = isObject(schema) ? schema.fields : undefined;
  if (!isList(fields)) throw new TypeError("not a schema");
  return fields.map((field) => {
    if (!isList(field)) throw new TypeError("not a schema field");
    const [name, dtype] = field;
    if (typeof name !== "string" || !(typeof dtype === "string" || isObject(dtype))) throw new TypeError("not a schema field");
    return [name, dtype] as const;
  });
}

const NULL: DslExpr = { Literal: { Scalar: { Null: "Null" } } };
const ZERO: DslExpr = { Literal: { Dyn: { Int: 0 } } };
const HAS_ZERO = /^(?:U?Int\d+|Float\d+|Boolean|String|Date|Time|Datetime|Duration)$/;

/** A null of a dtype. */
export function nullOf(dtype: DslDtype): DslExpr {
  return { Cast: { expr: NULL, dtype: { Literal: dtype }, options: "NonStrict" } };
}

/** A value of a dtype: zero, or null where zero cannot be cast to it. */
export function zeroOf(dtype: DslDtype): DslExpr {
  return HAS_ZERO.test(tag(dtype)[0]) ? { Cast: { expr: ZERO, dtype: { Literal: dtype }, options: "NonStrict" } } : nullOf(dtype);
}

/** One row of the same kind of value in each column, as a plan over a frame without columns. */
export function oneRow(fields: DslFields, value: (dtype: DslDtype) => DslExpr): DslPlan {
  return { Select: { expr: fields.map(([name, dtype]) => ({ Alias: [value(dtype), name] })), input: { Source: 0 }, options: PROJECTION } };
}

export const PROJECTION: ProjectionOptions = { run_parallel: true, duplicate_check: true, should_broadcast: true };

/** A node whose literal Series have no rows: as long as a zero-row input. */
export function withEmptySeries(plan: DslPlan): DslPlan {
  const [name, payload] = tag(plan);
  return isPlanTag(name) && isObject(payload) ? planNode(name, emptied(payload)) : plan;
}

function emptied(object: DslObject): DslObject {
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, emptiedValue(item)]));
}

function emptiedValue(value: DslValue): DslValue {
  if (isList(value)) return value.map(emptiedValue);
  if (!isObject(value)) return value;
  const [name, payload] = tagOf(value) ?? [];
  if (name !== "Literal" || tagOf(payload)?.[0] !== "Series") return emptied(value);
  return { Slice: { input: value, offset: ZERO, length: ZERO } };
}
