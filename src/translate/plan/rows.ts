/**
 * Expressions that change the number of rows: each becomes nodes over a projection of its inputs, and what stands around it is projected
 * afterwards. Outputs with rows of their own stand side by side; where their numbers differ, polars has the error.
 */

import { column, named } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import type { DslExpr } from "../../polars/dsl.ts";
import { tagOf } from "../../polars/dsl.ts";
import { exactText } from "../../polars/dsl-text.ts";
import { hasOneValue, isAggregate } from "../expr/aggregates.ts";
import { columnName, exprInputs, mapInputs } from "../expr/tree.ts";
import type { Scope } from "../scope.ts";
import { scopeOver } from "../scope.ts";
import { project } from "./plan-nodes.ts";
import { changeOf } from "./row-changes.ts";
import { crossed } from "./windows.ts";

/** Expressions that keep the rows of `input`, or that all are one value where `mayCollapse`, as a plan of these columns. */
export type KeepingRows = (scope: Scope, input: Plan, exprs: readonly DslExpr[], mayCollapse: boolean) => Plan | null;

/** A column of the outcome by name, with the expression that gives it. */
export interface Part {
  readonly name: string;
  readonly expr: DslExpr;
}

const isAggregateOrWindow = (expr: DslExpr): boolean => isAggregate(expr) || tagOf(expr)?.[0] === "Over";

/** Whether the expression has other rows than its columns. */
export const changesRows = (expr: DslExpr): boolean =>
  !isAggregateOrWindow(expr) && (changeOf(expr) !== null || exprInputs(expr).some(changesRows));

/** The rows that the expression has, as a text: equal texts, equal rows. "": those of the input; "1": one value. */
function rowsKey(expr: DslExpr): string {
  if (!changesRows(expr)) return hasOneValue(expr) ? "1" : "";
  const change = changeOf(expr);
  if (change === null) return [...new Set(exprInputs(expr).map(rowsKey))].toSorted().join("+");
  return `${change.key}(${change.value === null ? "" : change.rides ? rowsKey(change.value) : exactText(change.value)})`;
}

const aliased = ({ name, expr }: Part): DslExpr => ({ Alias: [expr, name] });

export class RowPlanner {
  readonly #scope: Scope;
  readonly #input: Plan;
  readonly #keeping: KeepingRows;
  #next = 0;

  constructor(scope: Scope, input: Plan, keeping: KeepingRows) {
    this.#scope = scope;
    this.#input = input;
    this.#keeping = keeping;
  }

  /** The parts as columns, in order; null where one has no GPU form, the scope having the reason. */
  plan(parts: readonly Part[]): Plan | null {
    if (!parts.some((p) => changesRows(p.expr))) return this.#keeping(this.#scope, this.#input, parts.map(aliased), true);
    const pieces: Part[] = [];
    const outer: Part[] = [];
    for (const { name, expr } of parts) {
      const around = changesRows(expr) ? this.#lifted(expr, pieces) : this.#piece(expr, pieces);
      if (around === null) return null;
      outer.push({ name, expr: around });
    }
    const combined = this.#combined(pieces);
    return combined === null ? null : this.#around(combined, outer);
  }

  /** The expression over columns: what changes rows, and each column beside it, becomes a piece. */
  #lifted(expr: DslExpr, pieces: Part[]): DslExpr | null {
    if (isAggregate(expr)) return this.#scope.unsupported("an aggregate beside an expression that changes the number of rows");
    if (changeOf(expr) !== null || columnName(expr) !== null || isAggregateOrWindow(expr)) return this.#piece(expr, pieces);
    let possible = true;
    const lifted = mapInputs(expr, (input) => {
      const made = this.#lifted(input, pieces);
      possible &&= made !== null;
      return made ?? input;
    });
    return possible ? lifted : null;
  }

  #piece(expr: DslExpr, pieces: Part[]): DslExpr {
    const text = exactText(expr);
    let piece = pieces.find((p) => exactText(p.expr) === text);
    if (piece === undefined) {
      piece = { name: this.#name(), expr };
      pieces.push(piece);
    }
    return { Column: piece.name };
  }

  #name(): string {
    return `\u0001r${this.#next++}`;
  }

  /** Pieces with the same rows come from one plan; single values are repeated. */
  #combined(pieces: readonly Part[]): Plan | null {
    const sources = new Map<string, Part[]>();
    for (const piece of pieces) {
      const key = rowsKey(piece.expr);
      sources.set(key, [...(sources.get(key) ?? []), piece]);
    }
    const single = sources.get("1") ?? [];
    sources.delete("1");
    const plans = [...sources].map(([key, own]) =>
      key === "" ? this.#keeping(this.#scope, this.#input, own.map(aliased), false) : this.#changed(own),
    );
    const one = single.length === 0 ? null : this.#keeping(this.#scope, this.#input, single.map(aliased), true);
    const known = plans.filter((p) => p !== null);
    const [first] = known;
    if (known.length !== plans.length || first === undefined || (single.length > 0 && one === null)) return null;
    const rows: Plan =
      known.length === 1 ? first : { kind: "hconcat", inputs: known, lengths: "equal", schema: known.flatMap((p) => p.schema) };
    return one === null ? rows : crossed(rows, one);
  }

  /** Pieces that change the rows of their values in the same way. */
  #changed(pieces: readonly Part[]): Plan | null {
    const changes = pieces.map((p) => changeOf(p.expr));
    const [first] = changes;
    if (first === undefined || first === null) return null;
    const values = pieces.flatMap(({ name }, i) => {
      const value = changes[i]?.value ?? null;
      return value === null ? [] : [{ name, expr: value }];
    });
    const extra = first.beside.map((expr) => ({ name: this.#name(), expr }));
    const input = this.plan([...values, ...extra]);
    if (input === null) return null;
    return first.apply({
      scope: this.#scope,
      input,
      values: values.map((v) => v.name),
      beside: extra.map((e) => e.name),
      name: () => this.#name(),
      apart: (expr) => this.plan([{ name: this.#name(), expr }]),
    });
  }

  #around(input: Plan, outer: readonly Part[]): Plan | null {
    const plain = outer.map(({ name, expr }) => {
      const field = input.schema.find((f) => f.name === columnName(expr));
      return field === undefined ? null : named(name, column(field.name, field.dtype));
    });
    const known = plain.filter((e) => e !== null);
    if (known.length === plain.length) return project(input, known);
    const scope = scopeOver(this.#scope, input.schema);
    if (scope === null) return this.#scope.unsupported("polars does not know the columns of an expression that changes rows");
    const plan = this.#keeping(scope, input, outer.map(aliased), false);
    for (const reason of scope.reasons) this.#scope.unsupported(reason);
    return plan;
  }
}
