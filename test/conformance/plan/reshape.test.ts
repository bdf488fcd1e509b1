/** Frames that change their shape: explode, unpivot, unnest. */

import { after, test } from "node:test";
import pl, { type DataFrame } from "nodejs-polars";
import { everyDtype, FIXTURES } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, assertQuietlyEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const c = pl.col;
const frame = everyDtype(40);

/** Lists of numbers, texts and lists: empty ones, null ones, ones that hold nulls. */
const lists = (rows: DataFrame): DataFrame =>
  rows.select(
    c("row"),
    c("str"),
    c("f64"),
    c("bool"),
    c("list"),
    c("list").list.eval(pl.element().str.contains("q")).as("bits"),
    c("list").list.eval(pl.element().cast(pl.Float64).add(0.5)).as("none"),
  );

for (const { name, frame: rows, partition } of FIXTURES) {
  test(`explode, ${name}`, async () => {
    const own = lists(rows);
    const partitions = [null, partition];
    for (const column of ["list", "bits", "none"]) {
      await assertGpuEqualsCpu(() => own.lazy().explode(column), { partitions });
      await assertGpuEqualsCpu(() => own.lazy().select(c(column).explode()), { partitions });
    }
    await assertGpuEqualsCpu(() => own.lazy().explode("list", "bits"), { partitions });
  });
}

test("explode, of nothing but nulls, nothing but empty lists, of lists of lists", async () => {
  const own = lists(frame);
  await assertGpuEqualsCpu(() => own.filter(c("list").isNull()).lazy().explode("list"));
  await assertGpuEqualsCpu(() => own.filter(c("list").list.lengths().eq(0)).lazy().explode("list"));
  const nested = own.groupBy("bool").agg(c("list").as("deep"), c("row").as("numbers"));
  await assertGpuEqualsCpu(() => nested.lazy().explode("deep").sort("bool").explode("deep"), { order: "any" });
  await assertGpuEqualsCpu(() => nested.lazy().explode("numbers").sort("numbers"));
});

test("explode, with filters, groups and joins around it", async () => {
  const own = () => lists(frame).lazy();
  await assertGpuEqualsCpu(() =>
    own()
      .filter(c("row").gt(5))
      .explode("list")
      .filter(c("list").eq(pl.lit("q")))
      .select("row", "list"),
  );
  await assertGpuEqualsCpu(() => own().explode("list").groupBy("list").agg(pl.len().as("n"), c("row").sum()).sort("list"));
  await assertGpuEqualsCpu(() => own().select(c("list").explode().dropNulls().head(5)));
  await assertGpuEqualsCpu(() => own().select("row", "list").explode("list").join(own().select("row", "str"), { on: "row", how: "left" }));
});

test("explode of lists whose lengths differ", async () => {
  const own = lists(frame).withColumns(c("list").list.head(1).as("short"));
  await assertSameError(() => own.lazy().explode("list", "short"));
  const pair = pl.DataFrame([pl.Series("a", [[1, 2], [], [3]], pl.List(pl.Int64)), pl.Series("b", [[1, 2], null, [3]], pl.List(pl.Int64))]);
  await assertQuietlyEqualsCpu(() => pair.lazy().explode("a", "b"));
});

test("unpivot", async () => {
  const own = () => frame.lazy().select("row", "str", "str2", "i8", "i32", "f64", "u16", "date", "bool", "cat");
  await assertGpuEqualsCpu(() => own().unpivot("row", ["str", "str2"]));
  await assertGpuEqualsCpu(() => own().unpivot(["row", "str"], ["i8", "i32", "f64", "u16"]));
  await assertGpuEqualsCpu(() => own().unpivot([], ["i8", "i8", "i32"].slice(1), { variableName: "which", valueName: "what" }));
  await assertGpuEqualsCpu(() => own().unpivot("str", ["date"]), {});
  await assertGpuEqualsCpu(() => own().unpivot(["row"], ["bool", "i8"]));
  await assertGpuEqualsCpu(() => own().head(0).unpivot("row", ["str", "str2"]));
  await assertGpuEqualsCpu(() =>
    own()
      .unpivot("row", ["i8", "i32"])
      .filter(c("variable").eq(pl.lit("i32")))
      .groupBy("variable")
      .agg(c("value").sum()),
  );
});

test("unnest", async () => {
  const own = () => frame.lazy().select("row", "struct", "str2");
  await assertGpuEqualsCpu(() => own().unnest("struct"));
  await assertGpuEqualsCpu(() => own().unnest(["struct"], "."));
  await assertGpuEqualsCpu(() => own().unnest("struct").filter(c("i32").gt(0)).select("str", "row"));
  await assertSameError(() => frame.lazy().select("str", "struct").unnest("struct"));
});
