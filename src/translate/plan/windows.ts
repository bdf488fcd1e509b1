/** Aggregates among row-wise expressions: they become joins of the input with what it is aggregated to. */

import type { Expr, NamedExpr } from "../../ir/expr.ts";
import { column, describeExpr, named } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import { AggregateSet } from "../expr/aggregates.ts";
import type { AggregateTarget } from "../expr/translator.ts";

/** Prefix of generated columns: no user column starts with it. */
const MARK = "\u0001";

interface Window {
  readonly keys: readonly Expr[];
  readonly set: AggregateSet;
}

/** Collects the aggregates and windows of one node. */
export class WindowTarget implements AggregateTarget {
  readonly rowsVisible = true;
  readonly scalars = "constants and aggregates";
  readonly whole = new AggregateSet(`${MARK}all`);
  readonly #windows = new Map<string, Window>();

  over(keys: readonly Expr[]): AggregateSet {
    const text = keys.map(describeExpr).join(",");
    let window = this.#windows.get(text);
    if (window === undefined) {
      window = { keys, set: new AggregateSet(`${MARK}w${this.#windows.size}.`) };
      this.#windows.set(text, window);
    }
    return window.set;
  }

  get isEmpty(): boolean {
    return this.whole.aggregates.length === 0 && this.#windows.size === 0;
  }

  /** The input with a column for each aggregate; row order and number of rows stay. */
  extend(input: Plan): Plan {
    let extended = input;
    if (this.whole.aggregates.length > 0) extended = joined(extended, aggregated(input, [], this.whole), [], []);
    for (const { keys, set } of this.#windows.values()) {
      const names = keys.map((k, i) => named(`${MARK}key${i}`, k));
      extended = joined(
        extended,
        aggregated(input, names, set),
        keys,
        names.map((n) => column(n.name, n.expr.dtype)),
      );
    }
    return extended;
  }
}

const schemaOfNamed = (exprs: readonly NamedExpr[]): Schema => exprs.map((e) => ({ name: e.name, dtype: e.expr.dtype }));

/** The aggregates of a set; those that its own inputs need are joined to the input first. */
export function aggregated(input: Plan, keys: readonly NamedExpr[], set: AggregateSet): Plan {
  if (!set.hasInner) return aggregateNode(input, keys, set.aggregates);
  const names = keys.map((k, i) => named(`${MARK}key${i}`, k.expr));
  const inner = joined(
    input,
    aggregated(input, names, set.inner),
    keys.map((k) => k.expr),
    names.map((n) => column(n.name, n.expr.dtype)),
  );
  return aggregateNode(inner, keys, set.aggregates);
}

export const aggregateNode = (input: Plan, keys: readonly NamedExpr[], aggregates: readonly NamedExpr[]): Plan => ({
  kind: "aggregate",
  input,
  keys,
  aggregates,
  schema: schemaOfNamed([...keys, ...aggregates]),
});

/** Each row of `left` beside each row of `right`. */
export const crossed = (left: Plan, right: Plan): Plan => joined(left, right, [], []);

function joined(left: Plan, right: Plan, leftOn: readonly Expr[], rightOn: readonly Expr[]): Plan {
  const added = right.schema.slice(rightOn.length);
  return {
    kind: "join",
    left,
    right,
    leftOn,
    rightOn,
    how: leftOn.length === 0 ? "cross" : "left",
    nullsEqual: true,
    output: [
      ...left.schema.map((f) => ({ name: f.name, from: "left", left: f.name, right: null }) as const),
      ...added.map((f) => ({ name: f.name, from: "right", left: null, right: f.name }) as const),
    ],
    schema: [...left.schema, ...added],
  };
}
