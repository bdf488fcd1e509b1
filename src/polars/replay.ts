/** Builds a DSL plan by calling polars' own methods on its inputs: no data is copied. */
import { exprFromDsl, planFromDsl } from "./composing.ts";
import {
  type DslExpr,
  type DslObject,
  type DslPlan,
  type DslValue,
  isList,
  isObject,
  type PlanPayloads,
  planInputs,
  tagOf,
} from "./dsl.ts";
import type { NativeExpr, NativeLazyFrame, NativePolars } from "./native.ts";

/**
 * The plan over `leaf(id)` for each `{ Source: id }`, or undefined where a node has no method that makes it. The methods know fewer options
 * than the DSL: the caller must compare what was built with what was wanted.
 */
export function replay(native: NativePolars, plan: DslPlan, leaf: (id: number) => NativeLazyFrame): NativeLazyFrame | undefined {
  return new Replay(native, leaf).plan(plan);
}

const KEEP = { First: "first", Last: "last", None: "none", Any: "any" } as const;
const COALESCE = { CoalesceColumns: true, KeepColumns: false, JoinSpecific: undefined } as const;
const ORDER = { None: undefined, Left: "left", Right: "right", LeftRight: "left_right", RightLeft: "right_left" } as const;

const STATS: Readonly<Record<string, (input: NativeLazyFrame) => NativeLazyFrame>> = {
  Min: (input) => input.min(),
  Max: (input) => input.max(),
  Sum: (input) => input.sum(),
  Mean: (input) => input.mean(),
  Median: (input) => input.median(),
};

class Replay {
  private readonly native: NativePolars;
  private readonly leaf: (id: number) => NativeLazyFrame;
  /** A cache node that is used twice must stay one. */
  private readonly caches = new Map<string, NativeLazyFrame>();

  constructor(native: NativePolars, leaf: (id: number) => NativeLazyFrame) {
    this.native = native;
    this.leaf = leaf;
  }

  plan(plan: DslPlan): NativeLazyFrame | undefined {
    if ("Source" in plan) return this.leaf(plan.Source);
    if ("Scan" in plan) return planFromDsl(this.native, plan);
    if ("Cache" in plan) return this.cache(plan.Cache);
    const inputs = planInputs(plan).map((input) => this.plan(input));
    const known = inputs.filter((input) => input !== undefined);
    const [first, second] = known;
    if (first === undefined || known.length !== inputs.length) return undefined;
    if ("Filter" in plan) return first.filter(this.expr(plan.Filter.predicate));
    if ("Select" in plan) return first.select(this.exprs(plan.Select.expr));
    if ("HStack" in plan) return first.withColumns(this.exprs(plan.HStack.exprs));
    if ("GroupBy" in plan)
      return first.groupby(this.exprs(plan.GroupBy.keys), plan.GroupBy.maintain_order).agg(this.exprs(plan.GroupBy.aggs));
    if ("Join" in plan) return second === undefined ? undefined : this.join(plan.Join, first, second);
    if ("Sort" in plan) return this.sort(plan.Sort, first);
    if ("Slice" in plan) return first.slice(Number(plan.Slice.offset), plan.Slice.len);
    if ("Distinct" in plan) return distinct(plan.Distinct, first);
    if ("MapFunction" in plan) return this.map(plan.MapFunction, first);
    if ("Union" in plan) {
      const { diagonal, rechunk, parallel, to_supertypes, maintain_order } = plan.Union.args;
      return this.native.concatLf(known, diagonal ? "diagonal" : "vertical", rechunk, parallel, to_supertypes, maintain_order);
    }
    if ("HConcat" in plan) return this.native.concatLf(known, "horizontal", false, plan.HConcat.options.parallel, true, true);
    return undefined;
  }

  private expr(expr: DslExpr): NativeExpr {
    return exprFromDsl(this.native, expr);
  }

  private exprs(exprs: readonly DslExpr[]): readonly NativeExpr[] {
    return exprs.map((expr) => this.expr(expr));
  }

  private cache({ input, id }: PlanPayloads["Cache"]): NativeLazyFrame | undefined {
    const known = this.caches.get(id) ?? this.plan(input)?.cache();
    if (known !== undefined) this.caches.set(id, known);
    return known;
  }

  private join(
    { left_on, right_on, options }: PlanPayloads["Join"],
    left: NativeLazyFrame,
    right: NativeLazyFrame,
  ): NativeLazyFrame | undefined {
    const { allow_parallel, force_parallel, args } = options;
    const { how, suffix, coalesce, nulls_equal, maintain_order } = args;
    if (typeof how !== "string" || suffix === null) return undefined;
    const [onLeft, onRight] = [this.exprs(left_on), this.exprs(right_on)];
    return left.join(
      right,
      onLeft,
      onRight,
      allow_parallel,
      force_parallel,
      how.toLowerCase(),
      suffix,
      COALESCE[coalesce],
      undefined,
      nulls_equal,
      ORDER[maintain_order],
      undefined,
    );
  }

  private sort({ by_column, sort_options: options }: PlanPayloads["Sort"], input: NativeLazyFrame): NativeLazyFrame {
    return input.sortByExprs(this.exprs(by_column), options.descending, options.nulls_last, options.maintain_order, options.multithreaded);
  }

  private map({ function: node }: PlanPayloads["MapFunction"], input: NativeLazyFrame): NativeLazyFrame | undefined {
    const [name, options] = tagOf(node) ?? [];
    if (name === "Stats" && typeof options === "string") return STATS[options]?.(input);
    if (!isObject(options)) return undefined;
    if (name === "FillNan") return input.fillNan(this.expr(options));
    if (name === "RowIndex" && typeof options.name === "string") return input.withRowIndex(options.name, Number(options.offset));
    if (name === "Explode" && isObject(options.columns)) return input.explode([this.expr({ Selector: withoutEmpty(options.columns) })]);
    if (name === "Rename") return input.rename(strings(options.existing), strings(options.new));
    return undefined;
  }
}

function distinct({ options }: PlanPayloads["Distinct"], input: NativeLazyFrame): NativeLazyFrame | undefined {
  const keep = KEEP[options.keep_strategy];
  if (options.subset === null) return input.unique(null, keep, options.maintain_order);
  const names = options.subset.flatMap(namesIn);
  return names.length === 0 ? undefined : input.unique(names, keep, options.maintain_order);
}

/** Names that an expression of a subset lists; empty for anything but names. */
function namesIn(expr: DslExpr): readonly string[] {
  const [name, payload] = tagOf(expr) ?? [];
  if (name === "Column" && typeof payload === "string") return [payload];
  const [selector, options] = name === "Selector" ? (tagOf(payload) ?? []) : [];
  return selector === "ByName" && isObject(options) ? strings(options.names) : [];
}

/** The method unites its columns with the empty selector once more. */
function withoutEmpty(selector: DslObject): DslValue {
  const [name, sides] = tagOf(selector) ?? [];
  return name === "Union" && isList(sides) && sides[0] === "Empty" ? (sides[1] ?? null) : selector;
}

function strings(value: DslValue | undefined): readonly string[] {
  return isList(value) ? value.filter((item) => typeof item === "string") : [];
}
