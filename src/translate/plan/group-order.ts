/**
 * The order of groups of groupByDynamic and groupByRolling: that of the bytes of their keys in polars' row encoding. Numbers, times and
 * booleans ascend behind null; texts ascend by the bytes of their length, then by their own, null behind them. Source: polars-row.
 */

import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { Expr, NamedExpr, SortKey } from "../../ir/expr.ts";
import { call, column, literal } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import { describeDType } from "../../ir/schema.ts";
import type { DslValue } from "../../polars/dsl.ts";
import { exactText } from "../../polars/dsl-text.ts";
import { LookupSet } from "./lookups.ts";
import type { NodeContext } from "./node.ts";
import { above, INT64, int64, plus } from "./window-index.ts";

const BOOLEAN: DType = { kind: "Boolean" };
const UINT32: DType = { kind: "UInt32" };

/** The groups in order of the columns `keys`, then of `last`; null with a reason where keys have no order on the device. */
export function groupOrder(context: NodeContext, groups: Plan, keys: readonly NamedExpr[], last: Expr): Plan | null {
  const lookups = new LookupSet();
  const by = keys.map((k) => keyOrder(lookups, column(k.name, k.expr.dtype), k.name));
  const odd = keys.find((_, i) => by[i] === null);
  if (odd !== undefined) return context.unsupported(`the order of groups by ${describeDType(odd.expr.dtype)}`);
  const input = lookups.extend(groups);
  const sortKeys = [...by.flatMap((b) => b ?? []), { expr: last, descending: false, nullsLast: false }];
  return { kind: "sort", input, by: sortKeys, limit: null, schema: input.schema };
}

function keyOrder(lookups: LookupSet, key: Expr, name: string): readonly SortKey[] | null {
  const { dtype } = key;
  const ascending = (expr: Expr, nullsLast: boolean): SortKey => ({ expr, descending: false, nullsLast });
  const looked = (fn: DslValue, to: DType): Expr =>
    lookups.add([name], exactText({ Function: { input: [{ Column: name }], function: fn } }), to);
  switch (dtype.kind) {
    case "String":
      return [ascending(lengthBytes(looked({ StringExpr: "LenBytes" }, UINT32)), true), ascending(key, true)];
    case "Decimal":
      return [ascending(key, false)];
    default:
      return physicalOf(dtype) === "code" ? null : [ascending(key, false)];
  }
}

/** Lengths from 254 on are encoded as that byte and the bytes of the length from the lowest to the highest. */
function lengthBytes(bytes: Expr): Expr {
  const length = call("cast", [bytes], INT64);
  const byteAt = (k: bigint): Expr => above(call("floor_div", [length, int64(256n ** k)], INT64), 0n, 256n);
  const swapped = [0n, 1n, 2n, 3n].map((k) => call("mul", [byteAt(k), int64(256n ** (3n - k))], INT64)).reduce<Expr>(plus, int64(0n));
  return call("ternary", [call("lt", [length, literal(254n, INT64)], BOOLEAN), length, plus(swapped, 254n)], INT64);
}
