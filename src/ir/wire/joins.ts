/** Joins as tables. */

import type { Offset } from "flatbuffers";
import type { AsofJoin, Join, JoinOutput, RangeJoin } from "../plan.ts";
import { codec } from "./codec.ts";
import * as wire from "./generated/index.ts";
import type { PlanReader } from "./reader.ts";
import type { PlanWriter } from "./writer.ts";

export const JOIN = codec<Join, wire.Join>(
  wire.Node.Join,
  wire.Join,
  (w, node) => {
    const [left, right] = [w.node(node.left), w.node(node.right)];
    const leftOn = wire.Join.createLeftOnVector(w.builder, w.exprList(node.leftOn));
    const rightOn = wire.Join.createRightOnVector(w.builder, w.exprList(node.rightOn));
    const output = wire.Join.createOutputVector(
      w.builder,
      node.output.map((column) => writeJoinOutput(w, column)),
    );
    return wire.Join.createJoin(w.builder, left, right, leftOn, rightOn, wire.JoinKind[node.how], node.nullsEqual, node.ordered, output);
  },
  (r, table, schema) => ({
    kind: "join",
    left: r.node(table.left()),
    right: r.node(table.right()),
    leftOn: r.list(table.leftOnLength(), (i) => r.expr(table.leftOn(i))),
    rightOn: r.list(table.rightOnLength(), (i) => r.expr(table.rightOn(i))),
    how: r.nameOf(wire.JoinKind, table.how()),
    nullsEqual: table.nullsEqual(),
    ordered: table.ordered(),
    output: r.list(table.outputLength(), (i) => joinOutput(r, table.output(i))),
    schema,
  }),
);

export const ASOF_JOIN = codec<AsofJoin, wire.AsofJoin>(
  wire.Node.AsofJoin,
  wire.AsofJoin,
  (w, node) => {
    const sides = [w.node(node.left), w.node(node.right), w.expr(node.leftOn), w.expr(node.rightOn)] as const;
    const leftBy = wire.AsofJoin.createLeftByVector(w.builder, w.exprList(node.leftBy));
    const rightBy = wire.AsofJoin.createRightByVector(w.builder, w.exprList(node.rightBy));
    const output = wire.AsofJoin.createOutputVector(
      w.builder,
      node.output.map((column) => writeJoinOutput(w, column)),
    );
    const strategy = wire.AsofStrategy[node.strategy];
    return wire.AsofJoin.createAsofJoin(w.builder, ...sides, leftBy, rightBy, strategy, node.allowEqual, node.tolerance, output);
  },
  (r, table, schema) => ({
    kind: "asof_join",
    left: r.node(table.left()),
    right: r.node(table.right()),
    leftOn: r.expr(table.leftOn()),
    rightOn: r.expr(table.rightOn()),
    leftBy: r.list(table.leftByLength(), (i) => r.expr(table.leftBy(i))),
    rightBy: r.list(table.rightByLength(), (i) => r.expr(table.rightBy(i))),
    strategy: r.nameOf(wire.AsofStrategy, table.strategy()),
    allowEqual: table.allowEqual(),
    tolerance: table.tolerance(),
    output: r.list(table.outputLength(), (i) => joinOutput(r, table.output(i))),
    schema,
  }),
);

export const RANGE_JOIN = codec<RangeJoin, wire.RangeJoin>(
  wire.Node.RangeJoin,
  wire.RangeJoin,
  (w, node) => {
    const sides = [w.node(node.left), w.node(node.right), w.expr(node.from), w.expr(node.to), w.expr(node.key)] as const;
    const leftBy = wire.RangeJoin.createLeftByVector(w.builder, w.exprList(node.leftBy));
    const rightBy = wire.RangeJoin.createRightByVector(w.builder, w.exprList(node.rightBy));
    const output = wire.RangeJoin.createOutputVector(
      w.builder,
      node.output.map((column) => writeJoinOutput(w, column)),
    );
    return wire.RangeJoin.createRangeJoin(w.builder, ...sides, leftBy, rightBy, output);
  },
  (r, table, schema) => ({
    kind: "range_join",
    left: r.node(table.left()),
    right: r.node(table.right()),
    from: r.expr(table.from()),
    to: r.expr(table.to()),
    key: r.expr(table.key()),
    leftBy: r.list(table.leftByLength(), (i) => r.expr(table.leftBy(i))),
    rightBy: r.list(table.rightByLength(), (i) => r.expr(table.rightBy(i))),
    output: r.list(table.outputLength(), (i) => joinOutput(r, table.output(i))),
    schema,
  }),
);

function writeJoinOutput(w: PlanWriter, { name, from, left, right }: JoinOutput): Offset {
  const offsets = [w.text(name), w.optionalText(left), w.optionalText(right)] as const;
  return wire.JoinOutput.createJoinOutput(w.builder, offsets[0], wire.JoinFrom[from], offsets[1], offsets[2]);
}

function joinOutput(r: PlanReader, table: wire.JoinOutput | null): JoinOutput {
  const column = r.present(table, "an output column of a join");
  return { name: r.text(column.name()), from: r.nameOf(wire.JoinFrom, column.from()), left: column.left(), right: column.right() };
}
