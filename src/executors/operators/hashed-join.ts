/** Join by hashing: the rows of one side look for those of the other in a table of the side that has far fewer; payload is gathered once. */

import { InternalError } from "../../errors.ts";
import { constantWords } from "../../gpu/kernels/fill.ts";
import { buildTable, joinByLeft, probe, unmatchedRight } from "../../gpu/kernels/hash-join.ts";
import type { JoinKind } from "../../gpu/kernels/hash-join-tally.ts";
import type { JoinRows } from "../../gpu/kernels/join-expand.ts";
import { encodeEquality } from "../../gpu/kernels/keys.ts";
import type { Join } from "../../ir/plan.ts";
import { type CompiledKeys, compileKeys } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import type { Batch, Table } from "../table.ts";
import { rowsOf } from "../table.ts";
import { assemble, partsOfRows, releaseRows } from "./join-output.ts";

/** How the probed side sees the join: for right joins the sides are swapped. */
const PROBE: Partial<Record<Join["how"], JoinKind>> = {
  inner: "inner",
  left: "left",
  right: "left",
  full: "left",
  semi: "semi",
  anti: "anti",
};

/** By how many times the other side has to be larger for the table to be one of the probed rows. */
const FAR_LARGER = 2;

/** The batches of the output. `build` is the right side, for right joins the left one; `probed`, the other one, decides the order. */
export async function hashedJoin(context: QueryContext, plan: Join, probed: Table, build: Batch): Promise<readonly Batch[]> {
  const { device } = context;
  const kind = PROBE[plan.how];
  if (kind === undefined) throw new InternalError(`a ${plan.how} join is not hashed`);
  const swapped = plan.how === "right";
  const [buildOn, probeOn] = swapped ? [plan.leftOn, plan.rightOn] : [plan.rightOn, plan.leftOn];
  const [[buildKeys] = [], probeKeys = []] = await compileKeys(
    context,
    [
      { batches: [build], exprs: buildOn },
      { batches: probed.batches, exprs: probeOn },
    ],
    () => "unique",
  );
  if (buildKeys === undefined) throw new InternalError("the build keys were not compiled");
  const full = plan.how === "full";
  const right = sideOf(context, buildKeys, build);
  const byLeft = !full && probed.batches.length === 1 && FAR_LARGER * rowsOf(probed) <= build.rows;
  const options = { nullsEqual: plan.nullsEqual, recordMatches: full, pairs: kind === "inner" || kind === "left" };
  const table = byLeft ? null : buildTable(device, right, options);
  const batches: Batch[] = [];
  const take = async (some: Batch, rows: JoinRows, isSwapped: boolean, mayBeNull: { readonly left: boolean; readonly right: boolean }) => {
    for (const part of partsOfRows(context, plan, rows)) {
      batches.push(await assemble(context, plan.output, some, build, part, isSwapped, mayBeNull));
      releaseRows(part);
    }
  };
  for (const [b, batch] of probed.batches.entries()) {
    const keys = probeKeys[b];
    if (keys === undefined) continue;
    const left = sideOf(context, keys, batch);
    const rows = await (table === null ? joinByLeft(device, left, right, kind, options) : probe(device, table, left, kind));
    left.keys.buffer.release();
    await take(batch, rows, swapped, { left: false, right: kind === "left" });
  }
  right.keys.buffer.release();
  const [some] = probed.batches;
  if (full && table !== null && some !== undefined) {
    const rest = await unmatchedRight(device, table);
    const without = { left: constantWords(device, 0xffffffff, rest.count), right: rest.left, count: rest.count };
    if (rest.count > 0) await take(some, without, false, { left: true, right: false });
    else releaseRows(without);
  }
  table?.release();
  return batches;
}

function sideOf(context: QueryContext, keys: CompiledKeys, batch: Batch) {
  const planes = encodeEquality(context.device, keys.programs, batch.rows);
  keys.release();
  return { keys: planes, mask: null };
}
