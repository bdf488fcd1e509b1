/** Prints what interception adds to nodejs-polars' lazy calls: `node test/plans/tracking-cost.ts`. */
import { install } from "../../src/intercept/install.ts";
import { ownPolarsModule } from "../../src/polars/module.ts";
import type { NativeDataFrame, NativeExpr } from "../../src/polars/native.ts";
import { SchemaOracle } from "../../src/polars/oracle.ts";
import { readPlan } from "../../src/polars/plan-reading.ts";

const module = ownPolarsModule();
if (module === undefined) throw new Error("nodejs-polars is not installed");
const { pl, native } = module;

/** Microseconds a call: the best of five rounds. */
function cost(call: () => unknown, calls = 2000): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) call();
    best = Math.min(best, ((performance.now() - start) / calls) * 1000);
  }
  return best;
}

const frame = native.JsDataFrame.deserialize(pl.DataFrame({ a: [1, 2], b: ["x", "y"], c: [1, 2] }).serialize("bincode"), "bincode");
const predicate: NativeExpr = native.JsExpr.deserialize(pl.col("a").gt(1).serialize("bincode"), "bincode");
const calls: Readonly<Record<string, (lazy: ReturnType<NativeDataFrame["lazy"]>) => unknown>> = {
  "lazy() of one frame": () => frame.lazy(),
  "lazy() of a new frame": () => frame.clone().lazy(),
  "filter()": (lazy) => lazy.filter(predicate),
  "join()": (lazy) =>
    lazy.join(lazy, [predicate], [predicate], true, false, "inner", "_r", undefined, undefined, undefined, undefined, undefined),
  "sql execute": (lazy) => {
    const context = new native.SqlContext();
    context.register("t", lazy);
    return context.execute("SELECT a, SUM(c) AS s FROM t WHERE c > 1 GROUP BY a");
  },
};
const measure = (): Readonly<Record<string, number>> => {
  const lazy = frame.lazy();
  return Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, cost(() => call(lazy))]));
};
const before = measure();
const tracking = install(module, { collect: ({ runOnCpu }) => runOnCpu() });
const after = measure();
for (const name of Object.keys(calls))
  console.log(`${name.padEnd(28)} ${before[name]?.toFixed(1)} us, tracked ${after[name]?.toFixed(1)} us`);

const lazy = frame.lazy();
const show = (name: string, us: number): void => console.log(`${name.padEnd(28)} ${us.toFixed(1)} us`);
show("shadow of a filter", cost(() => tracking.planOf(lazy.filter(predicate)), 500) - (after["filter()"] ?? 0));
const tracked = tracking.planOf(lazy.filter(predicate));
if (!("untracked" in tracked)) {
  show(
    "readPlan",
    cost(() => readPlan(tracked), 500),
  );
  const read = readPlan(tracked);
  const oracle = new SchemaOracle(module);
  if ("plan" in read)
    show(
      "oracle, answered before",
      cost(() => oracle.plan(read.plan, new Map([...read.sources].map(([id, source]) => [id, oracle.leaf(source)]))), 500),
    );
  const input = oracle.leaf(frame);
  let n = 0;
  show(
    "oracle, a new expression",
    cost(
      () => oracle.expressions(input, [{ BinaryExpr: { left: { Column: "a" }, op: "Plus", right: { Literal: { Dyn: { Int: n++ } } } } }]),
      200,
    ),
  );
}
process.exit(0);
