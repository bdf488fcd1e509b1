/** Checks a plan against the rules of the IR: what a translation or an optimizer rule got wrong is found here, by name, and not in a shader. */

import { InternalError } from "../errors.ts";
import type { Expr } from "./expr.ts";
import { describeExpr, exprChildren } from "./expr.ts";
import { FILTERED, ORDERED } from "./functions.ts";
import type { AsofJoin, Join, Plan, RangeJoin } from "./plan.ts";
import { children, conditionExprs, expressions } from "./plan.ts";
import { fieldsOf } from "./projection.ts";
import type { Field, Schema } from "./schema.ts";
import { describeDType, sameDType, sameSchema } from "./schema.ts";
import { postorder } from "./traversal.ts";
import { exprProblem } from "./verify-expr.ts";

/** @throws InternalError that names the first node that breaks a rule; `after` says who made the plan. */
export function verify(plan: Plan, after = "translation"): void {
  for (const node of postorder(plan)) {
    const problem = problemOf(node);
    if (problem !== null) throw new InternalError(`after ${after}, ${node.kind} node: ${problem}`);
  }
}

const schemaText = (schema: Schema): string => `[${schema.map((f) => `${JSON.stringify(f.name)} ${describeDType(f.dtype)}`).join(", ")}]`;

function repeated(names: readonly string[]): string | null {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) return `the name ${JSON.stringify(name)} occurs twice`;
    seen.add(name);
  }
  return null;
}

const first = (problems: Iterable<string | null>): string | null => {
  for (const problem of problems) if (problem !== null) return problem;
  return null;
};

const rowProblems = (exprs: readonly Expr[], schema: Schema): string | null => first(exprs.map((e) => exprProblem(e, schema)));

const differs = (stated: Schema, computed: Schema): string | null =>
  sameSchema(stated, computed) ? null : `the schema ${schemaText(stated)} is stated, ${schemaText(computed)} is computed`;

const predicateProblem = (predicate: Expr, schema: Schema): string | null =>
  predicate.dtype.kind === "Boolean"
    ? exprProblem(predicate, schema)
    : `the predicate ${describeExpr(predicate)} is ${describeDType(predicate.dtype)}`;

const isCount = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;

function problemOf(plan: Plan): string | null {
  const inputs = children(plan).map((c) => c.schema);
  const [input = []] = inputs;
  return repeated(plan.schema.map((f) => f.name)) ?? ownProblem(plan, input, inputs);
}

function ownProblem(plan: Plan, input: Schema, inputs: readonly Schema[]): string | null {
  switch (plan.kind) {
    case "scan": {
      const missing = plan.schema.find((f) => !holds(plan.fileSchema, f));
      if (missing !== undefined) return `the files have no column ${schemaText([missing])}`;
      if (plan.slice !== null && !(isCount(plan.slice.offset) && isCount(plan.slice.length)))
        return "the slice is not counted from the start";
      return plan.predicate === null ? null : predicateProblem(plan.predicate, plan.fileSchema);
    }
    case "frame":
    case "cpu":
      return null;
    case "project":
      return (
        rowProblems(
          plan.exprs.map((e) => e.expr),
          input,
        ) ?? differs(plan.schema, fieldsOf(plan.exprs))
      );
    case "filter":
      return predicateProblem(plan.predicate, input) ?? differs(plan.schema, input);
    case "slice":
      return Number.isSafeInteger(plan.offset) && (plan.length === null || isCount(plan.length))
        ? differs(plan.schema, input)
        : "offset or length is not a count of rows";
    case "sort":
      if (plan.limit !== null && !isCount(plan.limit)) return "the limit is not a count of rows";
      return (
        rowProblems(
          plan.by.map((k) => k.expr),
          input,
        ) ?? differs(plan.schema, input)
      );
    case "aggregate":
      return (
        rowProblems(
          plan.keys.map((k) => k.expr),
          input,
        ) ??
        first(plan.aggregates.map((a) => aggregateProblem(a.expr, input))) ??
        differs(plan.schema, fieldsOf([...plan.keys, ...plan.aggregates]))
      );
    case "join":
      return joinProblem(plan);
    case "asof_join":
      return asofProblem(plan);
    case "range_join":
      return rangeProblem(plan);
    case "distinct": {
      const missing = plan.subset.find((name) => !input.some((f) => f.name === name));
      return missing === undefined
        ? (repeated(plan.subset) ?? differs(plan.schema, input))
        : `there is no column ${JSON.stringify(missing)}`;
    }
    case "union":
      return inputs.length === 0 ? "there is no input" : first(inputs.map((schema) => differs(plan.schema, schema)));
    case "hconcat":
      return inputs.length === 0 ? "there is no input" : differs(plan.schema, inputs.flat());
    case "explode": {
      const missing = plan.columns.find((name) => !input.some((f) => f.name === name));
      if (missing !== undefined || plan.columns.length === 0) return `there is no column ${JSON.stringify(missing ?? "")} to explode`;
      const fields = input.map((f, i) => (plan.columns.includes(f.name) ? { name: f.name, dtype: plan.schema[i]?.dtype ?? f.dtype } : f));
      return differs(plan.schema, fields);
    }
    case "require":
      if (plan.condition.kind === "ascending" && plan.condition.key.dtype.kind !== "Int64") return "the ascending key is no Int64";
      return rowProblems(conditionExprs(plan.condition), input) ?? differs(plan.schema, input);
    case "gather":
      return plan.rows.every((row) => row === null || isCount(row)) ? differs(plan.schema, input) : "a row number is not a count of rows";
    case "gather_by": {
      const [by, more] = plan.by.schema;
      return by?.dtype.kind === "UInt32" && more === undefined
        ? differs(plan.schema, input)
        : "the row numbers are not one column of UInt32";
    }
    case "row_index":
      if (!isCount(plan.offset)) return "the offset is not a count of rows";
      return differs(plan.schema, [{ name: plan.name, dtype: { kind: "UInt32" } }, ...input]);
    case "lookup": {
      const missing = plan.args.find((name) => !input.some((f) => f.name === name));
      if (missing !== undefined) return `there is no column ${JSON.stringify(missing)}`;
      return repeated(plan.args) ?? differs(plan.schema, [...input, ...plan.outputs.map(({ name, dtype }) => ({ name, dtype }))]);
    }
    case "window":
      return (
        rowProblems(expressions(plan), input) ??
        differs(plan.schema, [...input, ...plan.functions.map((f) => ({ name: f.name, dtype: f.call.dtype }))])
      );
  }
}

const holds = (schema: Schema, field: Field): boolean => schema.some((f) => f.name === field.name && sameDType(f.dtype, field.dtype));

function aggregateProblem(expr: Expr, input: Schema): string | null {
  if (expr.kind !== "aggregate") return `${describeExpr(expr)} is not an aggregate`;
  const { fn, arg, where, by, options } = expr;
  if (where !== null && !FILTERED.has(fn)) return `${fn} of some rows`;
  if (where !== null && where.dtype.kind !== "Boolean") return `the rows of ${fn} are chosen by ${describeDType(where.dtype)}`;
  if (by.length > 0 && !ORDERED.has(fn)) return `${fn} in an order`;
  if (fn === "quantile" && (options.length !== 2 || by.length > 0)) return "a quantile needs a fraction and a method";
  if (arg === null && fn !== "len" && fn !== "arg_first") return `${fn} has no input`;
  return first(exprChildren(expr).map((e) => exprProblem(e, input)));
}

function joinProblem(plan: Join): string | null {
  const { leftOn, rightOn, how } = plan;
  if ((how === "cross") !== (leftOn.length === 0)) return `a ${how} join with ${leftOn.length} keys`;
  return sidesProblem(plan, leftOn, rightOn);
}

function asofProblem(plan: AsofJoin): string | null {
  if (plan.leftOn.dtype.kind !== "Int64" && plan.leftOn.dtype.kind !== "Float64") return `a key of ${describeDType(plan.leftOn.dtype)}`;
  return sidesProblem({ ...plan, how: "left" }, [plan.leftOn, ...plan.leftBy], [plan.rightOn, ...plan.rightBy]);
}

function rangeProblem(plan: RangeJoin): string | null {
  const { from, to, key, leftBy, rightBy } = plan;
  return (
    sidesProblem({ ...plan, how: "inner" }, [from, ...leftBy], [key, ...rightBy]) ??
    rowProblems([to], plan.left.schema) ??
    first([from, to, key].map(({ dtype }) => (dtype.kind === "Int64" ? null : `a key of ${describeDType(dtype)}`)))
  );
}

type Sides = Pick<Join, "left" | "right" | "how" | "output" | "schema">;

/** What is wrong with keys that are compared with one another, or with the outputs. */
function sidesProblem(plan: Sides, lefts: readonly Expr[], rights: readonly Expr[]): string | null {
  if (lefts.length !== rights.length) return `${lefts.length} keys of the left side, ${rights.length} of the right side`;
  const pair = lefts.findIndex((l, i) => rights[i] === undefined || !sameDType(l.dtype, rights[i].dtype));
  const unequal = lefts[pair];
  if (unequal !== undefined) return `the keys ${describeExpr(unequal)} and ${rights.map(describeExpr)[pair]} have different dtypes`;
  return (
    rowProblems(lefts, plan.left.schema) ??
    rowProblems(rights, plan.right.schema) ??
    first(plan.output.map((_, i) => outputProblem(plan, i))) ??
    (plan.output.length === plan.schema.length ? null : `${plan.output.length} outputs for ${plan.schema.length} columns`)
  );
}

function outputProblem(plan: Pick<Join, "output" | "schema" | "how" | "left" | "right">, i: number): string | null {
  const output = plan.output[i];
  const field = plan.schema[i];
  if (output === undefined || field === undefined || field.name !== output.name) return `output ${i} is not column ${i} of the schema`;
  const uses =
    output.from === "coalesce"
      ? [output.left !== null, output.right !== null]
      : [(output.left !== null) === (output.from === "left"), (output.right !== null) === (output.from === "right")];
  if (uses.includes(false)) return `output ${JSON.stringify(output.name)} from ${output.from} names the wrong sides`;
  if ((plan.how === "semi" || plan.how === "anti") && output.from !== "left") return `a ${plan.how} join with a column of the right side`;
  const sources = [
    ...(output.left === null ? [] : [plan.left.schema.find((f) => f.name === output.left)]),
    ...(output.right === null ? [] : [plan.right.schema.find((f) => f.name === output.right)]),
  ];
  const fits = sources.every((f) => f !== undefined && sameDType(f.dtype, field.dtype));
  return fits ? null : `output ${JSON.stringify(output.name)} has no source of dtype ${describeDType(field.dtype)}`;
}
