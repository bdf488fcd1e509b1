/** groupByDynamic and groupByRolling over an index that ascends. */

import { aggregate } from "./expressions.ts";
import { every, exact, type Grower, list, node, over, quoted, scopeOf } from "./growing.ts";
import type { Random } from "./random.ts";
import { type ExprTree, exprText, type Field } from "./tree.ts";

/** Small whole numbers, so that polars does not walk over billions of empty windows. */
const INDEX = "pl.Int16";

/** Aggregates that polars does not make of running sums, which keep the errors of rows that left the window. */
const isExact = (expr: ExprTree): boolean => expr.noise === null && expr.args.every(isExact);
/** Places of the extreme value in windows without rows: polars gives 0 instead of null where it knows that a column is sorted. */
const isPlace = (expr: ExprTree): boolean => exprText(expr).includes(".arg");

const rollingOptions = (random: Random): string =>
  `period: "${random.pick([1, 2, 5, 40])}i"${random.chance(0.5) ? "" : `, offset: "${random.pick([-7, -2, -1, 0, 3])}i"`}`;

/** Without boundaries, which polars leaves out where there are no rows. */
const dynamicOptions = (random: Random, overlapping: boolean, labels: readonly string[]): string => {
  const every = random.pick([1, 3, 10, 100]);
  const period = overlapping ? every * 2 + 1 : random.pick([every, Math.ceil(every / 2)]);
  const more = [
    random.chance(0.3) ? `, offset: "${random.pick([-11, -1, 2, 15])}i"` : "",
    `, startBy: "${random.pick(["window", "window", "datapoint"])}", label: "${random.pick(labels)}"`,
  ];
  return `every: "${every}i", period: "${period}i"${more.join("")}`;
};

export const indexWindows: Grower = (growing) => {
  const { random, input, fields, fresh } = growing;
  const usable = exact(fields);
  const whole = usable.filter((f) => f.kind === "int");
  if (whole.length === 0) return null;
  const index = random.pick(whole);
  // Which zero a key is depends on the order of the rows.
  const keys: readonly Field[] = random.some(
    usable.filter((f) => f.kind !== "cat" && f.kind !== "float" && !f.kind.startsWith("nested")),
    0,
    2,
  );
  // Within groups polars takes the first datapoints of all windows for sorted.
  const labels = keys.length === 0 ? ["left", "right", "datapoint"] : ["left", "right"];
  const [name, rolling, overlapping] = [fresh(), random.chance(0.5), random.chance(0.5)];
  // Polars has kernels of its own for Float32, and for floats where the data has windows overlap.
  const known = fields.filter((f) => !keys.includes(f) && f.dtype !== "Float32" && (rolling || f.kind !== "float"));
  const scope = { ...scopeOf(growing, "groups"), fields: known };
  const made: ExprTree[] = [];
  for (let i = random.integer(1, 4); i > 0; i--) {
    const expr = aggregate(random, scope, 1);
    if (expr === null || !isExact(expr) || isPlace(expr) || exprText(expr).includes("Float32")) continue;
    const shown = fresh();
    made.push({ ...expr, args: [expr], text: (a) => `${a[0] ?? ""}.as(${JSON.stringify(shown)})`, scale: null });
  }
  if (made.length === 0) return null;
  const closed = random.pick(overlapping || rolling ? ["left", "right", "both", "none"] : ["left", "right", "none"]);
  const options = rolling ? rollingOptions(random) : dynamicOptions(random, overlapping, labels);
  const [method, by] = [rolling ? "groupByRolling" : "groupByDynamic", keys.length === 0 ? "" : `, by: [${quoted(keys)}]`];
  const call = `${method}({ indexColumn: "${name}", ${options}, closed: "${closed}"${by} })`;
  const ascending = `withColumns(pl.col(${JSON.stringify(index.name)}).cast(${INDEX}, false).cast(pl.Int64).as("${name}"))
    .filter(pl.col("${name}").isNotNull()).sort([pl.col("${name}")], [false], [false], true)`;
  return node("indexWindows", [input], (i, e) => over(i, `${ascending}.${call}.agg(${list(e)})`), {
    exprs: made,
    minExprs: 1,
    noise: new Map(),
    ordered: every,
    needsOrder: made.some((e) => e.needsOrder),
  });
};
