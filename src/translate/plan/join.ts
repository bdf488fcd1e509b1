/** Join: keys on a common dtype, output columns as polars names them. */

import type { Expr } from "../../ir/expr.ts";
import { column } from "../../ir/expr.ts";
import type { Join, JoinKind, JoinOutput, Plan } from "../../ir/plan.ts";
import { columnsOfSchema } from "../../ir/projection.ts";
import { sameDType } from "../../ir/schema.ts";
import type { DslPlan, JoinArgs } from "../../polars/dsl.ts";
import { tag } from "../../polars/dsl.ts";
import { ExprTranslator } from "../expr/translator.ts";
import { columnName } from "../expr/tree.ts";
import { asofJoin } from "./asof-join.ts";
import { commonKey } from "./join-keys.ts";
import { LookupSet } from "./lookups.ts";
import type { NodeContext } from "./node.ts";
import { numbered, project } from "./plan-nodes.ts";

const KINDS: Readonly<Record<string, JoinKind>> = {
  Inner: "inner",
  Left: "left",
  Right: "right",
  Full: "full",
  Semi: "semi",
  Anti: "anti",
  Cross: "cross",
};

/** Kinds whose rows come in any order unless one is asked for. */
const UNORDERED: ReadonlySet<JoinKind> = new Set(["inner", "cross"]);

/** The side by whose rows the result has to be sorted, where it comes in another order; null where that order will do. */
function sortedSide(how: JoinKind, order: JoinArgs["maintain_order"]): "left" | "right" | null {
  if (how === "semi" || how === "anti" || order === "None") return null;
  const wanted = order === "Left" || order === "LeftRight" ? "left" : "right";
  return wanted === (how === "right" ? "right" : "left") ? null : wanted;
}

/** Name of the row numbers that the result is sorted by. */
const ROW = { name: "\u0001join row", dtype: { kind: "UInt32" } } as const;

/** The join sorted by the rows of one side; the rows that this side has no part in come last, all else in the order of the other side. */
function inOrderOf(join: Join, side: "left" | "right"): Plan {
  const row: JoinOutput = {
    name: ROW.name,
    from: side,
    left: side === "left" ? ROW.name : null,
    right: side === "right" ? ROW.name : null,
  };
  const input: Join = {
    ...join,
    ordered: true,
    [side]: numbered(join[side], ROW.name),
    output: [row, ...join.output],
    schema: [ROW, ...join.schema],
  };
  const by = [{ expr: column(ROW.name, ROW.dtype), descending: false, nullsLast: true }];
  const exprs = columnsOfSchema(join.schema);
  return project({ kind: "sort", input, by, limit: null, schema: input.schema }, exprs, join.schema);
}

export function join(dsl: DslPlan, context: NodeContext): Plan | null {
  const [left, right] = context.inputs;
  const [leftScope, rightScope] = context.scopes;
  if (!("Join" in dsl) || left === undefined || right === undefined || leftScope === undefined || rightScope === undefined) return null;
  const { left_on, right_on, predicates, options } = dsl.Join;
  const { args } = options;
  const [kind, settings] = tag(args.how);
  if (kind === "AsOf") return asofJoin(dsl, context, settings);
  const how = KINDS[kind];
  if (how === undefined) return context.unsupported(`a join of kind ${kind} has no kernel`);
  if (predicates.length > 0) context.unsupported("a join on inequalities");
  if (args.slice !== null) context.unsupported("a join with a slice");
  const [leftLookups, rightLookups] = [new LookupSet(), new LookupSet()];
  const leftKeys = new ExprTranslator(leftScope, null, leftLookups);
  const rightKeys = new ExprTranslator(rightScope, null, rightLookups);
  const keys = left_on.map((l, i) => commonKey(leftScope, rightScope, leftKeys.translate(l), rightKeys.translate(right_on[i] ?? l)));
  const known = keys.filter((k) => k !== null);
  if (known.length !== keys.length) return null;
  const names = { left: left_on.map(columnName), right: right_on.map(columnName) };
  const output = outputsOf(context, how, left, right, names, args);
  if (output === null) return null;
  const [leftOn, rightOn] = [known.map((k) => k.left), known.map((k) => k.right)];
  const made: Join = {
    kind: "join",
    left: validated(leftLookups.extend(left), leftOn, args.validation.startsWith("OneTo")),
    right: validated(rightLookups.extend(right), rightOn, args.validation.endsWith("ToOne")),
    leftOn,
    rightOn,
    how,
    nullsEqual: args.nulls_equal,
    ordered: !UNORDERED.has(how) || args.maintain_order !== "None",
    output,
    schema: context.schema,
  };
  const side = sortedSide(how, args.maintain_order);
  return side === null ? made : inOrderOf(made, side);
}

/** The input whose keys must not repeat: polars has the error where they do. */
const validated = (input: Plan, by: readonly Expr[], unique: boolean): Plan =>
  unique ? { kind: "require", input, condition: { kind: "unique", by }, schema: input.schema } : input;

/** Kinds whose keys are coalesced unless the user says no: the side whose key columns are then left out. */
const COALESCED: Partial<Record<JoinKind, "left" | "right">> = { inner: "right", left: "right", right: "left" };

/** The side whose key columns are not in the output, where all keys are plain columns: computed keys are never coalesced. */
function droppedSide(how: JoinKind, coalesce: JoinArgs["coalesce"]): "left" | "right" | null {
  if (how === "full") return coalesce === "CoalesceColumns" ? "right" : null;
  return coalesce === "KeepColumns" ? null : (COALESCED[how] ?? null);
}

/** Follows polars' output columns: left ones in order, then right ones, keys that are coalesced away being left out. */
function outputsOf(
  context: NodeContext,
  how: JoinKind,
  left: Plan,
  right: Plan,
  names: { readonly left: readonly (string | null)[]; readonly right: readonly (string | null)[] },
  args: JoinArgs,
): readonly JoinOutput[] | null {
  const suffix = args.suffix ?? "_right";
  const outputs: JoinOutput[] = [];
  const taken = new Set<string>();
  let next = 0;
  const dropped = [...names.left, ...names.right].includes(null) ? null : droppedSide(how, args.coalesce);
  const take = (from: "left" | "right", column: string, as: string): boolean => {
    if (dropped === from && names[from].includes(column)) return true;
    if (context.schema[next]?.name !== as) return false;
    const pair = how === "full" && from === "left" && dropped === "right" ? names.left.indexOf(column) : -1;
    const other = pair < 0 ? null : (names.right[pair] ?? null);
    outputs.push(
      other === null
        ? { name: as, from, left: from === "left" ? column : null, right: from === "right" ? column : null }
        : { name: as, from: "coalesce", left: column, right: other },
    );
    taken.add(as);
    next += 1;
    return true;
  };
  for (const field of left.schema) if (!take("left", field.name, field.name)) return mismatch(context, field.name);
  if (how !== "semi" && how !== "anti") {
    for (const field of right.schema) {
      const as = taken.has(field.name) ? `${field.name}${suffix}` : field.name;
      if (!take("right", field.name, as)) return mismatch(context, field.name);
    }
  }
  if (next !== context.schema.length) return mismatch(context, context.schema[next]?.name ?? "");
  const typed = outputs.every((o, i) => {
    const side = o.from === "right" ? right : left;
    const found = side.schema.find((f) => f.name === (o.from === "right" ? o.right : o.left));
    const field = context.schema[i];
    return found !== undefined && field !== undefined && sameDType(found.dtype, field.dtype);
  });
  return typed ? outputs : context.unsupported("a join that changes the dtype of its keys");
}

const mismatch = (context: NodeContext, name: string): null =>
  context.unsupported(`a join whose output columns are not understood (at ${JSON.stringify(name)})`);
