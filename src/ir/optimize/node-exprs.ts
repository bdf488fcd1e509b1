/** Rewriting the expressions that stand in a node. */

import type { Expr } from "../expr.ts";
import type { Plan } from "../plan.ts";

/** The node with every expression replaced; `f` keeps dtypes, and gets the whole expressions, aggregates included. Unchanged nodes stay. */
export function mapNodeExprs(plan: Plan, f: (expr: Expr) => Expr): Plan {
  switch (plan.kind) {
    case "scan": {
      const predicate = plan.predicate === null ? null : f(plan.predicate);
      return predicate === plan.predicate ? plan : { ...plan, predicate };
    }
    case "project": {
      const exprs = mapInside(plan.exprs, f);
      return exprs === plan.exprs ? plan : { ...plan, exprs };
    }
    case "filter": {
      const predicate = f(plan.predicate);
      return predicate === plan.predicate ? plan : { ...plan, predicate };
    }
    case "sort": {
      const by = mapInside(plan.by, f);
      return by === plan.by ? plan : { ...plan, by };
    }
    case "aggregate": {
      const [keys, aggregates] = [mapInside(plan.keys, f), mapInside(plan.aggregates, f)];
      return keys === plan.keys && aggregates === plan.aggregates ? plan : { ...plan, keys, aggregates };
    }
    case "join": {
      const [leftOn, rightOn] = [mapList(plan.leftOn, f), mapList(plan.rightOn, f)];
      return leftOn === plan.leftOn && rightOn === plan.rightOn ? plan : { ...plan, leftOn, rightOn };
    }
    case "asof_join": {
      const [leftOn, rightOn, leftBy, rightBy] = [f(plan.leftOn), f(plan.rightOn), mapList(plan.leftBy, f), mapList(plan.rightBy, f)];
      const same = leftOn === plan.leftOn && rightOn === plan.rightOn && leftBy === plan.leftBy && rightBy === plan.rightBy;
      return same ? plan : { ...plan, leftOn, rightOn, leftBy, rightBy };
    }
    case "range_join": {
      const [from, to, key, leftBy, rightBy] = [f(plan.from), f(plan.to), f(plan.key), mapList(plan.leftBy, f), mapList(plan.rightBy, f)];
      const same = from === plan.from && to === plan.to && key === plan.key && leftBy === plan.leftBy && rightBy === plan.rightBy;
      return same ? plan : { ...plan, from, to, key, leftBy, rightBy };
    }
    case "window": {
      const [partitionBy, orderBy] = [mapList(plan.partitionBy, f), mapInside(plan.orderBy, f)];
      const functions = mapList(plan.functions, (one) => {
        const args = mapList(one.call.args, f);
        return args === one.call.args ? one : { ...one, call: { ...one.call, args } };
      });
      const same = partitionBy === plan.partitionBy && orderBy === plan.orderBy && functions === plan.functions;
      return same ? plan : { ...plan, partitionBy, orderBy, functions };
    }
    case "require": {
      const { condition } = plan;
      const by = mapList(condition.by, f);
      if (condition.kind === "unique") return by === condition.by ? plan : { ...plan, condition: { ...condition, by } };
      const key = f(condition.key);
      return by === condition.by && key === condition.key ? plan : { ...plan, condition: { ...condition, key, by } };
    }
    default:
      return plan;
  }
}

function mapList<T>(list: readonly T[], f: (item: T) => T): readonly T[] {
  const mapped = list.map(f);
  return mapped.every((item, i) => item === list[i]) ? list : mapped;
}

const mapInside = <T extends { readonly expr: Expr }>(list: readonly T[], f: (expr: Expr) => Expr): readonly T[] =>
  mapList(list, (item) => {
    const expr = f(item.expr);
    return expr === item.expr ? item : { ...item, expr };
  });
