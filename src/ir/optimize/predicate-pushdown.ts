/**
 * Rule: filters move toward the data, condition by condition, and adjacent ones merge. A condition stops where it would change the result
 * (slices, row numbers, null-making sides of joins, CPU nodes) and above shared subplans, which it would force apart.
 */

import type { DType } from "../dtype.ts";
import type { Expr } from "../expr.ts";
import { columnsOf, substitute } from "../expr.ts";
import { staysSmall } from "../expr-size.ts";
import type { FunctionName } from "../functions.ts";
import type { Aggregate, Join, JoinKind, Plan, Project, Scan } from "../plan.ts";
import { countParents, rewriteTopDown } from "../traversal.ts";
import { combined, filtered, partsOf } from "./conjuncts.ts";
import { onSide } from "./join-sides.ts";
import type { Rule } from "./rule.ts";

export const predicatePushdown: Rule = {
  name: "predicate-pushdown",
  apply: (plan) => {
    const parents = countParents(plan);
    const shared = (node: Plan): boolean => (parents.get(node) ?? 0) > 1;
    return rewriteTopDown(plan, (node) => (node.kind === "filter" ? pushed(node, shared) : node));
  },
};

/** A chain of filters over a node, with their conditions as far down as one step goes. */
function pushed(top: Plan & { readonly kind: "filter" }, shared: (node: Plan) => boolean): Plan {
  const predicates: Expr[] = [];
  let base: Plan = top;
  while (base.kind === "filter" && (base === top || !shared(base))) {
    predicates.unshift(base.predicate);
    base = base.input;
  }
  const conditions = partsOf("and", combined("and", predicates));
  return shared(base) ? filtered(base, conditions) : below(base, conditions);
}

/** `conditions` over `base`, moved below it where that is sound. */
function below(base: Plan, conditions: readonly Expr[]): Plan {
  switch (base.kind) {
    case "project":
      return belowProject(base, conditions);
    case "sort":
      return base.limit === null ? { ...base, input: filtered(base.input, conditions) } : filtered(base, conditions);
    case "union":
      return { ...base, inputs: base.inputs.map((input) => filtered(input, conditions)) };
    case "distinct": {
      const [down, stay] = divided(conditions, (c) => readsOnly(c, new Set(base.subset)));
      return filtered({ ...base, input: filtered(base.input, down) }, stay);
    }
    case "aggregate":
      return belowAggregate(base, conditions);
    case "join":
      return belowJoin(base, conditions);
    case "scan":
      return intoScan(base, conditions);
    case "lookup": {
      const made = new Set(base.outputs.map((o) => o.name));
      const [down, stay] = divided(conditions, (c) => ![...columnsOf([c])].some((name) => made.has(name)));
      return filtered({ ...base, input: filtered(base.input, down) }, stay);
    }
    default:
      return filtered(base, conditions);
  }
}

function divided<T>(items: readonly T[], belongs: (item: T) => boolean): readonly [T[], T[]] {
  return [items.filter(belongs), items.filter((item) => !belongs(item))];
}

const isFloat = (dtype: DType): boolean => dtype.kind === "Float32" || dtype.kind === "Float64";

/** Rows that count as equal agree on the condition: floats may differ in their sign of zero. */
function readsOnly(condition: Expr, names: ReadonlySet<string>): boolean {
  const read = columnsOf([condition]);
  return read.size > 0 && [...read].every((name) => names.has(name)) && !readsFloats(condition);
}

function readsFloats(condition: Expr): boolean {
  let found = false;
  const pending = [condition];
  for (let e = pending.pop(); e !== undefined && !found; e = pending.pop()) {
    found = e.kind === "column" && isFloat(e.dtype);
    if (e.kind === "call") pending.push(...e.args);
    else if (e.kind === "lookup") pending.push(e.arg);
  }
  return found;
}

function belowProject(base: Project, conditions: readonly Expr[]): Plan {
  const by = new Map(base.exprs.map((e) => [e.name, e.expr]));
  const [down, stay] = divided(conditions, (c) => staysSmall(c, by));
  const input = filtered(
    base.input,
    down.map((c) => substitute(c, by)),
  );
  return filtered({ ...base, input }, stay);
}

/** Conditions on plain keys keep or drop whole groups, and leave the others in their order. */
function belowAggregate(base: Aggregate, conditions: readonly Expr[]): Plan {
  const keys = new Map(base.keys.filter((k) => k.expr.kind === "column").map((k) => [k.name, k.expr]));
  const [down, stay] = divided(conditions, (c) => readsOnly(c, new Set(keys.keys())));
  const input = filtered(
    base.input,
    down.map((c) => substitute(c, keys)),
  );
  return filtered({ ...base, input }, stay);
}

/** Sides whose rows a join either keeps as they are or drops. */
const KEPT: Readonly<Record<JoinKind, readonly ("left" | "right")[]>> = {
  inner: ["left", "right"],
  cross: ["left", "right"],
  left: ["left"],
  right: ["right"],
  semi: ["left"],
  anti: ["left"],
  full: [],
};

function belowJoin(base: Join, conditions: readonly Expr[]): Plan {
  const down: Record<"left" | "right", Expr[]> = { left: [], right: [] };
  const stay: Expr[] = [];
  for (const condition of conditions) {
    const side = KEPT[base.how].find((s) => onSide(base, s, condition) !== null);
    const moved = side === undefined ? null : onSide(base, side, condition);
    if (side === undefined || moved === null) stay.push(condition);
    else down[side].push(moved);
  }
  return filtered({ ...base, left: filtered(base.left, down.left), right: filtered(base.right, down.right) }, stay);
}

/** What the reader applies exactly as the device would. */
const READABLE: ReadonlySet<FunctionName> = new Set([
  "eq",
  "ne",
  "lt",
  "le",
  "gt",
  "ge",
  "eq_missing",
  "ne_missing",
  "and",
  "or",
  "not",
  "is_null",
  "is_not_null",
  "cast",
]);

function isReadable(expr: Expr): boolean {
  switch (expr.kind) {
    case "column":
    case "literal":
      return true;
    case "lookup":
      return isReadable(expr.arg);
    case "call":
      return READABLE.has(expr.fn) && expr.args.every(isReadable);
    case "aggregate":
      return false;
  }
}

/** Only Parquet files can skip rows that they have not decoded. The reader takes its slice after its predicate. */
function intoScan(scan: Scan, conditions: readonly Expr[]): Plan {
  if (scan.format !== "Parquet" || scan.slice !== null) return filtered(scan, conditions);
  const [down, stay] = divided(conditions, isReadable);
  if (down.length === 0) return filtered(scan, conditions);
  const all = scan.predicate === null ? down : [scan.predicate, ...down];
  return filtered({ ...scan, predicate: combined("and", all) }, stay);
}
