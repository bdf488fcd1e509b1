/** joinAsof: keys as 64-bit integers or floats, the tolerance in the unit of the keys, output columns as polars names them. */

import { isTemporal } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import type { AsofJoin, JoinOutput, Plan } from "../../ir/plan.ts";
import { describeDType } from "../../ir/schema.ts";
import type { DslPlan, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import { evaluateConstant } from "../../polars/scalars.ts";
import { isFloat, isNumeric } from "../expr/binary.ts";
import { NANOSECONDS_PER_DAY, NANOSECONDS_PER_TICK, nominalNanoseconds, parseDuration } from "../expr/duration-text.ts";
import { ExprTranslator } from "../expr/translator.ts";
import { columnName } from "../expr/tree.ts";
import type { Scope } from "../scope.ts";
import { commonKey } from "./join-keys.ts";
import type { NodeContext } from "./node.ts";

const STRATEGIES: Readonly<Record<string, AsofJoin["strategy"]>> = { Backward: "backward", Forward: "forward", Nearest: "nearest" };

export function asofJoin(dsl: DslPlan, context: NodeContext, payload: DslValue): Plan | null {
  const [left, right] = context.inputs;
  const [leftScope, rightScope] = context.scopes;
  if (!("Join" in dsl) || !isObject(payload) || left === undefined || right === undefined) return null;
  if (leftScope === undefined || rightScope === undefined) return null;
  const { left_on, right_on, options } = dsl.Join;
  const strategy = STRATEGIES[String(payload.strategy)];
  const [leftKey, rightKey] = [left_on[0], right_on[0]];
  if (strategy === undefined || leftKey === undefined || rightKey === undefined || options.args.slice !== null)
    return context.unsupported("an as-of join that is not understood");
  const keys = commonKey(
    leftScope,
    rightScope,
    new ExprTranslator(leftScope).translate(leftKey),
    new ExprTranslator(rightScope).translate(rightKey),
  );
  if (keys === null) return null;
  const { dtype } = keys.left;
  const measured = strategy === "nearest" || payload.tolerance !== null || payload.tolerance_str !== null;
  if (!(isTemporal(dtype) || isNumeric(dtype)) || (dtype.kind === "Float32" && measured))
    return context.unsupported(`an as-of join by ${describeDType(dtype)}`);
  const wide: DType = { kind: isFloat(dtype) ? "Float64" : "Int64" };
  const [leftOn, rightOn] = [new ExprTranslator(leftScope).cast(keys.left, wide), new ExprTranslator(rightScope).cast(keys.right, wide)];
  const tolerance = toleranceOf(leftScope, dtype, payload.tolerance ?? null, payload.tolerance_str ?? null);
  const [leftBy, rightBy] = [names(payload.left_by), names(payload.right_by)];
  const by = leftBy.map((name, i) =>
    commonKey(
      leftScope,
      rightScope,
      new ExprTranslator(leftScope).translate({ Column: name }),
      new ExprTranslator(rightScope).translate({ Column: rightBy[i] ?? name }),
    ),
  );
  const known = by.filter((k) => k !== null);
  if (leftOn === null || rightOn === null || tolerance === undefined || known.length !== by.length) return null;
  const same = columnName(leftKey) === columnName(rightKey) && options.args.coalesce !== "KeepColumns";
  const dropped = [...rightBy, ...(same ? [columnName(rightKey) ?? ""] : [])];
  const output = outputsOf(context, left, right, dropped, options.args.suffix ?? "_right");
  if (output === null) return null;
  return {
    kind: "asof_join",
    left,
    right,
    leftOn,
    rightOn,
    leftBy: known.map((k) => k.left),
    rightBy: known.map((k) => k.right),
    strategy,
    allowEqual: payload.allow_eq !== false,
    tolerance,
    output,
    schema: context.schema,
  };
}

const names = (list: DslValue | undefined): readonly string[] => (isList(list) ? list.map(String) : []);

function outputsOf(
  context: NodeContext,
  left: Plan,
  right: Plan,
  dropped: readonly string[],
  suffix: string,
): readonly JoinOutput[] | null {
  const taken = new Set(left.schema.map((f) => f.name));
  const output: readonly JoinOutput[] = [
    ...left.schema.map((f): JoinOutput => ({ name: f.name, from: "left", left: f.name, right: null })),
    ...right.schema
      .filter((f) => !dropped.includes(f.name))
      .map((f): JoinOutput => ({ name: taken.has(f.name) ? `${f.name}${suffix}` : f.name, from: "right", left: null, right: f.name })),
  ];
  const fits = output.length === context.schema.length && output.every((o, i) => o.name === context.schema[i]?.name);
  return fits ? output : context.unsupported("an as-of join whose output columns are not understood");
}

/** The largest distance, never negative, as a number of the keys' units; null for any, undefined with a reason where it is not understood. */
function toleranceOf(scope: Scope, dtype: DType, scalar: DslValue, text: DslValue): number | null | undefined {
  if (scalar === null && text === null) return null;
  const found = scalar === null ? timeTolerance(dtype, String(text)) : numberTolerance(scope, dtype, scalar);
  if (found !== null) return found;
  scope.unsupported(`a tolerance of ${JSON.stringify(text ?? (tagOf(scalar) ?? [])[0])} for ${describeDType(dtype)}`);
  return undefined;
}

function numberTolerance(scope: Scope, dtype: DType, scalar: DslValue): number | null {
  const [value] = evaluateConstant(scope.native, { Literal: { Scalar: scalar } })?.values ?? [];
  if (!isNumeric(dtype) || (typeof value !== "number" && typeof value !== "bigint")) return null;
  const size = Math.abs(Number(value));
  const units = isFloat(dtype) ? size : Math.trunc(size);
  return isFloat(dtype) || Number.isSafeInteger(units) ? units : null;
}

/** Durations of fixed length: "1d12h", say; a day has 24 hours. */
function timeTolerance(dtype: DType, text: string): number | null {
  const duration = parseDuration(text);
  if (!isTemporal(dtype) || duration === null || duration.negative || duration.months > 0n) return null;
  const unit = dtype.kind === "Date" ? NANOSECONDS_PER_DAY : "unit" in dtype ? NANOSECONDS_PER_TICK[dtype.unit] : 1n;
  const ticks = Number(nominalNanoseconds(duration) / unit);
  return Number.isSafeInteger(ticks) ? ticks : null;
}
