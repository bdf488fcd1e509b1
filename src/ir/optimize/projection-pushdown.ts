/**
 * Rule: columns that nobody reads are never read, computed, sorted or joined. A shared node offers what all its readers need; those that
 * would copy the rest narrow it first. Row counts stay, also of inputs of which no column is left.
 */

import type { Expr } from "../expr.ts";
import { columnsOf } from "../expr.ts";
import type { Aggregate, AsofJoin, HConcat, Join, Lookup, Plan, Project, RangeJoin, RowIndex, Union, Window } from "../plan.ts";
import { children, conditionExprs, expressions } from "../plan.ts";
import { columnsOfSchema } from "../projection.ts";
import type { Schema } from "../schema.ts";
import { postorder } from "../traversal.ts";
import type { Rule } from "./rule.ts";

type Names = ReadonlySet<string>;

export const projectionPushdown: Rule = {
  name: "projection-pushdown",
  apply: (plan) => {
    const order = postorder(plan);
    const demands = demandsOf(plan, order);
    const pruned = new Map<Plan, Plan>();
    const of = (node: Plan): Plan => pruned.get(node) ?? node;
    for (const node of order) pruned.set(node, prune(node, demands.get(node) ?? new Set(), children(node).map(of)));
    return narrowed(of(plan), namesOf(plan.schema));
  },
};

const namesOf = (schema: Schema): Names => new Set(schema.map((f) => f.name));
const offered = (schema: Schema, wanted: Names): Schema => schema.filter((f) => wanted.has(f.name));

/** For each node the columns that its readers need of it. */
function demandsOf(root: Plan, order: readonly Plan[]): ReadonlyMap<Plan, Names> {
  const demands = new Map<Plan, Set<string>>([[root, new Set(namesOf(root.schema))]]);
  for (const node of order.toReversed()) {
    const wanted = inputDemands(node, demands.get(node) ?? new Set());
    for (const [i, child] of children(node).entries()) {
      const demand = demands.get(child) ?? new Set();
      for (const name of wanted[i] ?? []) demand.add(name);
      demands.set(child, demand);
    }
  }
  return demands;
}

const both = (a: Iterable<string>, b: Iterable<string>): Names => new Set([...a, ...b]);
const alsoRead = (names: Names, exprs: readonly Expr[]): Names => both(names, columnsOf(exprs));

/** For each input the columns that the node needs of it so that it can offer `wanted`. */
function inputDemands(plan: Plan, wanted: Names): readonly Names[] {
  switch (plan.kind) {
    case "scan":
    case "frame":
      return [];
    case "cpu":
      return plan.inputs.map((input) => namesOf(input.schema));
    case "project":
      return [columnsOf(plan.exprs.filter((e) => wanted.has(e.name)).map((e) => e.expr))];
    case "filter":
      return [alsoRead(wanted, [plan.predicate])];
    case "slice":
    case "gather":
      return [wanted];
    case "sort":
      return [
        alsoRead(
          wanted,
          plan.by.map((k) => k.expr),
        ),
      ];
    case "aggregate":
      return [columnsOf([...plan.keys, ...plan.aggregates.filter((a) => wanted.has(a.name))].map((e) => e.expr))];
    case "join":
      return sidesRead(plan, wanted, plan.leftOn, plan.rightOn);
    case "asof_join":
      return sidesRead(plan, wanted, [plan.leftOn, ...plan.leftBy], [plan.rightOn, ...plan.rightBy]);
    case "range_join":
      return sidesRead(plan, wanted, [plan.from, plan.to, ...plan.leftBy], [plan.key, ...plan.rightBy]);
    case "gather_by":
      return [wanted, namesOf(plan.by.schema)];
    case "distinct":
      return [both(wanted, plan.subset)];
    case "explode":
      return [both(wanted, plan.columns)];
    case "require":
      return [alsoRead(wanted, conditionExprs(plan.condition))];
    case "union":
      return plan.inputs.map(() => wanted);
    case "hconcat":
      return plan.inputs.map((input) => namesOf(offered(input.schema, wanted)));
    case "row_index":
      return [new Set([...wanted].filter((name) => name !== plan.name))];
    case "lookup": {
      const made = new Set(plan.outputs.map((o) => o.name));
      const rest = [...wanted].filter((name) => !made.has(name));
      return [both(rest, rest.length === wanted.size ? [] : plan.args)];
    }
    case "window": {
      const functions = plan.functions.filter((f) => wanted.has(f.name));
      const own = namesOf(plan.input.schema);
      const kept = [...wanted].filter((name) => own.has(name));
      return [functions.length === 0 ? new Set(kept) : alsoRead(new Set(kept), expressions({ ...plan, functions }))];
    }
  }
}

/** What the wanted outputs of a join and its keys read of each side. */
function sidesRead(
  { output }: Pick<Join, "output">,
  wanted: Names,
  leftKeys: readonly Expr[],
  rightKeys: readonly Expr[],
): readonly [Names, Names] {
  const outputs = output.filter((o) => wanted.has(o.name));
  const side = (keys: readonly Expr[], names: readonly (string | null)[]): Names =>
    alsoRead(new Set(names.filter((n) => n !== null)), keys);
  return [
    side(
      leftKeys,
      outputs.map((o) => o.left),
    ),
    side(
      rightKeys,
      outputs.map((o) => o.right),
    ),
  ];
}

/** The node over pruned inputs; it may offer more than what is wanted, in the old order. */
function prune(plan: Plan, wanted: Names, inputs: readonly Plan[]): Plan {
  const exact = inputDemands(plan, wanted);
  const narrow = inputs.map((input, i) => narrowed(input, exact[i] ?? new Set()));
  const [input] = inputs;
  const [only] = narrow;
  switch (plan.kind) {
    case "scan":
    case "frame": {
      const schema = offered(plan.schema, wanted);
      return schema.length === plan.schema.length ? plan : { ...plan, schema };
    }
    case "cpu":
      return { ...plan, inputs: narrow };
    case "project":
      return input === undefined ? plan : pruneProject(plan, wanted, input);
    case "filter":
      return input === undefined ? plan : { ...plan, input, schema: input.schema };
    case "slice":
    case "gather":
    case "sort":
    case "distinct":
      return only === undefined ? plan : { ...plan, input: only, schema: only.schema };
    case "gather_by": {
      const [values, by] = narrow;
      return values === undefined || by === undefined ? plan : { ...plan, input: values, by, schema: values.schema };
    }
    case "require":
      return input === undefined ? plan : { ...plan, input, schema: input.schema };
    case "explode":
      return only === undefined ? plan : { ...plan, input: only, schema: offered(plan.schema, namesOf(only.schema)) };
    case "aggregate":
      return input === undefined ? plan : pruneAggregate(plan, wanted, input);
    case "join":
    case "asof_join":
    case "range_join":
      return pruneJoin(plan, wanted, narrow);
    case "union":
      return pruneUnion(plan, narrow);
    case "hconcat":
      return pruneHConcat(plan, narrow);
    case "row_index":
      return input === undefined ? plan : pruneRowIndex(plan, wanted, input);
    case "lookup":
      return input === undefined ? plan : pruneLookup(plan, wanted, input);
    case "window":
      return input === undefined ? plan : pruneWindow(plan, wanted, input);
  }
}

/** Exactly the wanted columns of `plan`, in its order. */
function narrowed(plan: Plan, wanted: Names): Plan {
  const schema = offered(plan.schema, wanted);
  if (schema.length === plan.schema.length) return plan;
  return { kind: "project", input: plan, exprs: columnsOfSchema(schema), schema };
}

/** Without a wanted column the rows of the input do. */
function pruneProject(plan: Project, wanted: Names, input: Plan): Plan {
  const exprs = plan.exprs.filter((e) => wanted.has(e.name));
  return exprs.length === 0 ? input : { ...plan, input, exprs, schema: offered(plan.schema, wanted) };
}

function pruneAggregate(plan: Aggregate, wanted: Names, input: Plan): Plan {
  const aggregates = plan.aggregates.filter((a) => wanted.has(a.name));
  const kept = both(
    wanted,
    plan.keys.map((k) => k.name),
  );
  return { ...plan, input, aggregates, schema: offered(plan.schema, kept) };
}

function pruneJoin(plan: Join | AsofJoin | RangeJoin, wanted: Names, [left, right]: readonly Plan[]): Plan {
  if (left === undefined || right === undefined) return plan;
  return { ...plan, left, right, output: plan.output.filter((o) => wanted.has(o.name)), schema: offered(plan.schema, wanted) };
}

const pruneUnion = (plan: Union, inputs: readonly Plan[]): Plan => ({ ...plan, inputs, schema: inputs[0]?.schema ?? plan.schema });

const pruneHConcat = (plan: HConcat, inputs: readonly Plan[]): Plan => ({ ...plan, inputs, schema: inputs.flatMap((i) => i.schema) });

function pruneRowIndex(plan: RowIndex, wanted: Names, input: Plan): Plan {
  if (!wanted.has(plan.name)) return input;
  return { ...plan, input, schema: [...plan.schema.filter((f) => f.name === plan.name), ...input.schema] };
}

function pruneLookup(plan: Lookup, wanted: Names, input: Plan): Plan {
  const outputs = plan.outputs.filter((o) => wanted.has(o.name));
  const made: Schema = outputs.map(({ name, dtype }) => ({ name, dtype }));
  return outputs.length === 0 ? input : { ...plan, input, outputs, schema: [...input.schema, ...made] };
}

function pruneWindow(plan: Window, wanted: Names, input: Plan): Plan {
  const functions = plan.functions.filter((f) => wanted.has(f.name));
  if (functions.length === 0) return input;
  return { ...plan, input, functions, schema: [...input.schema, ...functions.map((f) => ({ name: f.name, dtype: f.call.dtype }))] };
}
