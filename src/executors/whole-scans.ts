/** Predicates of scans that the device applies itself, where reading all rows is faster than having CPU polars drop some of them. */

import { columnsOf } from "../ir/expr.ts";
import { combined, filtered } from "../ir/optimize/conjuncts.ts";
import type { Plan, Scan } from "../ir/plan.ts";
import { columnsOfSchema } from "../ir/projection.ts";
import { postorder, rewriteBottomUp } from "../ir/traversal.ts";
import type { Sources } from "./context.ts";

/** The plan with filters over those scans in place of their predicates. */
export async function withWholeScans(plan: Plan, sources: Sources): Promise<Plan> {
  const whole = new Map<Plan, Plan>();
  for (const node of postorder(plan)) {
    if (node.kind !== "scan" || node.predicate === null) continue;
    const scan = wholeScan(node);
    if (await sources.readsWhole(scan, node.predicate)) whole.set(node, under(node, scan));
  }
  return whole.size === 0 ? plan : rewriteBottomUp(plan, (node, original) => whole.get(original) ?? node);
}

/** Without its predicate, with the predicate's columns. */
function wholeScan(scan: Scan): Scan {
  const needed = scan.predicate === null ? new Set<string>() : columnsOf([scan.predicate]);
  const wanted = new Set([...scan.schema.map(({ name }) => name), ...needed]);
  return { ...scan, predicate: null, schema: scan.fileSchema.filter(({ name }) => wanted.has(name)) };
}

function under({ predicate, schema }: Scan, whole: Scan): Plan {
  const rows = filtered(whole, predicate === null ? [] : [combined("and", [predicate])]);
  return { kind: "project", input: rows, exprs: columnsOfSchema(schema), schema };
}
