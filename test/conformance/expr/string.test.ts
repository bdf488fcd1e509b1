/** Text and other looked-up columns: CPU polars evaluates the dictionary, the device looks up; unicode, empty and long texts. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import pl from "nodejs-polars";
import { everyDtype, FIXTURES } from "../../../src/conformance/fixture.ts";
import { frameDifference } from "../../../src/fallback/frame-difference.ts";
import { GPUEngine } from "../../../src/index.ts";
import { assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
/** One engine for the file: 203 rows are four partitions, smaller fixtures one. */
const partitions = [64];
const col = pl.col;
const str = col("str");

const functions = () => [
  str.str.contains("pp").as("contains"),
  str.str.contains("^[a-z]+$").as("matches"),
  str.str.startsWith("a").as("startsWith"),
  str.str.endsWith("e").as("endsWith"),
  str.str.slice(1, 3).as("slice"),
  str.str.slice(-2, 2).as("slice from the end"),
  str.str.replace("p", "P").as("replace"),
  str.str.replaceAll("p", "").as("replaceAll"),
  str.str.toLowerCase().as("lower"),
  str.str.toUpperCase().as("upper"),
  str.str.lengths().as("lengths"),
  str.str.strip().as("strip"),
  str.str.padStart(8, "*").as("padStart"),
  str.str.zFill(5).as("zFill"),
  str.str.extract("(\\w)(\\w)", 2).as("extract"),
  str.str.strptime(pl.Date, "%Y-%m-%d").as("date"),
  str.str.split(",").as("split"),
  str.str.encode("hex").as("hex"),
  str.cast(pl.Float64).as("number"),
];

for (const { name, frame: sized } of FIXTURES)
  test(`functions of one text column over ${name}`, () => assertGpuEqualsCpu(() => sized.lazy().select(...functions()), { partitions }));

test("what a lookup gives goes on in other expressions", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          col("list").list.lengths().add(col("small")).as("length + number"),
          str.str.contains("a").and(col("bool")).as("and"),
          pl.when(str.str.startsWith("a")).then(col("small")).otherwise(pl.lit(null)).as("chosen"),
          str.str.toUpperCase().eq(col("str2").str.toUpperCase()).as("equal without case"),
          str.str.slice(0, 1).isIn(["a", "B"]).as("initial"),
          str.str.strptime(pl.Date, "%Y-%m-%d").dt.year().as("year"),
        ),
    { partitions },
  ));

test("LIKE and text functions of SQL", () =>
  assertGpuEqualsCpu(
    () =>
      pl.SQLContext({ f: frame.lazy() }).execute(
        `SELECT str LIKE 'a%' AS l, str NOT LIKE '%p_e%' AS n, UPPER(str) AS u, LENGTH(str) AS chars, OCTET_LENGTH(str) AS bytes, SUBSTR(str, 2, 3) AS s,
          str IS NULL AS missing, LEFT(str, 2) AS head, REVERSE(str) AS reversed, STARTS_WITH(str, 'a') AS starts FROM f WHERE str <> 'zzz'`,
      ),
    { partitions },
  ));

test("categories, decimals, lists, structs and bytes by lookup", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          col("cat"),
          col("cat").cast(pl.String).str.toUpperCase().as("upper"),
          col("dec").mul(2).as("doubled"),
          col("dec").cast(pl.Float64).add(col("f64")).as("dec + f64"),
          col("list").list.lengths().as("list lengths"),
          col("list").list.get(0).as("first item"),
          col("list").list.join("|").as("joined"),
          col("struct").struct.field("i32").as("field"),
          col("bin").cast(pl.String).as("bytes"),
        ),
    { partitions },
  ));

test("functions of two text columns see their combinations", async () => {
  await assertGpuEqualsCpu(() => frame.lazy().select(pl.concatString([col("str"), col("str2")])), { partitions });
  await assertGpuEqualsCpu(() => frame.lazy().select(col("str").str.contains(col("str2"), true, false)), { partitions });
  await assertGpuEqualsCpu(() => frame.lazy().select(col("i32").cast(pl.String)), { partitions });
});

test("the format of times that the first text tells is that of the first row", async () => {
  const texts = pl.DataFrame({ row: [0, 1, 2], text: ["31/12/1999", "2020-01-02", "2021-03-04"] });
  const query = () => texts.lazy().filter(col("row").gt(0)).select(col("row").add(1), pl.col("text").str.strptime(pl.Date).as("date"));
  const engine = new GPUEngine({ warn: "silent" });
  assert.equal(frameDifference(await query().collect(), await query().collect({ engine }), {}), null);
  await engine.close();
});
