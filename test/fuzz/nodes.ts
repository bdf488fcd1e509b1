/** Every plan node that the fuzzer grows a plan by. */

import { asof, concat, diagonal, horizontal, join } from "./branches.ts";
import { aggregate, type ExprScope, elementary, expression, windowed } from "./expressions.ts";
import { every, exact, type Grower, type Growing, keeping, list, node, noiseOf, over, quoted, scopeOf } from "./growing.ts";
import { indexWindows } from "./index-windows.ts";
import { noiseLeft, scaleOf } from "./scales.ts";
import { type ExprTree, type Field, hasOrder, type Kind, type PlanTree } from "./tree.ts";

const KINDS: readonly Kind[] = ["bool", "int", "int", "float", "float", "str"];

interface Named {
  readonly name: string;
  readonly expr: ExprTree;
}

const aliased = (name: string, expr: ExprTree): Named => ({
  name,
  expr: { ...expr, args: [expr], text: (a) => `${a[0] ?? ""}.as(${JSON.stringify(name)})`, scale: null },
});

/** New columns of random kinds. */
function columns(growing: Growing, place: ExprScope["place"], low: number, high: number): readonly Named[] {
  const { random, fields, fresh } = growing;
  const scope = scopeOf(growing, place);
  const made: Named[] = [];
  for (let i = random.integer(low, high); i > 0; i--) {
    const kinds = [...KINDS, ...exact(fields).map((f) => f.kind)];
    const window = scope.windows && random.chance(0.15) ? windowed(random, scope) : null;
    const expr = window ?? expression(random, scope, random.pick(kinds), random.integer(0, 3));
    const inexact = expr !== null && window === null && place === "rows" && random.chance(0.3) ? elementary(random, expr) : null;
    const shown = inexact ?? expr;
    if (shown !== null) made.push(aliased(fresh(), shown));
  }
  return made;
}

const noiseWith = (fields: readonly Field[], named: readonly Named[]): PlanTree["noise"] =>
  noiseOf([...fields, ...named.map(({ name, expr }) => ({ name, noise: expr.noise }))]);

const column = (field: Field): Named => ({
  name: field.name,
  expr: {
    kind: field.kind,
    args: [],
    text: () => `pl.col(${JSON.stringify(field.name)})`,
    noise: field.noise,
    scale: null,
    scalar: false,
    needsOrder: false,
  },
});

const select: Grower = (growing) => {
  const { random, input, fields } = growing;
  const kept = random.some(fields, 0, fields.length).map(column);
  const named = [...kept, ...columns(growing, "rows", kept.length === 0 ? 1 : 0, 3)];
  if (named.length === 0) return null;
  const noise = noiseWith([], named);
  return node("select", [input], (i, e) => over(i, `select(${list(e)})`), { exprs: named.map((n) => n.expr), minExprs: 1, noise });
};

const withColumns: Grower = (growing) => {
  const named = columns(growing, "rows", 1, 4);
  if (named.length === 0) return null;
  const noise = noiseWith(growing.fields, named);
  const exprs = named.map((n) => n.expr);
  return node("withColumns", [growing.input], (i, e) => over(i, `withColumns(${list(e)})`), { exprs, minExprs: 1, noise });
};

const aggregates: Grower = (growing) => {
  const named: Named[] = [];
  for (let i = growing.random.integer(1, 5); i > 0; i--) {
    const expr = expression(growing.random, scopeOf(growing, "groups"), "int", 1);
    if (expr !== null) named.push(aliased(growing.fresh(), expr));
  }
  if (named.length === 0) return null;
  const noise = noiseWith([], named);
  const exprs = named.map((n) => n.expr);
  return node("select", [growing.input], (i, e) => over(i, `select(${list(e)})`), { exprs, minExprs: 1, noise, ordered: () => true });
};

const filter: Grower = (growing) => {
  const predicate = expression(growing.random, scopeOf(growing, "rows"), "bool", growing.random.integer(1, 3));
  return predicate === null
    ? null
    : keeping(growing, "filter", (i, e) => over(i, `filter(${list(e)})`), { exprs: [predicate], minExprs: 1 });
};

const slice: Grower = (growing) => {
  const { random } = growing;
  const n = random.pick([0, 1, 2, 5, 30, 200]);
  const call = random.pick([`head(${n})`, `tail(${n})`, `limit(${n})`, `slice(${random.pick([0, 1, 3, 40, -1, -4, -50])}, ${n})`]);
  return keeping(growing, "slice", (i) => over(i, call), { needsOrder: true });
};

const sort: Grower = (growing) => {
  const { random, fields } = growing;
  const usable = exact(fields).filter((f) => hasOrder(f.kind));
  const total = random.chance(0.3) && usable.length === fields.length;
  const by = random.some(usable, total ? usable.length : 1, total ? usable.length : 3);
  if (by.length === 0) return null;
  const flags = () => `[${list(by.map(() => String(random.chance(0.4))))}]`;
  const maintain = random.chance(0.6);
  const call = `sort([${list(by.map((f) => `pl.col(${JSON.stringify(f.name)})`))}], ${flags()}, ${flags()}, ${maintain})`;
  // Where no other column is left, polars sorts without keeping the order, which shows by -0 and 0.
  const settled = by.length > 1 || by.every((f) => f.kind !== "float");
  return keeping(growing, "sort", (i) => over(i, call), { ordered: (inputs) => maintain && settled && every(inputs) });
};

const groupBy: Grower = (growing) => {
  const { random, input, fields, fresh } = growing;
  const keys: Named[] = random.some(exact(fields), 1, 3).map(column);
  if (random.chance(0.25)) {
    const computed = expression(random, { ...scopeOf(growing, "rows"), windows: false }, random.pick<Kind>(["int", "bool", "str"]), 1);
    if (computed !== null) keys.push(aliased(fresh(), computed));
  }
  if (keys.length === 0) return null;
  const made: Named[] = [];
  const taken = new Set(keys.map((k) => k.name));
  const scope = { ...scopeOf(growing, "groups"), fields: fields.filter((f) => !taken.has(f.name)) };
  for (let i = random.integer(1, 4); i > 0; i--) {
    const expr = random.chance(0.8) ? aggregate(random, scope, 2) : expression(random, scope, "int", 1);
    if (expr !== null) made.push(aliased(fresh(), expr));
  }
  // Where the order of groups is open, polars leaves out a sort below, and which zero a key is with it.
  const maintain = random.chance(0.6) || keys.some((k) => k.expr.kind === "float");
  const noise = noiseWith([], [...keys, ...made]);
  return node(
    "groupBy",
    [input],
    (i, e) => over(i, `groupBy([${list(e.slice(0, keys.length))}], ${maintain}).agg(${list(e.slice(keys.length))})`),
    {
      exprs: [...keys, ...made].map((n) => n.expr),
      minExprs: keys.length + made.length,
      noise,
      ordered: (inputs) => maintain && every(inputs),
    },
  );
};

const unique: Grower = (growing) => {
  const { random, fields } = growing;
  const whole = exact(fields).length === fields.length && random.chance(0.4);
  const subset = random.some(exact(fields), 1, 3);
  if (subset.length === 0) return null;
  // Of rows that differ by the sign of a zero any may be the one that stays.
  const settled = fields.every((f) => f.kind !== "float");
  const keep = whole && settled ? random.pick(["first", "last", "none", "any"]) : random.pick(["first", "last", "none"]);
  const maintain = random.chance(0.7);
  const by = whole ? "" : `subset: [${quoted(subset)}], `;
  return keeping(growing, "unique", (i) => over(i, `unique({ ${by}keep: "${keep}", maintainOrder: ${maintain} })`), {
    ordered: (inputs) => maintain && every(inputs),
    needsOrder: !whole && keep !== "none",
  });
};

const rowIndex: Grower = (growing) => {
  const name = growing.fresh();
  const call = `withRowIndex(${JSON.stringify(name)}, ${growing.random.pick([0, 7])})`;
  return keeping(growing, "withRowIndex", (i) => over(i, call), { needsOrder: true });
};

/** All rows, or those whose key is not null and null rows in place of the others, by the places that they would be sorted to. */
const gathered: Grower = (growing) => {
  const { random, fields } = growing;
  const [key] = random.some(
    exact(fields).filter((f) => f.kind === "int" || f.kind === "str"),
    1,
    1,
  );
  if (key === undefined) return null;
  const rank = `pl.col(${JSON.stringify(key.name)}).rank("ordinal", ${random.chance(0.5)}).sub(1)`;
  return keeping(growing, "gather", (i) => over(i, `select(pl.all().gather(${rank}))`), { needsOrder: true });
};

const rename: Grower = (growing) => {
  const { random, fields, fresh, input } = growing;
  const some = random.some(fields, 1, 3).map((f) => [f, fresh()] as const);
  if (some.length === 0) return null;
  const names = list(some.map(([f, name]) => `${JSON.stringify(f.name)}: ${JSON.stringify(name)}`));
  const to = new Map(some.map(([f, name]) => [f.name, name]));
  const renamed = fields.map((f) => ({ ...f, name: to.get(f.name) ?? f.name }));
  return node("rename", [input], (i) => over(i, `rename({ ${names} })`), { noise: noiseOf(renamed) });
};

const drop: Grower = (growing) => {
  const gone = growing.random.some(growing.fields, 1, growing.fields.length - 1);
  return gone.length === 0 ? null : keeping(growing, "drop", (i) => over(i, `drop([${quoted(gone)}])`));
};

const dropNulls: Grower = (growing) => {
  const some = growing.random.some(growing.fields, 1, 2);
  const call = growing.random.chance(0.3) || some.length === 0 ? "dropNulls()" : `dropNulls([${quoted(some)}])`;
  return keeping(growing, "dropNulls", (i) => over(i, call));
};

const fillNan: Grower = (growing) =>
  growing.fields.some((f) => f.noise !== null) ? null : keeping(growing, "fillNan", (i) => over(i, "fillNan(1.5)"));

/** Statistics of whole frames, over their numeric columns. */
const statistics: Grower = (growing) => {
  const { random, input, fields } = growing;
  const numbers = random.some(
    exact(fields).filter((f) => f.kind === "int" || f.kind === "float"),
    1,
    4,
  );
  if (numbers.length === 0) return null;
  const fn = random.pick(["sum", "min", "max", "mean", "std", "var"]);
  const text = (f: Field, scaled: boolean): string => {
    const value = `pl.col(${JSON.stringify(f.name)})`;
    return (scaled ? scaleOf(fn, f.kind)?.(value) : undefined) ?? `${value}.${fn}()`;
  };
  const scales = list(numbers.map((f) => `${text(f, true)}.as(${JSON.stringify(f.name)})`));
  return node("statistics", [input], (i) => over(i, `select(${quoted(numbers)})\n    .${fn}()`), {
    noise: noiseOf(numbers.map(({ name, kind }) => ({ name, noise: noiseLeft(fn, kind) }))),
    scale: (i) => over(i, `select(${scales})`),
    ordered: () => true,
  });
};

/** Plans that polars rejects, for one reason or another. */
const mistake: Grower = (growing) => {
  const { random, fields } = growing;
  const [some] = random.some(fields, 1, 1);
  if (some === undefined) return null;
  const name = JSON.stringify(some.name);
  const call = random.pick([
    'select("absent")',
    `withColumns(pl.col("absent").sum().as(${name}))`,
    `filter(pl.col(${name}).plus(pl.lit("x")))`,
    `select(pl.col(${name}), pl.len().as(${name}))`,
    `groupBy(${name}).agg(pl.col("absent").max())`,
    `sort("absent")`,
    `rename({ absent: "x" })`,
    `withRowIndex(${name})`,
    `drop("absent")`,
    `join(${"s0"}.lazy().select(pl.lit(true).as("no")), { leftOn: ${name}, rightOn: "absent" })`,
  ]);
  return keeping(growing, "mistake", (i) => over(i, call));
};

const cache: Grower = (growing) => keeping(growing, "cache", (i) => over(i, "cache()"));

/** The nodes that give for each row of the input one row or none, whatever the other rows are. */
export const ROW_WISE: readonly Grower[] = [
  ...[select, withColumns, withColumns, withColumns, filter, filter],
  ...[rename, drop, dropNulls, fillNan, cache],
];

export const GROWERS: readonly Grower[] = [
  ...[select, select, withColumns, withColumns, withColumns, filter, filter, filter, slice, sort, sort, groupBy, groupBy, groupBy],
  ...[
    join,
    join,
    join,
    asof,
    indexWindows,
    unique,
    concat,
    diagonal,
    horizontal,
    rowIndex,
    gathered,
    rename,
    drop,
    dropNulls,
    fillNan,
    statistics,
    aggregates,
    cache,
    mistake,
  ],
];
