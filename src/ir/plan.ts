/** Logical plan nodes: frozen data, children first, output schema stated on every node. */

import type { DType } from "./dtype.ts";
import type { Expr, NamedExpr, SortKey } from "./expr.ts";
import type { Schema } from "./schema.ts";
import type { NamedWindow } from "./windows.ts";

/** Files, read by CPU polars' readers. `dsl` is polars' own Scan node as JSON text; what is pushed into it is applied above it, in this order. */
export interface Scan {
  readonly kind: "scan";
  readonly dsl: string;
  readonly format: string;
  /** Rows that may matter: the reader may drop others. Applied before the projection. */
  readonly predicate: Expr | null;
  readonly slice: { readonly offset: number; readonly length: number } | null;
  readonly schema: Schema;
  /** Schema of the files before the projection, for the predicate. */
  readonly fileSchema: Schema;
}
/** An in-memory DataFrame, tracked by the number of its source. The schema may be a subset of its columns. */
export interface Frame {
  readonly kind: "frame";
  readonly source: number;
  readonly schema: Schema;
}
/** `{ Source: FIRST_INPUT + i }` in the DSL of a CPU node is the table of its i-th input. Far above the ids of frames. */
export const FIRST_INPUT = 2 ** 31;

/** A subtree that CPU polars runs; `dsl` has `{"Source": n}` leaves for in-memory frames and, from FIRST_INPUT on, for `inputs`. */
export interface Cpu {
  readonly kind: "cpu";
  readonly node: string;
  readonly dsl: string;
  readonly inputs: readonly Plan[];
  readonly reasons: readonly string[];
  readonly schema: Schema;
}
export interface Project {
  readonly kind: "project";
  readonly input: Plan;
  readonly exprs: readonly NamedExpr[];
  readonly schema: Schema;
}
export interface Filter {
  readonly kind: "filter";
  readonly input: Plan;
  readonly predicate: Expr;
  readonly schema: Schema;
}
/** A negative offset counts from the end; a null length takes the rest. */
export interface Slice {
  readonly kind: "slice";
  readonly input: Plan;
  readonly offset: number;
  readonly length: number | null;
  readonly schema: Schema;
}
/** Always stable. */
export interface Sort {
  readonly kind: "sort";
  readonly input: Plan;
  readonly by: readonly SortKey[];
  /** Only the first rows are wanted. */
  readonly limit: number | null;
  readonly schema: Schema;
}
/** Output: keys, then aggregates; groups in order of first appearance. Without keys: one row. */
export interface Aggregate {
  readonly kind: "aggregate";
  readonly input: Plan;
  readonly keys: readonly NamedExpr[];
  readonly aggregates: readonly NamedExpr[];
  readonly schema: Schema;
}
export type JoinKind = "inner" | "left" | "right" | "full" | "semi" | "anti" | "cross";
/** Where an output column of a join comes from; `coalesce` takes the left value, or the right one where there is no left row. */
export interface JoinOutput {
  readonly name: string;
  readonly from: "left" | "right" | "coalesce";
  readonly left: string | null;
  readonly right: string | null;
}
/**
 * Output in left row order, then right row order; unmatched right rows last; for `right` joins in right row order, then left. In any order
 * where `ordered` is false.
 */
export interface Join {
  readonly kind: "join";
  readonly left: Plan;
  readonly right: Plan;
  readonly leftOn: readonly Expr[];
  readonly rightOn: readonly Expr[];
  readonly how: JoinKind;
  readonly nullsEqual: boolean;
  readonly ordered: boolean;
  readonly output: readonly JoinOutput[];
  readonly schema: Schema;
}
/** Every left row, in order, with the right row of equal `by` values whose key is nearest; nulls are equal to nothing. */
export interface AsofJoin {
  readonly kind: "asof_join";
  readonly left: Plan;
  readonly right: Plan;
  /** Int64 or Float64. */
  readonly leftOn: Expr;
  readonly rightOn: Expr;
  readonly leftBy: readonly Expr[];
  readonly rightBy: readonly Expr[];
  /** Backward: the last row of those nearest, at or before the left key; forward: the first; nearest: the last, later ones before earlier ones. */
  readonly strategy: "backward" | "forward" | "nearest";
  readonly allowEqual: boolean;
  /** Distance beyond which there is no match; null for any. */
  readonly tolerance: number | null;
  readonly output: readonly JoinOutput[];
  readonly schema: Schema;
}
/**
 * Every left row, in order, with each right row of equal `by` values whose key is at least `from` and at most `to`, in row order; left rows
 * without any are left out. Keys are Int64, and right keys ascend within equal values of `by`, else there is an error. Null equals null.
 */
export interface RangeJoin {
  readonly kind: "range_join";
  readonly left: Plan;
  readonly right: Plan;
  readonly from: Expr;
  readonly to: Expr;
  readonly key: Expr;
  readonly leftBy: readonly Expr[];
  readonly rightBy: readonly Expr[];
  readonly output: readonly JoinOutput[];
  readonly schema: Schema;
}
export interface Distinct {
  readonly kind: "distinct";
  readonly input: Plan;
  readonly subset: readonly string[];
  readonly keep: "first" | "last" | "none" | "any";
  readonly schema: Schema;
}
export interface Union {
  readonly kind: "union";
  readonly inputs: readonly Plan[];
  readonly schema: Schema;
}
/** What becomes of inputs of fewer rows than others: nulls behind them, one row repeated, or an error. */
export type HConcatLengths = "pad" | "broadcast" | "equal";
/** Columns side by side. */
export interface HConcat {
  readonly kind: "hconcat";
  readonly inputs: readonly Plan[];
  readonly lengths: HConcatLengths;
  readonly schema: Schema;
}
export interface RowIndex {
  readonly kind: "row_index";
  readonly input: Plan;
  readonly name: string;
  readonly offset: number;
  readonly schema: Schema;
}
/** A column that CPU polars computes; `dsl` is polars' JSON over columns of the input. */
export interface LookupOutput {
  readonly name: string;
  readonly dsl: string;
  readonly dtype: DType;
}
/**
 * Columns that CPU polars computes, behind those of the input: every value depends only on the values of the columns `args` in its row, so
 * that polars need see each combination of them once. Without `args` the outputs are constants.
 */
export interface Lookup {
  readonly kind: "lookup";
  readonly input: Plan;
  readonly args: readonly string[];
  readonly outputs: readonly LookupOutput[];
  readonly schema: Schema;
}

/** The rows of the given numbers, in that order; null gives a row of nulls, a number that no row has is an error. */
export interface Gather {
  readonly kind: "gather";
  readonly input: Plan;
  readonly rows: readonly (number | null)[];
  readonly schema: Schema;
}

/**
 * The rows whose numbers are the values of the one column of `by`, of UInt32, in that order; null gives a row of nulls, a number that no row has is
 * an error.
 */
export interface GatherBy {
  readonly kind: "gather_by";
  readonly input: Plan;
  readonly by: Plan;
  readonly schema: Schema;
}

/**
 * A row for each element of the lists in `columns`, whose other values are repeated; the lists of one row have the same length. An empty
 * list becomes a row of null where `emptyAsNull`, a null one where `keepNulls`; else they become none.
 */
export interface Explode {
  readonly kind: "explode";
  readonly input: Plan;
  readonly columns: readonly string[];
  readonly emptyAsNull: boolean;
  readonly keepNulls: boolean;
  readonly schema: Schema;
}
/** The input's rows in their order, with a column for each function behind its columns. Null keys are equal. */
export interface Window {
  readonly kind: "window";
  readonly input: Plan;
  readonly partitionBy: readonly Expr[];
  readonly orderBy: readonly SortKey[];
  readonly functions: readonly NamedWindow[];
  readonly schema: Schema;
}
/** What a query may only be asked of: else CPU polars has the error, or an answer that depends on the order. */
export type Condition =
  /** No two rows have the same values of `by`, null being a value. */
  | { readonly kind: "unique"; readonly by: readonly Expr[] }
  /** `key`, an Int64, ascends within the rows of equal values of `by`, and is never null. */
  | { readonly kind: "ascending"; readonly key: Expr; readonly by: readonly Expr[] };
/** The input as it is, where the condition holds; else an error. */
export interface Require {
  readonly kind: "require";
  readonly input: Plan;
  readonly condition: Condition;
  readonly schema: Schema;
}

export type Plan =
  | Scan
  | Frame
  | Cpu
  | Project
  | Filter
  | Slice
  | Sort
  | Aggregate
  | Join
  | Distinct
  | Union
  | HConcat
  | RowIndex
  | Gather
  | GatherBy
  | Explode
  | Lookup
  | AsofJoin
  | RangeJoin
  | Window
  | Require;
export type PlanKind = Plan["kind"];

export function children(plan: Plan): readonly Plan[] {
  switch (plan.kind) {
    case "scan":
    case "frame":
      return [];
    case "cpu":
    case "union":
    case "hconcat":
      return plan.inputs;
    case "join":
    case "asof_join":
    case "range_join":
      return [plan.left, plan.right];
    case "gather_by":
      return [plan.input, plan.by];
    default:
      return [plan.input];
  }
}

/** The same node over other children; the schema is kept, so the children must offer the columns that it reads. */
export function withChildren(plan: Plan, inputs: readonly Plan[]): Plan {
  const old = children(plan);
  if (inputs.every((p, i) => p === old[i])) return plan;
  const [first, second] = inputs;
  switch (plan.kind) {
    case "scan":
    case "frame":
      return plan;
    case "cpu":
    case "union":
    case "hconcat":
      return { ...plan, inputs };
    case "join":
    case "asof_join":
    case "range_join":
      return first === undefined || second === undefined ? plan : { ...plan, left: first, right: second };
    case "gather_by":
      return first === undefined || second === undefined ? plan : { ...plan, input: first, by: second };
    default:
      return first === undefined ? plan : { ...plan, input: first };
  }
}

/** What a condition reads. */
export const conditionExprs = (condition: Condition): readonly Expr[] =>
  condition.kind === "unique" ? condition.by : [condition.key, ...condition.by];

/** Expressions that stand directly in the node. */
export function expressions(plan: Plan): readonly Expr[] {
  switch (plan.kind) {
    case "scan":
      return plan.predicate === null ? [] : [plan.predicate];
    case "project":
      return plan.exprs.map((e) => e.expr);
    case "filter":
      return [plan.predicate];
    case "sort":
      return plan.by.map((k) => k.expr);
    case "aggregate":
      return [...plan.keys, ...plan.aggregates].map((e) => e.expr);
    case "join":
      return [...plan.leftOn, ...plan.rightOn];
    case "asof_join":
      return [plan.leftOn, plan.rightOn, ...plan.leftBy, ...plan.rightBy];
    case "range_join":
      return [plan.from, plan.to, plan.key, ...plan.leftBy, ...plan.rightBy];
    case "window":
      return [...plan.partitionBy, ...plan.orderBy.map((k) => k.expr), ...plan.functions.flatMap((f) => f.call.args)];
    case "require":
      return conditionExprs(plan.condition);
    default:
      return [];
  }
}
