/** Join: a hash table over the right side (the left one for right joins), probed batch by batch; payload is gathered once. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import { constantWords } from "../../gpu/kernels/fill.ts";
import { gather } from "../../gpu/kernels/gather.ts";
import type { JoinRows, JoinKind as ProbeKind } from "../../gpu/kernels/hash-join.ts";
import { buildTable, crossJoin, probe, unmatchedBuild } from "../../gpu/kernels/hash-join.ts";
import { encodeEquality } from "../../gpu/kernels/keys.ts";
import { call, column } from "../../ir/expr.ts";
import type { Join, JoinOutput } from "../../ir/plan.ts";
import { compileKeys, singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { computeColumns } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { batchOf, columnOf, releaseBatch, releaseTable, retainTable, rowsOf } from "../table.ts";
import { partitionByHash, rowsThatFit } from "./partition.ts";
import { numberRows, ROW, ROW_FIELD, restoreRowOrder } from "./row-order.ts";

/** How the probe side sees the join: for right joins the sides are swapped. */
const PROBE: Partial<Record<Join["how"], ProbeKind>> = {
  inner: "inner",
  left: "left",
  right: "left",
  full: "left",
  semi: "semi",
  anti: "anti",
};

export async function join(context: QueryContext, plan: Join, left: Table, right: Table): Promise<Table> {
  const swapped = plan.how === "right";
  const fit = rowsThatFit(context, (swapped ? left : right).schema, swapped ? plan.leftOn : plan.rightOn);
  const built = rowsOf(swapped ? left : right);
  if (built > fit && plan.how !== "cross") return joinPartitions(context, plan, left, right, Math.ceil((2 * built) / fit));
  return joinWhole(context, plan, left, right);
}

/** One hash table over the whole build side. */
async function joinWhole(context: QueryContext, plan: Join, left: Table, right: Table): Promise<Table> {
  const swapped = plan.how === "right";
  const build = await singleBatch(context, swapped ? left : right);
  const probed = swapped ? right : left;
  try {
    const batches = plan.how === "cross" ? await cross(context, plan, probed, build) : await hashed(context, plan, probed, build, swapped);
    return { schema: plan.schema, batches };
  } finally {
    releaseBatch(build);
  }
}

/**
 * Joins partition by partition, both sides split by the hash of their keys. Row numbers of the side that decides the order bring the rows
 * back into it; rows without one (the unmatched right rows of a full join) come last.
 */
async function joinPartitions(context: QueryContext, plan: Join, left: Table, right: Table, count: number): Promise<Table> {
  const side = plan.how === "right" ? "right" : "left";
  const sides = [
    side === "left" ? numberRows(context, left) : retainTable(left),
    side === "right" ? numberRows(context, right) : retainTable(right),
  ] as const;
  const split = await partitionByHash(
    context,
    [
      { batches: sides[0].batches, exprs: plan.leftOn },
      { batches: sides[1].batches, exprs: plan.rightOn },
    ],
    count,
  );
  for (const table of sides) releaseTable(table);
  const row: JoinOutput = { name: ROW, from: side, left: side === "left" ? ROW : null, right: side === "right" ? ROW : null };
  const numbered: Join = { ...plan, output: [row, ...plan.output], schema: [ROW_FIELD, ...plan.schema] };
  const joined: Batch[] = [];
  for (let p = 0; p < count; p++) {
    const [a, b] = [
      { schema: sides[0].schema, batches: split[0]?.[p] ?? [] },
      { schema: sides[1].schema, batches: split[1]?.[p] ?? [] },
    ];
    joined.push(...(await joinWhole(context, numbered, a, b)).batches);
    releaseTable(a);
    releaseTable(b);
  }
  return restoreRowOrder(context, { schema: numbered.schema, batches: joined }, plan.schema);
}

async function cross(context: QueryContext, plan: Join, probed: Table, build: Batch): Promise<readonly Batch[]> {
  const batches: Batch[] = [];
  for (const batch of probed.batches) {
    const rows = crossJoin(context.device, batch.rows, build.rows);
    for (const part of partsOfRows(context, plan, rows)) {
      batches.push(await assemble(context, plan.output, batch, build, part, false, { left: false, right: false }));
      releaseRows(part);
    }
  }
  return batches;
}

async function hashed(context: QueryContext, plan: Join, probed: Table, build: Batch, swapped: boolean): Promise<readonly Batch[]> {
  const { device } = context;
  const kind = PROBE[plan.how];
  if (kind === undefined) throw new InternalError(`a ${plan.how} join is not hashed`);
  const [buildOn, probeOn] = swapped ? [plan.leftOn, plan.rightOn] : [plan.rightOn, plan.leftOn];
  const [buildKeys = [], probeKeys = []] = await compileKeys(
    context,
    [
      { batches: [build], exprs: buildOn },
      { batches: probed.batches, exprs: probeOn },
    ],
    () => "unique",
  );
  const full = plan.how === "full";
  const buildProgram = buildKeys[0];
  if (buildProgram === undefined) throw new InternalError("the build keys were not compiled");
  const buildPlanes = encodeEquality(device, buildProgram.programs, build.rows);
  buildProgram.release();
  const table = await buildTable(device, buildPlanes, { nullsEqual: plan.nullsEqual, recordMatches: full });
  buildPlanes.buffer.release();
  const batches: Batch[] = [];
  for (const [b, batch] of probed.batches.entries()) {
    const keys = probeKeys[b];
    if (keys === undefined) continue;
    const planes = encodeEquality(device, keys.programs, batch.rows);
    keys.release();
    const rows = await probe(device, table, planes, kind);
    planes.buffer.release();
    for (const part of partsOfRows(context, plan, rows)) {
      batches.push(await assemble(context, plan.output, batch, build, part, swapped, { left: false, right: kind === "left" }));
      releaseRows(part);
    }
  }
  if (full) {
    const rest = await unmatchedBuild(device, table);
    const none = constantWords(device, 0xffffffff, rest.count);
    const [some] = probed.batches;
    if (some !== undefined && rest.count > 0) {
      batches.push(
        await assemble(context, plan.output, some, build, { left: none, right: rest.rows, count: rest.count }, false, {
          left: true,
          right: false,
        }),
      );
    }
    none.release();
    rest.rows.release();
  }
  table.release();
  return batches;
}

/** The row numbers in parts whose columns fit a binding; takes `rows` over. */
export function partsOfRows(context: QueryContext, plan: Pick<Join, "schema">, rows: JoinRows): readonly JoinRows[] {
  const fit = rowsThatFit(context, plan.schema, []);
  if (rows.count <= fit) return [rows];
  const part = (buffer: DeviceBuffer, from: number, count: number): DeviceBuffer => {
    const copy = context.device.alloc(count, "join rows");
    context.device.copy(buffer, from, copy, 0, count);
    return copy;
  };
  const parts: JoinRows[] = [];
  for (let from = 0; from < rows.count; from += fit) {
    const count = Math.min(fit, rows.count - from);
    parts.push({ left: part(rows.left, from, count), right: rows.right === null ? null : part(rows.right, from, count), count });
  }
  releaseRows(rows);
  return parts;
}

export const releaseRows = (rows: JoinRows): void => {
  rows.left.release();
  rows.right?.release();
};

/** Output columns from the row numbers of both sides; `rows.left` belongs to the probe side. */
export async function assemble(
  context: QueryContext,
  outputs: readonly JoinOutput[],
  probe: Batch,
  build: Batch,
  rows: JoinRows,
  swapped: boolean,
  mayBeNull: { readonly left: boolean; readonly right: boolean },
): Promise<Batch> {
  const sides = swapped
    ? {
        left: { batch: build, rows: rows.right, mayBeNull: mayBeNull.right },
        right: { batch: probe, rows: rows.left, mayBeNull: mayBeNull.left },
      }
    : {
        left: { batch: probe, rows: rows.left, mayBeNull: mayBeNull.left },
        right: { batch: build, rows: rows.right, mayBeNull: mayBeNull.right },
      };
  const fromLeft = takeSide(context, sides.left, outputs, (o) => o.left, rows.count);
  const fromRight = takeSide(context, sides.right, outputs, (o) => o.right, rows.count);
  const columns: Column[] = [];
  for (const output of outputs) {
    const a = output.left === null ? undefined : fromLeft.get(output.left);
    const b = output.right === null ? undefined : fromRight.get(output.right);
    const chosen = output.from === "left" ? a : output.from === "right" ? b : await coalesced(context, a, b, rows.count);
    if (chosen === undefined) throw new InternalError(`the join output ${JSON.stringify(output.name)} has no source`);
    if (output.from !== "coalesce") chosen.buffer.retain();
    columns.push(chosen);
  }
  for (const c of [...fromLeft.values(), ...fromRight.values()]) c.buffer.release();
  return batchOf(
    rows.count,
    outputs.map((o) => o.name),
    columns,
  );
}

interface Side {
  readonly batch: Batch;
  readonly rows: DeviceBuffer | null;
  readonly mayBeNull: boolean;
}

function takeSide(
  context: QueryContext,
  side: Side,
  outputs: readonly JoinOutput[],
  nameOf: (o: JoinOutput) => string | null,
  count: number,
): ReadonlyMap<string, Column> {
  const names = [...new Set(outputs.map(nameOf).filter((n) => n !== null))];
  if (names.length === 0 || side.rows === null) return new Map();
  const columns = gather(
    context.device,
    names.map((n) => columnOf(side.batch, n)),
    side.rows,
    count,
    side.mayBeNull,
  );
  return batchOf(count, names, columns).columns;
}

async function coalesced(context: QueryContext, a: Column | undefined, b: Column | undefined, count: number): Promise<Column | undefined> {
  if (a === undefined || b === undefined) return undefined;
  const exprs = [call("coalesce", [column("a", a.dtype), column("b", b.dtype)], a.dtype)];
  return (await computeColumns(context, batchOf(count, ["a", "b"], [a, b]), exprs))[0];
}
