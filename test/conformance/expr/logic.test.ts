/** Three-valued logic, choices, nulls and NaN, horizontal functions. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, FIXTURES } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
/** One engine for the file: 203 rows are four partitions, smaller fixtures one. */
const partitions = [64];
const col = pl.col;
const [a, b] = [col("bool"), col("bool2")];

/** Bounds may be columns, which the types of nodejs-polars do not know. */
const clipped = (value: Expr, min: Expr, max: Expr): Expr => Reflect.apply(value.clip, value, [{ min, max }]);

const logic = () => [
  a.and(b).as("and"),
  a.or(b).as("or"),
  a.not().as("not"),
  a.and(pl.lit(false)).as("and false"),
  a.or(pl.lit(true)).as("or true"),
  a.and(pl.lit(null).cast(pl.Bool)).as("and null"),
  a.or(pl.lit(null).cast(pl.Bool)).as("or null"),
  a.eq(b).as("equal"),
  pl.allHorizontal([a, b, col("small").gt(0)]).as("all"),
  pl.anyHorizontal([a, b, col("small").gt(0)]).as("any"),
];

for (const { name, frame: sized } of FIXTURES)
  test(`Kleene logic over ${name}`, () => assertGpuEqualsCpu(() => sized.lazy().select(...logic()), { partitions }));

test("when / then / otherwise: chains, a null predicate, missing otherwise, mixed dtypes, text", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          pl.when(a).then(col("small")).otherwise(col("small2")).as("columns"),
          pl.when(a).then(pl.lit(1)).when(b).then(pl.lit(2)).otherwise(pl.lit(3)).as("chain"),
          pl.when(col("small").gt(3)).then(col("i8")).otherwise(pl.lit(null)).as("null branch"),
          pl.when(col("small").gt(3)).then(col("i8")).otherwise(col("f64")).as("mixed"),
          pl.when(col("f64").isNan()).then(pl.lit("nan")).otherwise(pl.lit("number")).as("words"),
          pl.when(b).then(col("str")).otherwise(col("str2")).as("texts"),
          pl.when(b).then(col("str")).otherwise(pl.lit("none")).as("text or literal"),
          pl.when(b).then(col("ms")).otherwise(pl.lit(null)).as("times"),
          pl.when(a).then(b).otherwise(pl.lit(true)).as("booleans"),
        ),
    { partitions },
  ));

test("nulls and NaN: tests and replacements", () =>
  assertGpuEqualsCpu(
    () =>
      frame.lazy().select(
        ...["i32", "f64", "str", "list", "null", "bool", "struct"].flatMap((n) => [
          col(n).isNull().as(`null ${n}`),
          col(n).isNotNull().as(`not null ${n}`),
        ]),
        ...["i8", "u64", "f32", "f64"].flatMap((n) => [
          col(n).isNan().as(`nan ${n}`),
          col(n).isNotNan().as(`not nan ${n}`),
          col(n).isFinite().as(`finite ${n}`),
          col(n).isInfinite().as(`infinite ${n}`),
          col(n).fillNan(0).as(`fill nan ${n}`),
        ]),
        col("small").fillNull(7).as("fill number"),
        col("i8").fillNull(pl.lit(7).cast(pl.Int8)).as("fill i8"),
        col("str").fillNull(pl.lit("?")).as("fill text"),
        col("str").fillNull(col("str2")).as("fill column"),
        col("bool").fillNull(pl.lit(false)).as("fill bool"),
        col("ms")
          .fillNull(pl.lit(new Date(0)))
          .as("fill time"),
      ),
    { partitions },
  ));

test("COALESCE, IFNULL and NULLIF of SQL", () =>
  assertGpuEqualsCpu(
    () =>
      pl.SQLContext({ f: frame.lazy() }).execute(
        `SELECT COALESCE(small, small2, 5) AS c, IFNULL(str, 'none') AS n, NULLIF(small, 3) AS z, GREATEST(small, small2) AS g, LEAST(f64, f32) AS l,
          CASE WHEN small > 0 THEN 'plus' WHEN small < 0 THEN 'minus' END AS s, CASE k WHEN 1 THEN small ELSE 0 END AS k1 FROM f`,
      ),
    { partitions, anyZero: true },
  ));

test("smallest, largest and sum across columns", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          pl.minHorizontal([col("small"), col("small2"), col("i8")]).as("min"),
          pl.maxHorizontal([col("small"), col("small2"), col("u32")]).as("max"),
          pl.minHorizontal([col("f64"), col("f32")]).as("fmin"),
          pl.maxHorizontal([col("f64"), col("f32")]).as("fmax"),
          pl.maxHorizontal([col("ms"), col("ms").add(col("d_ms"))]).as("latest"),
          pl.sumHorizontal([col("small"), col("small2")]).as("sum"),
          pl.minHorizontal([a, b]).as("least"),
        ),
    { partitions, anyZero: true },
  ));

test("smallest and largest of NaN: columns without nulls compare as IEEE does, one value for all rows with a column by the total order", async () => {
  const [x, y] = [col("x"), col("y")];
  const nan = Number.NaN;
  const whole = pl.DataFrame({ x: [nan, 5, -9, nan, -0, nan, 7], y: [-2, nan, nan, nan, 0, 8, 7] });
  const gaps = pl.DataFrame({ x: [nan, 5, null, nan, -0, null, 7], y: [-2, null, nan, nan, 0, 8, 7] });
  const others = [pl.lit(-2), pl.lit(nan), pl.lit(6), x.max(), x.min(), y.mean(), pl.lit(null).cast(pl.Float64)];
  const pairs = others.flatMap((other) => [
    [x, other],
    [other, x],
  ]);
  const every = [pl.minHorizontal, pl.maxHorizontal].flatMap((extreme) => [
    ...pairs.map((pair) => extreme(pair)),
    extreme([pl.lit(1), pl.lit(nan), x]),
  ]);
  const named = every.map((e, i) => e.as(`c${i}`));
  const ends = [pl.maxHorizontal([x.max(), y.min()]).as("ends"), pl.minHorizontal([x.first(), y.first()]).as("firsts")];
  const within = [pl.maxHorizontal([x, pl.lit(-2)]), pl.minHorizontal([pl.lit(nan), x])].map((e, i) => e.min().as(`m${i}`));
  for (const dtype of [pl.Float64, pl.Float32]) {
    const columns = [x.cast(dtype), y.cast(dtype)];
    for (const frame of [whole.select(...columns), gaps.select(...columns)]) {
      await assertGpuEqualsCpu(() => frame.lazy().select(...named), { partitions });
      await assertGpuEqualsCpu(() => frame.lazy().filter(pl.minHorizontal([pl.lit(0.25), x]).ltEq(pl.lit(7))), { partitions });
      await assertGpuEqualsCpu(() => frame.lazy().select(...ends), { partitions });
      await assertGpuEqualsCpu(
        () =>
          frame
            .lazy()
            .groupBy(y.gt(0).as("k"), true)
            .agg(...within),
        { partitions },
      );
    }
    const both = [pl.minHorizontal([x, y]).as("least"), pl.maxHorizontal([x, y]).as("largest"), pl.maxHorizontal([y, x]).as("turned")];
    await assertGpuEqualsCpu(
      () =>
        whole
          .lazy()
          .select(...columns)
          .select(...both),
      { partitions },
    );
  }
});

test("clip: NaN stays, a NaN or null bound does not clip, the lower bound wins", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          ...["i8", "i64", "f32", "f64", "small"].flatMap((n) => [
            col(n).clip(-1, 3).as(`${n} in -1, 3`),
            col(n).clip(6, 3).as(`${n} in 6, 3`),
            clipped(col(n), col("small"), col("small2")).as(`${n} in columns`),
          ]),
          col("f64").clip(Number.NaN, 3).as("from NaN"),
          col("f64").clip(1, Number.NaN).as("to NaN"),
          clipped(col("f32"), col("f64"), col("f32").mul(col("small"))).as("floats in floats"),
        ),
    { partitions },
  ));
