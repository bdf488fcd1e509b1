/** What a plan asks of either side, by its nodes and the sizes of its sources: an estimate, to choose a side by and never for results. */

import { rowBytes } from "../../fallback/partitions.ts";
import type { SourceSize } from "../../fallback/source-size.ts";
import { type Expr, exprChildren } from "../../ir/expr.ts";
import type { Frame, Plan, Scan } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import { postorder } from "../../ir/traversal.ts";

export interface Work {
  /** Nanoseconds of CPU polars on `REFERENCE_THREADS` threads. */
  readonly cpuNs: number;
  /** Times that the host waits for the device. */
  readonly trips: number;
  /** Bytes that kernels read and write. */
  readonly kernelBytes: number;
  /** Bytes that move to the device each time. */
  readonly bytesUp: number;
  /** Bytes that move there once, since they stay. */
  readonly bytesUpOnce: number;
  readonly bytesDown: number;
  /** Nodes of the plan, each of which has kernels to compile. */
  readonly nodes: number;
}

export const REFERENCE_THREADS = 16;

/** Nanoseconds for each row and, where it says so, each expression or column, as CPU polars took them at its fastest on that many threads. */
const CPU = {
  call: 0.35,
  aggregate: 0.8,
  group: 2.5,
  join: 1,
  joinedColumn: 0.3,
  sort: 12,
  distinct: 6,
  window: 8,
  lookup: 20,
  reshaped: 2,
  gathered: 2,
  ordered: 10,
  other: 3,
  /** For each byte that is read from a file. */
  read: 0.3,
} as const;

/** What is left of the rows of a node. */
const KEPT = { filter: 0.5, semi: 0.5, group: 0.2, exploded: 2 } as const;

interface Cost {
  readonly rows: number;
  readonly cpuNs: number;
  readonly trips: number;
  readonly kernelBytes: number;
}

/** Null where a source does not tell its size. */
export function workOf(plan: Plan, sizes: ReadonlyMap<Plan, SourceSize | null>): Work | null {
  const rows = new Map<Plan, number>();
  const nodes = postorder(plan);
  let [cpuNs, trips, kernelBytes, bytesUp, bytesUpOnce] = [0, 1, 0, 0, 0];
  for (const node of nodes) {
    if (node.kind === "frame" || node.kind === "scan") {
      const size = sizes.get(node) ?? null;
      if (size === null) return null;
      const { rows: height, missingBytes, stays } = size;
      rows.set(node, height);
      if (stays) bytesUpOnce += missingBytes;
      else bytesUp += missingBytes;
      if (node.kind === "scan") cpuNs += CPU.read * height * rowBytes(node.schema);
      continue;
    }
    const cost = costOf(node, (input) => rows.get(input) ?? 0);
    rows.set(node, cost.rows);
    cpuNs += cost.cpuNs;
    trips += cost.trips;
    kernelBytes += cost.kernelBytes;
  }
  const bytesDown = (rows.get(plan) ?? 0) * rowBytes(plan.schema);
  return { cpuNs, trips, kernelBytes, bytesUp, bytesUpOnce, bytesDown, nodes: nodes.length };
}

const callsIn = (exprs: readonly Expr[]): number =>
  exprs.reduce((n, expr) => n + (expr.kind === "call" || expr.kind === "lookup" ? 1 : 0) + callsIn(exprChildren(expr)), 0);

const bytesOf = (rows: number, schema: Schema): number => rows * rowBytes(schema);

function costOf(node: Exclude<Plan, Frame | Scan>, rowsOf: (input: Plan) => number): Cost {
  switch (node.kind) {
    case "project": {
      const rows = rowsOf(node.input);
      const calls = callsIn(node.exprs.map((e) => e.expr));
      return { rows, cpuNs: rows * CPU.call * calls, trips: 0, kernelBytes: calls === 0 ? 0 : 2 * bytesOf(rows, node.schema) };
    }
    case "filter": {
      const rows = rowsOf(node.input);
      const kernelBytes = 1.5 * bytesOf(rows, node.input.schema);
      return { rows: KEPT.filter * rows, cpuNs: rows * CPU.call * callsIn([node.predicate]), trips: 1, kernelBytes };
    }
    case "slice": {
      const rows = rowsOf(node.input);
      return { rows: Math.min(rows, node.length ?? rows), cpuNs: 0, trips: 0, kernelBytes: 0 };
    }
    case "sort": {
      const rows = rowsOf(node.input);
      return { rows, cpuNs: rows * CPU.sort, trips: 1, kernelBytes: 200 * rows + 2 * bytesOf(rows, node.schema) };
    }
    case "aggregate": {
      const rows = rowsOf(node.input);
      const cpuNs = rows * (CPU.aggregate * node.aggregates.length + (node.keys.length === 0 ? 0 : CPU.group));
      const kernelBytes = bytesOf(rows, node.input.schema) + 40 * rows;
      return { rows: node.keys.length === 0 ? 1 : Math.ceil(KEPT.group * rows), cpuNs, trips: node.keys.length === 0 ? 0 : 2, kernelBytes };
    }
    case "join": {
      const [left, right] = [rowsOf(node.left), rowsOf(node.right)];
      const rows =
        node.how === "cross" ? left * right : node.how === "semi" || node.how === "anti" ? KEPT.semi * left : Math.max(left, right);
      const cpuNs = CPU.join * (left + right) + CPU.joinedColumn * rows * node.schema.length;
      return { rows, cpuNs, trips: 3, kernelBytes: 60 * (left + right) + 2 * bytesOf(rows, node.schema) };
    }
    case "asof_join":
    case "range_join": {
      const [left, right] = [rowsOf(node.left), rowsOf(node.right)];
      return { rows: left, cpuNs: CPU.ordered * (left + right), trips: 3, kernelBytes: 200 * (left + right) };
    }
    case "distinct": {
      const rows = rowsOf(node.input);
      return { rows, cpuNs: CPU.distinct * rows, trips: 2, kernelBytes: 60 * rows + 2 * bytesOf(rows, node.schema) };
    }
    case "union": {
      const rows = node.inputs.reduce((n, input) => n + rowsOf(input), 0);
      return { rows, cpuNs: 0, trips: 0, kernelBytes: 2 * bytesOf(rows, node.schema) };
    }
    case "hconcat":
      return { rows: Math.max(0, ...node.inputs.map(rowsOf)), cpuNs: 0, trips: 0, kernelBytes: 0 };
    case "row_index": {
      const rows = rowsOf(node.input);
      return { rows, cpuNs: CPU.call * rows, trips: 0, kernelBytes: 8 * rows };
    }
    case "lookup": {
      const rows = rowsOf(node.input);
      return { rows, cpuNs: CPU.lookup * rows, trips: 3, kernelBytes: 60 * rows };
    }
    case "gather": {
      const rows = rowsOf(node.input);
      return { rows, cpuNs: CPU.reshaped * rows, trips: 1, kernelBytes: 2 * bytesOf(rows, node.schema) };
    }
    case "gather_by": {
      const rows = rowsOf(node.by);
      return { rows, cpuNs: CPU.gathered * rows * node.schema.length, trips: 1, kernelBytes: 4 * bytesOf(rows, node.schema) };
    }
    case "explode": {
      const rows = KEPT.exploded * rowsOf(node.input);
      return { rows, cpuNs: CPU.reshaped * rows * node.schema.length, trips: 2, kernelBytes: 2 * bytesOf(rows, node.schema) };
    }
    case "window": {
      const rows = rowsOf(node.input);
      const count = node.functions.length;
      return { rows, cpuNs: CPU.window * rows * count, trips: 1, kernelBytes: 150 * rows * count };
    }
    case "require":
      return { rows: rowsOf(node.input), cpuNs: 0, trips: 1, kernelBytes: 0 };
    case "cpu": {
      const rows = Math.max(0, ...node.inputs.map(rowsOf));
      // Down to the host and up again, as slow as it is on CPU polars in between.
      return { rows, cpuNs: CPU.other * rows, trips: 3, kernelBytes: 0 };
    }
  }
}
