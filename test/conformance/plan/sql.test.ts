/** SQL through SQLContext: joins, grouping, ordering, conditions; the whole query on the GPU. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { everyDtype } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const a = everyDtype(40).select("row", "k", "g", "small", "small2", "str", "bool", "date");
const b = everyDtype(25, "none").select("row", "k", "str", "small2");
const query = (sql: string) => () => pl.SQLContext({ a: a.lazy(), b: b.lazy() }).execute(sql);
const PARTITIONS = { partitions: [null, 7] } as const;

const ORDERED: readonly string[] = [
  "SELECT row, small + small2 AS s, small * 2 AS d FROM a WHERE small > 0 AND str IS NOT NULL ORDER BY row",
  "SELECT k, g, COUNT(*) AS n, SUM(small) AS s, MAX(str) AS m FROM a GROUP BY k, g ORDER BY k, g",
  "SELECT k, SUM(small) AS s FROM a GROUP BY k HAVING SUM(small) > 0 ORDER BY s DESC, k",
  "SELECT k, g FROM a GROUP BY k, g HAVING COUNT(*) > 2 AND MAX(small) IS NOT NULL ORDER BY k, g",
  "SELECT a.row, b.row AS other FROM a JOIN b ON a.k = b.k WHERE b.small2 > a.small ORDER BY a.row, other LIMIT 20",
  "SELECT a.row, b.str FROM a LEFT JOIN b ON a.row = b.row ORDER BY a.row",
  "SELECT row, CASE WHEN small > 5 THEN 'high' WHEN small < -5 THEN 'low' ELSE 'mid' END AS level FROM a ORDER BY row",
  "SELECT row, str FROM a WHERE str LIKE '%a%' OR str LIKE 'B%' ORDER BY row",
  "SELECT row FROM a WHERE k IN (1, 3) AND g IN ('a', 'b') ORDER BY row DESC LIMIT 7 OFFSET 2",
  "SELECT DISTINCT k, bool FROM a ORDER BY k, bool",
  "SELECT row, COALESCE(small, 0) AS c, small BETWEEN -3 AND 3 AS near FROM a ORDER BY row NULLS LAST",
  "WITH t AS (SELECT k, MAX(small) AS m FROM a GROUP BY k) SELECT a.row, t.m FROM a JOIN t ON a.k = t.k WHERE a.small = t.m ORDER BY a.row",
  "SELECT row, k FROM a WHERE row < 4 UNION ALL SELECT row, k FROM b WHERE row > 20 ORDER BY row, k",
  "SELECT EXTRACT(YEAR FROM date) AS y, COUNT(*) AS n FROM a GROUP BY y ORDER BY y NULLS FIRST LIMIT 9",
  "SELECT MIN(small) AS lo, MAX(small) AS hi, COUNT(str) AS n, COUNT(DISTINCT k) AS d FROM a",
  "SELECT row FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.row = a.row) ORDER BY row",
  "SELECT row FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k) ORDER BY row",
  "SELECT row, date + INTERVAL '3 days' AS d FROM a WHERE date > DATE '2000-01-01' - INTERVAL '1 year' ORDER BY row",
  "SELECT row, CASE k WHEN 1 THEN 'x' WHEN 2 THEN 'y' END AS c, NULLIF(k, 1) AS n, GREATEST(small, small2) AS g FROM a ORDER BY row",
  "SELECT row, small / 3 AS q, small // 3 AS w, small % 3 AS m, -small AS n FROM a ORDER BY row",
  "SELECT row FROM a WHERE str ILIKE '%A%' AND str NOT LIKE '_p%' ORDER BY row",
  "SELECT k FROM a INTERSECT SELECT k FROM b ORDER BY k",
  "SELECT k FROM a EXCEPT SELECT k FROM b ORDER BY k",
  "SELECT k FROM a UNION SELECT k FROM b ORDER BY k",
  "SELECT row, SUM(small) OVER (PARTITION BY k) AS n FROM a ORDER BY row",
  "SELECT SUM(small) FILTER (WHERE k > 1) AS s FROM a",
];

for (const sql of ORDERED) test(sql, () => assertGpuEqualsCpu(query(sql), PARTITIONS));

test("averages within the rounding of sums", () =>
  assertGpuEqualsCpu(query("SELECT k, AVG(small) AS m, STDDEV(small2) AS s FROM a GROUP BY k ORDER BY k"), { ...PARTITIONS, rel: 1e-12 }));

test("a list of values from a subquery runs on CPU polars", () =>
  assertFallsBack(query("SELECT row FROM a WHERE k IN (SELECT k FROM b WHERE small2 > 3) ORDER BY row"), /IsIn a computed list/));

test("errors of polars", async () => {
  await assertSameError(query("SELECT absent FROM a"));
  await assertSameError(query("SELECT row + str FROM a"));
});
