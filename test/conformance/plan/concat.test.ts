/** Concatenation: vertical, diagonal and horizontal; dictionaries of several frames; cached inputs. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { everyDtype } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const a = everyDtype(40).drop(["null"]);
const b = everyDtype(7, "none").drop(["null"]);
const c = pl.col;
const PARTITIONS = [null, 3] as const;

test("vertical: every dtype, of frames with and without nulls and of nothing", () =>
  assertGpuEqualsCpu(() => pl.concat([a.lazy(), b.lazy(), a.lazy().head(0), b.lazy().tail(2)]), { partitions: PARTITIONS }));

test("vertical, then grouped, sorted, joined and filtered by strings of several dictionaries", async () => {
  const both = () => pl.concat([a.lazy().select("row", "str", "g", "cat"), b.lazy().select("row", "str", "g", "cat")]);
  await assertGpuEqualsCpu(() => both().groupBy(["str"], true).agg(pl.len().as("n"), c("row").sum().as("s")), { partitions: PARTITIONS });
  await assertGpuEqualsCpu(() => both().sort([c("g"), c("str"), c("row")], [false, true, false], [true, false, false], true), {
    partitions: PARTITIONS,
  });
  await assertGpuEqualsCpu(
    () =>
      both().filter(
        c("str")
          .str.contains("a")
          .or(c("g").eq(pl.lit("b"))),
      ),
    { partitions: PARTITIONS },
  );
  await assertGpuEqualsCpu(() => both().join(both().select(c("str"), c("row").as("other")), { on: "str", how: "semi" }), {
    partitions: PARTITIONS,
  });
});

test("diagonal: columns that some frames lack", () =>
  assertGpuEqualsCpu(
    () =>
      pl.concat([a.lazy().select("row", "i64", "str"), b.lazy().select("str", "f64", "cat"), a.lazy().select("list")], { how: "diagonal" }),
    { partitions: PARTITIONS },
  ));

test("horizontal: frames of other lengths are padded", async () => {
  const named = (frame: typeof a, suffix: string) =>
    frame.lazy().select(...["row", "i64", "str", "bool", "f32"].map((n) => c(n).as(`${n}${suffix}`)));
  await assertGpuEqualsCpu(() => pl.concat([named(a, "1"), named(b, "2")], { how: "horizontal" }), { partitions: PARTITIONS });
  await assertGpuEqualsCpu(
    () => pl.concat([named(b, "1").head(0), named(b, "2"), named(a, "3").filter(c("bool3"))], { how: "horizontal" }),
    { partitions: PARTITIONS },
  );
});

test("a cached input that is read twice", async () => {
  await assertGpuEqualsCpu(
    () => {
      const cached = a.lazy().filter(c("small").gt(0)).select("row", "small", "str").cache();
      return pl.concat([cached, cached.filter(c("str").isNotNull()), cached.join(cached, { on: "row", how: "semi" })]);
    },
    { partitions: PARTITIONS },
  );
});

test("frames of other columns", () => assertSameError(() => pl.concat([a.lazy().select("row"), b.lazy().select("str")])));
