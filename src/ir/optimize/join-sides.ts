/** Which side of a join a condition on its output reads. */

import type { Expr } from "../expr.ts";
import { column, columnsOf, substitute } from "../expr.ts";
import type { Join } from "../plan.ts";

/** The condition over the columns of one side, or null where it also reads something else. A constant fits both sides. */
export function onSide(join: Join, side: "left" | "right", condition: Expr): Expr | null {
  const by = new Map<string, Expr>();
  for (const name of columnsOf([condition])) {
    const i = join.output.findIndex((o) => o.name === name);
    const output = join.output[i];
    const source = output?.[side] ?? null;
    const dtype = join.schema[i]?.dtype;
    if (output?.from !== side || source === null || dtype === undefined) return null;
    by.set(name, column(source, dtype));
  }
  return substitute(condition, by);
}
