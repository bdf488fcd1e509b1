/** Aggregates and window functions among row-wise expressions: the input gets a column for each, and its rows stay as they are. */

import type { Expr, NamedExpr, SortKey } from "../../ir/expr.ts";
import { column, columnsOf, describeExpr, named } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import { fieldsOf } from "../../ir/projection.ts";
import type { NamedWindow, WindowCall } from "../../ir/windows.ts";
import { describeWindow } from "../../ir/windows.ts";
import { AggregateSet } from "../expr/aggregates.ts";
import type { AggregateTarget, Grouping } from "../expr/translator.ts";

/** Prefix of generated columns: no user column starts with it. */
const MARK = "\u0001";

interface Groups {
  readonly keys: readonly Expr[];
  readonly set: AggregateSet;
}

interface Segments {
  readonly partitionBy: readonly Expr[];
  readonly orderBy: readonly SortKey[];
  readonly functions: NamedWindow[];
}

/** What is seen where: the rows of groups, in an order; `divisible`: with groups of their own inside. */
interface View extends Pick<AggregateTarget, "scalars" | "grouping"> {
  readonly keys: readonly Expr[];
  readonly order: readonly SortKey[];
  readonly divisible: boolean;
}

/** Collects the aggregates and window functions of one node; they may read each other. */
export class WindowTarget {
  readonly #whole = new AggregateSet(`${MARK}all`);
  readonly #groups = new Map<string, Groups>();
  readonly #segments = new Map<string, Segments>();
  #functions = 0;

  /** All rows are one group. */
  rows(): AggregateTarget {
    return this.#view({ keys: [], grouping: "none", order: [], scalars: "constants and aggregates", divisible: true });
  }

  /** Each group by itself; nothing inside can have groups of its own. */
  groups(keys: readonly Expr[], grouping: Grouping = "apart"): AggregateTarget {
    return this.#view({ keys, grouping, order: [], scalars: "constants and aggregates", divisible: false });
  }

  #view({ keys, grouping, order, scalars, divisible }: View): AggregateTarget {
    const partitionBy = keys.filter((k) => columnsOf([k]).size > 0);
    const view: AggregateTarget = {
      set: this.#set(partitionBy),
      rowsVisible: true,
      grouping: partitionBy.length === 0 ? "none" : grouping,
      scalars,
      below: () => view,
      window: {
        keys: partitionBy,
        order,
        add: (call, by, within) => this.#add(within, by, call),
      },
      over: divisible
        ? (inner, innerOrder) => this.#view({ keys: inner, grouping: "apart", order: innerOrder, scalars: "constants", divisible: false })
        : null,
    };
    return view;
  }

  #set(keys: readonly Expr[]): AggregateSet {
    if (keys.length === 0) return this.#whole;
    const text = keys.map(describeExpr).join(",");
    const known = this.#groups.get(text);
    if (known !== undefined) return known.set;
    const set = new AggregateSet(`${MARK}w${this.#groups.size}.`);
    this.#groups.set(text, { keys, set });
    return set;
  }

  #add(partitionBy: readonly Expr[], orderBy: readonly SortKey[], call: WindowCall): Expr {
    const text = JSON.stringify([partitionBy.map(describeExpr), orderBy.map((k) => [describeExpr(k.expr), k.descending, k.nullsLast])]);
    const segments = this.#segments.get(text) ?? { partitionBy, orderBy, functions: [] };
    this.#segments.set(text, segments);
    const known = segments.functions.find((f) => describeWindow(f.call) === describeWindow(call));
    const name = known?.name ?? `${MARK}f${this.#functions++}`;
    if (known === undefined) segments.functions.push({ name, call });
    return column(name, call.dtype);
  }

  /**
   * The input with a column for each aggregate and window function; row order and number of rows stay. Round by round: each computes what
   * reads only columns that are there.
   */
  extend(input: Plan): Plan {
    let extended = input;
    const pending = new Pending(this.#whole, [...this.#groups.values()], [...this.#segments.values()]);
    while (!pending.isEmpty) {
      const base = extended;
      const there = new Set(base.schema.map((f) => f.name));
      const ready = (exprs: Iterable<Expr>): boolean => [...columnsOf(exprs)].every((name) => there.has(name));
      for (const { keys, aggregates } of pending.takeAggregates(ready)) {
        const names = keys.map((k, i) => named(`${MARK}key${i}`, k));
        extended = joined(
          extended,
          aggregateNode(base, names, aggregates),
          keys,
          names.map((n) => column(n.name, n.expr.dtype)),
        );
      }
      for (const segments of pending.takeWindows(ready)) extended = windowed(extended, segments);
    }
    return extended;
  }
}

/** What is not in the plan yet. */
class Pending {
  #groups: readonly { readonly keys: readonly Expr[]; readonly aggregates: readonly NamedExpr[] }[];
  #segments: readonly Segments[];

  constructor(whole: AggregateSet, groups: readonly Groups[], segments: readonly Segments[]) {
    this.#groups = [{ keys: [], set: whole }, ...groups].map(({ keys, set }) => ({ keys, aggregates: set.aggregates }));
    this.#segments = segments;
  }

  get isEmpty(): boolean {
    return this.#groups.every((g) => g.aggregates.length === 0) && this.#segments.every((s) => s.functions.length === 0);
  }

  takeAggregates(ready: (exprs: Iterable<Expr>) => boolean) {
    const split = this.#groups.map(({ keys, aggregates }) => {
      const [now, later] = divided(aggregates, (a) => ready([...keys, a.expr]));
      return { keys, now, later };
    });
    this.#groups = split.map(({ keys, later }) => ({ keys, aggregates: later }));
    return split.filter((s) => s.now.length > 0).map(({ keys, now }) => ({ keys, aggregates: now }));
  }

  takeWindows(ready: (exprs: Iterable<Expr>) => boolean): readonly Segments[] {
    const split = this.#segments.map((s) => {
      const [now, later] = divided(s.functions, (f) => ready([...s.partitionBy, ...s.orderBy.map((k) => k.expr), ...f.call.args]));
      return { now: { ...s, functions: now }, later: { ...s, functions: later } };
    });
    this.#segments = split.map((s) => s.later);
    return split.map((s) => s.now).filter((s) => s.functions.length > 0);
  }
}

const divided = <T>(items: readonly T[], belongs: (item: T) => boolean): readonly [T[], T[]] => [
  items.filter(belongs),
  items.filter((item) => !belongs(item)),
];

const windowed = (input: Plan, { partitionBy, orderBy, functions }: Segments): Plan => ({
  kind: "window",
  input,
  partitionBy,
  orderBy,
  functions,
  schema: [...input.schema, ...functions.map((f) => ({ name: f.name, dtype: f.call.dtype }))],
});

export const aggregated = (input: Plan, keys: readonly NamedExpr[], set: AggregateSet): Plan => aggregateNode(input, keys, set.aggregates);

export const aggregateNode = (input: Plan, keys: readonly NamedExpr[], aggregates: readonly NamedExpr[]): Plan => ({
  kind: "aggregate",
  input,
  keys,
  aggregates,
  schema: fieldsOf([...keys, ...aggregates]),
});

/** Each row of `left` beside each row of `right`. */
export const crossed = (left: Plan, right: Plan): Plan => joined(left, right, [], []);

/** The left rows beside the right row of equal keys, null being equal to null; right keys are unique and come first. */
export function joined(left: Plan, right: Plan, leftOn: readonly Expr[], rightOn: readonly Expr[]): Plan {
  const added = right.schema.slice(rightOn.length);
  return {
    kind: "join",
    left,
    right,
    leftOn,
    rightOn,
    how: leftOn.length === 0 ? "cross" : "left",
    nullsEqual: true,
    ordered: true,
    output: [
      ...left.schema.map((f) => ({ name: f.name, from: "left", left: f.name, right: null }) as const),
      ...added.map((f) => ({ name: f.name, from: "right", left: null, right: f.name }) as const),
    ],
    schema: [...left.schema, ...added],
  };
}
