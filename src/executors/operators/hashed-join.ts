/** Join by hashing: the rows of one side look for those of the other in a table of the side that has far fewer; payload is gathered once. */

import { InternalError } from "../../errors.ts";
import { constantWords } from "../../gpu/kernels/fill.ts";
import { buildTable, type JoinSide, joinByLeft, probe, unmatchedRight } from "../../gpu/kernels/hash-join.ts";
import { isPairs, type JoinKind } from "../../gpu/kernels/hash-join-tally.ts";
import type { JoinRows } from "../../gpu/kernels/join-expand.ts";
import { hashKeys } from "../../gpu/kernels/keys.ts";
import type { Expr } from "../../ir/expr.ts";
import type { Join } from "../../ir/plan.ts";
import { type CompiledKeys, compileKeys } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { predicateMask } from "../pipeline.ts";
import type { Batch } from "../table.ts";
import { rowsOf } from "../table.ts";
import { assemble, partsOfRows, releaseRows, wantedOf } from "./join-output.ts";
import type { TakenRows } from "./taken-rows.ts";

/** How the left side sees the join. */
export const JOIN_KINDS: Partial<Record<Join["how"], JoinKind>> = {
  inner: "inner",
  left: "left",
  full: "left",
  semi: "semi",
  anti: "anti",
};

/** By how many times the right side has to be larger for the table to be one of the left rows. Rows that take no part count: slots are made for all. */
export const FAR_LARGER = 2;

/** A side of a join as one batch. */
export interface BatchRows {
  readonly batch: Batch;
  readonly predicate: Expr | null;
}

/** The batches of the output, in the order of the left rows, `probed`; `built` is the right side. No right joins. */
export async function hashedJoin(context: QueryContext, plan: Join, probed: TakenRows, built: BatchRows): Promise<readonly Batch[]> {
  const build = built.batch;
  const { device } = context;
  const kind = JOIN_KINDS[plan.how];
  if (kind === undefined) throw new InternalError(`a ${plan.how} join is not hashed`);
  const [[buildKeys] = [], probeKeys = []] = await compileKeys(
    context,
    [
      { batches: [build], exprs: plan.rightOn },
      { batches: probed.table.batches, exprs: plan.leftOn },
    ],
    () => "unique",
  );
  if (buildKeys === undefined) throw new InternalError("the build keys were not compiled");
  const full = plan.how === "full";
  const right = await sideOf(context, buildKeys, build, built.predicate);
  const byLeft = !full && probed.table.batches.length === 1 && FAR_LARGER * rowsOf(probed.table) <= build.rows;
  const options = { nullsEqual: plan.nullsEqual, recordMatches: full, pairs: isPairs(kind) };
  const table = byLeft ? null : buildTable(device, right, options);
  const batches: Batch[] = [];
  const take = async (some: Batch, rows: JoinRows, mayBeNull: { readonly left: boolean; readonly right: boolean }) => {
    for (const part of partsOfRows(context, plan, rows)) {
      batches.push(await assemble(context, plan.output, some, build, part, mayBeNull));
      releaseRows(part);
    }
  };
  for (const [b, batch] of probed.table.batches.entries()) {
    const keys = probeKeys[b];
    if (keys === undefined) continue;
    const left = await sideOf(context, keys, batch, probed.predicate);
    const wanted = kind === "left" ? null : wantedOf(context, plan, batch, build);
    const rows = await (table === null ? joinByLeft(device, left, right, kind, options, wanted) : probe(device, table, left, kind, wanted));
    releaseSide(left);
    await take(batch, rows, { left: false, right: kind === "left" });
  }
  releaseSide(right);
  const [some] = probed.table.batches;
  if (full && table !== null && some !== undefined) {
    const rest = await unmatchedRight(device, table);
    const without = { left: constantWords(device, 0xffffffff, rest.count), right: rest.left, count: rest.count };
    if (rest.count > 0) await take(some, without, { left: true, right: false });
    else releaseRows(without);
  }
  table?.release();
  return batches;
}

export async function sideOf(context: QueryContext, compiled: CompiledKeys, batch: Batch, predicate: Expr | null): Promise<JoinSide> {
  const keys = hashKeys(context.device, compiled.programs, batch.rows);
  compiled.release();
  return { keys, mask: predicate === null ? null : await predicateMask(context, batch, predicate) };
}

export const releaseSide = ({ keys, mask }: JoinSide): void => {
  keys.buffer.release();
  mask?.release();
};
