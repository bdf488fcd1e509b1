/** Bytes that are not a plan are refused with InvalidPlanError, soon, whoever made them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Builder } from "flatbuffers";
import { InvalidPlanError } from "../../../src/errors.ts";
import * as wire from "../../../src/ir/wire/generated/index.ts";
import { decodePlan, encodePlan, WIRE_VERSION } from "../../../src/ir/wire/plan-bytes.ts";
import { seal, unseal } from "../../../src/ir/wire/seal.ts";
import { PLANS, randomPlan } from "./sample-plans.ts";

const refused = (bytes: Uint8Array, message: RegExp) =>
  assert.throws(
    () => decodePlan(bytes),
    (error) => error instanceof InvalidPlanError && message.test(error.message),
    String(message),
  );

/** True for a plan, false for a refusal; anything else is thrown on. */
function decodes(bytes: Uint8Array): boolean {
  try {
    decodePlan(bytes);
    return true;
  } catch (error) {
    if (error instanceof InvalidPlanError) return false;
    throw error;
  }
}

const changed = (bytes: Uint8Array, change: (copy: Uint8Array, view: DataView) => void): Uint8Array => {
  const copy = bytes.slice();
  change(copy, new DataView(copy.buffer));
  return copy;
};

test("every byte counts", () => {
  const bytes = encodePlan(randomPlan(7, 6));
  for (let i = 0; i < bytes.length; i += 1)
    for (const flip of [1, 0x80, 0xff])
      refused(
        changed(bytes, (copy) => copy.set([(bytes[i] ?? 0) ^ flip], i)),
        /checksum/,
      );
});

test("truncated, empty and foreign bytes", () => {
  const bytes = encodePlan(randomPlan(8, 6));
  for (let length = 0; length < bytes.length; length += 1) refused(bytes.subarray(0, length), /checksum|too few/);
  const inner = unseal(bytes);
  for (let length = 0; length < inner.length; length += 1) assert.doesNotThrow(() => decodes(seal(inner.subarray(0, length))));
  refused(seal(new Uint8Array(0)), /out of them/);
  refused(seal(new Uint8Array(64)), /begin/);
  refused(seal(new TextEncoder().encode("PAR1 is not a plan")), /begin/);
});

test("another version", () => {
  for (const version of [0, 2, 65_535]) {
    const builder = new Builder();
    wire.Plan.finishPlanBuffer(builder, wire.Plan.createPlan(builder, version, 0, 0, 0));
    refused(seal(builder.asUint8Array()), new RegExp(`version ${version}, only version ${WIRE_VERSION}`));
  }
});

test("bytes that were changed before they were sealed never crash or hang the reader", () => {
  const outcomes: boolean[] = [];
  const count = (bytes: Uint8Array) => outcomes.push(decodes(bytes));
  const values = [0, 1, 2, 4, 8, 0x7f, 0x80, 0xff];
  for (const plan of [...PLANS.filter(({ kind }) => kind !== "project" && kind !== "aggregate"), randomPlan(9, 12)]) {
    const inner = unseal(encodePlan(plan));
    const step = Math.max(1, Math.floor(inner.length / 300));
    for (let i = 0; i < inner.length; i += step) count(seal(changed(inner, (copy) => copy.set([values[i % values.length] ?? 0], i))));
    for (let i = 0; i + 4 <= inner.length; i += 4 * step)
      for (const word of [-1, 0x7fffffff, -0x80000000, inner.length, -i])
        count(seal(changed(inner, (_, view) => view.setInt32(i, word, true))));
  }
  const plans = outcomes.filter((decoded) => decoded).length;
  assert(plans > 100 && outcomes.length - plans > 1000, `${plans} plans of ${outcomes.length}`);
});

/** A plan of one project node over a frame whose only expression `make` writes. */
function planOf(make: (builder: Builder) => number, copies = 1): Uint8Array {
  const builder = new Builder();
  const dtypes = wire.Plan.createDtypesVector(builder, [wire.DType.createDType(builder, wire.DTypeKind.Int64, wire.TimeUnit.ms, 0, 0)]);
  const column = wire.ColumnExpr.createColumnExpr(builder, builder.createString("a"));
  const first = wire.Expr.createExpr(builder, 0, wire.ExprNode.ColumnExpr, column);
  const second = make(builder);
  const exprs = wire.Plan.createExprsVector(builder, [first, ...Array.from({ length: copies }, () => second)]);
  const frame = wire.Frame.createFrame(builder, 0n);
  const nodes = wire.Plan.createNodesVector(builder, [wire.PlanNode.createPlanNode(builder, 0, wire.Node.Frame, frame)]);
  wire.Plan.finishPlanBuffer(builder, wire.Plan.createPlan(builder, WIRE_VERSION, dtypes, exprs, nodes));
  return seal(builder.asUint8Array());
}

function callOf(fn: string | null, args: readonly number[], dtype = 0): (builder: Builder) => number {
  return (builder) => {
    const name = fn === null ? 0 : builder.createString(fn);
    const call = wire.CallExpr.createCallExpr(builder, name, wire.CallExpr.createArgsVector(builder, [...args]), 0);
    return wire.Expr.createExpr(builder, dtype, wire.ExprNode.CallExpr, call);
  };
}

test("well-formed tables that say nonsense", () => {
  assert(decodes(planOf(callOf("add", [0, 0]))));
  refused(planOf(callOf("drop_table", [0])), /no function 'drop_table'/);
  refused(planOf(callOf("constructor", [0])), /no function 'constructor'/);
  refused(planOf(callOf(null, [0])), /string is missing/);
  refused(planOf(callOf("neg", [1])), /expression 1 is missing/);
  refused(planOf(callOf("neg", [4_000_000_000])), /expression 4000000000 is missing/);
  refused(planOf(callOf("neg", [0], 1)), /dtype 1 is missing/);
  refused(
    planOf((b) => wire.Expr.createExpr(b, 0, wire.ExprNode.NONE, 0)),
    /kind 0 of expressions is missing/,
  );
  refused(
    planOf((b) => wire.Expr.createExpr(b, 0, wire.ExprNode.CallExpr, 0)),
    /expression is missing/,
  );
  refused(
    planOf((b) => {
      const empty = wire.NumberValue.createNumberValue(b, null);
      return wire.Expr.createExpr(
        b,
        0,
        wire.ExprNode.LiteralExpr,
        wire.LiteralExpr.createLiteralExpr(b, wire.LiteralValue.NumberValue, empty),
      );
    }),
    /a number is missing/,
  );
  refused(
    planOf((b) => {
      const call = wire.AggregateExpr.createAggregateExpr(b, b.createString("sum"), null, 2n ** 60n, null, 0, 0);
      return wire.Expr.createExpr(b, 0, wire.ExprNode.AggregateExpr, call);
    }),
    /integer 1152921504606846976 is too large/,
  );
});

test("no root, and a node above its own input", () => {
  const builder = new Builder();
  wire.Plan.finishPlanBuffer(builder, wire.Plan.createPlan(builder, WIRE_VERSION, 0, 0, 0));
  refused(seal(builder.asUint8Array()), /root is missing/);
  const cyclic = new Builder();
  const union = wire.Union.createUnion(cyclic, wire.Union.createInputsVector(cyclic, [0]));
  const nodes = wire.Plan.createNodesVector(cyclic, [wire.PlanNode.createPlanNode(cyclic, 0, wire.Node.Union, union)]);
  wire.Plan.finishPlanBuffer(cyclic, wire.Plan.createPlan(cyclic, WIRE_VERSION, 0, 0, nodes));
  refused(seal(cyclic.asUint8Array()), /node 0 is missing/);
});

test("strings that are not UTF-8", () => {
  const inner = unseal(encodePlan({ kind: "frame", source: 0, schema: [{ name: "needle", dtype: { kind: "Int8" } }] }));
  const at = Buffer.from(inner).indexOf("needle");
  assert(at > 0);
  refused(seal(changed(inner, (copy) => copy.set([0xff], at))), /UTF-8/);
});

test("tables that overlap to be read for ever", () => {
  const wide = Array.from({ length: 5000 }, () => 0);
  assert(decodes(planOf(callOf("coalesce", wide))));
  refused(planOf(callOf("coalesce", wide), 5000), /overlap/);
});
