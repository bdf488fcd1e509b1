/** The option `validate`: results that differ from CPU polars' are reported and not returned; those that may differ are not reported. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import pl, { type DataFrame } from "nodejs-polars";
import { GPUEngine, type ResultDifference } from "../../src/index.ts";

const frame = pl.DataFrame({ k: [1, 1, 2, 3], x: [0.1, 0.2, 0.3, 0.4] });
const doubled = () => frame.lazy().select(pl.col("x").mul(2).as("y"));

/** The engine with `wrong` in the place of whatever its queries give. */
function answering(engine: GPUEngine, wrong: DataFrame): GPUEngine {
  mock.method(GPUEngine.engineOf(engine), "collect", async () => wrong._df);
  return engine;
}

const values = (result: DataFrame): unknown => result.toRecords();

test("a wrong result is reported with its plan, and CPU polars' is returned", async () => {
  const found: ResultDifference[] = [];
  const engine = new GPUEngine({ warn: "silent", validate: { share: 1, onDifference: (difference) => found.push(difference) } });
  const wrong = await doubled().collect();
  answering(engine, wrong.withColumn(pl.col("y").add(1e-9).as("y")));
  assert.deepEqual(values(await doubled().collect({ engine })), values(wrong));
  assert.equal(found.length, 1);
  assert.match(found[0]?.difference ?? "", /row 0, column "y" \(Float64\): expected 0\.2/);
  assert.equal(found[0]?.plan, await engine.explain(doubled()));
  assert.deepEqual(engine.validated, { compared: 1, differing: 1 });
  await engine.close();
});

test("without a listener there is a warning; another height or schema is a difference, too", async () => {
  const warnings: string[] = [];
  const engine = new GPUEngine({ validate: 1, warn: (message) => warnings.push(message) });
  const right = await doubled().collect();
  for (const wrong of [right.head(2), right.rename({ y: "z" }), right.select(pl.col("y").cast(pl.Float32))]) {
    mock.restoreAll();
    answering(engine, wrong);
    assert.deepEqual(values(await doubled().collect({ engine })), values(right));
  }
  assert.equal(warnings.length, 3);
  for (const warning of warnings) assert.match(warning, /differs from CPU polars', which is returned[\s\S]*GPU SELECT/);
  await engine.close();
});

test("what CPU polars rejects is rejected, and reported", async () => {
  const found: ResultDifference[] = [];
  const engine = new GPUEngine({ warn: "silent", validate: { share: 1, onDifference: (difference) => found.push(difference) } });
  answering(engine, frame);
  const strict = () => pl.SQLContext({ f: frame.lazy() }).execute("SELECT CAST('a' AS BIGINT) AS n FROM f");
  await assert.rejects(strict().collect({ engine }), /conversion from/);
  assert.match(found[0]?.difference ?? "", /CPU polars rejects the query/);
  await engine.close();
});

test("of results whose order is open only what polars fixes is compared", async () => {
  const engine = new GPUEngine({ warn: "silent", validate: 1 });
  const compared = async (query: () => ReturnType<typeof doubled>, answer: DataFrame, differs: boolean): Promise<void> => {
    mock.restoreAll();
    answering(engine, answer);
    const before = engine.validated.differing;
    await query().collect({ engine });
    assert.equal(engine.validated.differing - before, differs ? 1 : 0);
  };
  await compared(() => frame.lazy().unique({ maintainOrder: false }).sort("x", true, false, true), frame.sort("x", true), false);
  await compared(() => frame.lazy().join(frame.lazy().select("k"), { on: "k", how: "semi" }), frame.reverse(), false);
  await compared(() => frame.lazy().join(frame.lazy().select("k"), { on: "k", how: "semi" }), frame.head(3), true);
  await compared(() => frame.lazy(), frame.reverse(), true);
  const tied = pl.DataFrame({ k: [1], x: [0.2] });
  await compared(() => frame.lazy().sort("k", false, false, false).head(1), tied, false);
  await compared(() => frame.lazy().sort("k", false, false, false).head(1), tied.withColumn(pl.col("k").add(1).as("k")), true);
  await compared(() => frame.lazy().select(pl.col("x").sum()), pl.DataFrame({ x: [1.0000000000000002] }), false);
  await engine.close();
});

test("the first query is compared, and then as many as the share says", async () => {
  const engine = answering(new GPUEngine({ warn: "silent", validate: 0.25 }), await doubled().collect());
  const compared: number[] = [];
  for (let query = 0; query < 9; query++) {
    const before = engine.validated.compared;
    await doubled().collect({ engine });
    if (engine.validated.compared > before) compared.push(query);
  }
  assert.deepEqual(compared, [0, 4, 8]);
  const never = answering(new GPUEngine({ warn: "silent" }), await doubled().collect());
  await doubled().collect({ engine: never });
  assert.deepEqual(never.validated, { compared: 0, differing: 0 });
  await Promise.all([engine.close(), never.close()]);
});

test("real queries are found to be right", async () => {
  const found: ResultDifference[] = [];
  const engine = new GPUEngine({ raiseOnFail: true, validate: { share: 1, onDifference: (difference) => found.push(difference) } });
  await doubled().collect({ engine });
  await frame.lazy().groupBy("k").agg(pl.col("x").mean()).collect({ engine });
  assert.deepEqual(found, []);
  assert.deepEqual(engine.validated, { compared: 2, differing: 0 });
  await engine.close();
});
