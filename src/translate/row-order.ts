/** How far polars fixes the answer to a query: which rows, and in which order. Where in doubt it is taken to leave it open. */

import type { DslExpr, DslPlan, DslValue, PlanPayloads } from "../polars/dsl.ts";
import { isList, isObject, planInputs, tag, tagOf } from "../polars/dsl.ts";
import { hasOneValue } from "./expr/aggregates.ts";
import { isElementwiseCall } from "./expr/elementwise.ts";
import { functionName } from "./expr/selectors.ts";
import { allExprs, columnName } from "./expr/tree.ts";

export interface RowOrder {
  /** `exact`: these rows in this order; `any`: these rows; `open`: also which rows there are, or what they hold, may be another at each run. */
  readonly rows: "exact" | "any" | "open";
  /** Columns by which the rows are sorted: their values are the same, row by row, whatever is left open. */
  readonly sortedBy: readonly string[];
}

const EXACT: RowOrder = { rows: "exact", sortedBy: [] };
const ANY: RowOrder = { rows: "any", sortedBy: [] };
const OPEN: RowOrder = { rows: "open", sortedBy: [] };

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));
/** Expressions that have the same value for a row, whatever the order of the rows. */
const WITHOUT_ORDER = words("Column Selector Literal Alias KeepName RenameAlias BinaryExpr Cast Ternary Len Over Filter");
const AGGREGATES = words("Sum Mean Min Max NUnique Count Median Std Var Quantile");
const AGGREGATE_FUNCTIONS = words(
  "NullCount Product Quantile Skew Kurtosis Entropy LowerBound UpperBound Correlation Any All DropNulls DropNans",
);
/** Functions whose rows polars gives in an order of its own. */
const UNSETTLED = words("Random Unique Mode ValueCounts");

const functionOf = (expr: DslExpr): DslValue | undefined => {
  const [name, payload] = tagOf(expr) ?? ["", null];
  return name === "Function" && isObject(payload) ? payload.function : undefined;
};

const isSettled = (exprs: readonly DslExpr[]): boolean =>
  exprs.every((expr) => [...allExprs(expr)].every((e) => !UNSETTLED.has(functionName(functionOf(e)))));

const needsNoOrder = (exprs: readonly DslExpr[]): boolean => exprs.every((expr) => [...allExprs(expr)].every(isOrderless));

function isOrderless(expr: DslExpr): boolean {
  const [name, payload] = tagOf(expr) ?? ["", null];
  if (name === "Over") return isObject(payload) && !isList(payload.order_by);
  if (name === "Agg") return AGGREGATES.has(tagOf(payload)?.[0] ?? "");
  if (name !== "Function") return WITHOUT_ORDER.has(name);
  const fn = functionOf(expr);
  return isElementwiseCall(fn) || AGGREGATE_FUNCTIONS.has(functionName(fn));
}

/** Rows that come of the input's one by one, or all of them of all. */
function mapped(input: RowOrder, exprs: readonly DslExpr[], sortedBy: readonly string[] = []): RowOrder {
  if (input.rows === "open" || !isSettled(exprs)) return { rows: "open", sortedBy: input.rows === "open" ? sortedBy : [] };
  return input.rows === "exact" || needsNoOrder(exprs) ? { rows: input.rows, sortedBy } : OPEN;
}

function grouped({ keys, aggs, predicates, maintain_order, options }: PlanPayloads["GroupBy"], input: RowOrder): RowOrder {
  const exprs = [...keys, ...aggs, ...predicates];
  if (input.rows === "open" || !isSettled(exprs)) return OPEN;
  if (input.rows === "exact") return maintain_order ? EXACT : ANY;
  return needsNoOrder(exprs) && aggs.every(hasOneValue) && options.dynamic === null && options.rolling === null ? ANY : OPEN;
}

function joined({ options: { args } }: PlanPayloads["Join"], inputs: readonly RowOrder[]): RowOrder {
  if (inputs.some(({ rows }) => rows === "open")) return OPEN;
  const exact = inputs.every(({ rows }) => rows === "exact");
  if (tag(args.how)[0] === "AsOf") return exact ? EXACT : OPEN;
  return exact && (args.maintain_order === "LeftRight" || args.maintain_order === "RightLeft") ? EXACT : ANY;
}

function sorted({ by_column, slice, sort_options }: PlanPayloads["Sort"], input: RowOrder): RowOrder {
  if (input.rows === "open") return OPEN;
  const sortedBy = by_column.map(columnName).filter((name) => name !== null);
  if (slice !== null || sort_options.limit !== null) return { rows: "open", sortedBy };
  return input.rows === "exact" && sort_options.maintain_order ? EXACT : { rows: "any", sortedBy };
}

function distinct({ options: { subset, maintain_order, keep_strategy } }: PlanPayloads["Distinct"], input: RowOrder): RowOrder {
  const settled = subset === null || keep_strategy === "None" || (input.rows === "exact" && keep_strategy !== "Any");
  if (input.rows === "open" || !settled) return OPEN;
  return input.rows === "exact" && maintain_order ? EXACT : ANY;
}

const KEEPING = words("Explode Unpivot Rename Unnest FillNan");

function changed(fn: DslValue, input: RowOrder): RowOrder {
  const [name] = tagOf(fn) ?? [""];
  if (input.rows === "open") return OPEN;
  if (name === "Stats") return EXACT;
  return input.rows === "exact" || KEEPING.has(name) ? { rows: input.rows, sortedBy: [] } : OPEN;
}

/** Of a plan as it was read. */
export function rowOrder(plan: DslPlan): RowOrder {
  const inputs = planInputs(plan).map(rowOrder);
  const [input = EXACT] = inputs;
  if ("Source" in plan || "Scan" in plan) return EXACT;
  if ("Filter" in plan) return mapped(input, [plan.Filter.predicate], input.sortedBy);
  if ("Select" in plan) return mapped(input, plan.Select.expr);
  if ("HStack" in plan) return mapped(input, plan.HStack.exprs);
  if ("GroupBy" in plan) return grouped(plan.GroupBy, input);
  if ("Join" in plan) return joined(plan.Join, inputs);
  if ("Sort" in plan) return sorted(plan.Sort, input);
  if ("Slice" in plan) return input.rows === "exact" ? EXACT : { rows: "open", sortedBy: input.sortedBy };
  if ("Distinct" in plan) return distinct(plan.Distinct, input);
  if ("MapFunction" in plan) return changed(plan.MapFunction.function, input);
  if ("Cache" in plan) return input;
  if (inputs.some(({ rows }) => rows === "open")) return OPEN;
  const exact = inputs.every(({ rows }) => rows === "exact");
  if ("Union" in plan) return exact && plan.Union.args.maintain_order ? EXACT : ANY;
  return "HConcat" in plan && exact ? EXACT : OPEN;
}
