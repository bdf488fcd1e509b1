/** Plan nodes that read several inputs: joins and concatenations. */

import { expression } from "./expressions.ts";
import { every, exact, type Grower, keeping, list, node, noiseOf, over, quoted, scopeOf } from "./growing.ts";
import type { Field, PlanTree } from "./tree.ts";

const HOW = ["inner", "inner", "left", "left", "right", "full", "semi", "anti", "cross"] as const;
/** Polars takes the order of a join for undefined unless it is asked for. */
const ORDERS: Readonly<Record<string, string>> = {
  inner: "left_right",
  left: "left_right",
  right: "right_left",
  semi: "left",
  anti: "left",
};

export const join: Grower = (growing) => {
  const { random, input, fields } = growing;
  const right = growing.other();
  if (right === null || right.rejected) return null;
  const how = random.pick(HOW);
  const usable = exact(right.fields);
  const pairs = exact(fields).flatMap((l) =>
    usable.filter((r) => (l.dtype === r.dtype || (l.kind === "int" && r.kind === "int")) && l.kind !== "cat").map((r) => [l, r] as const),
  );
  const coalesces = how === "full" && random.chance(0.5);
  // A filter that makes an inner join of a right join leaves the left key's dtype in CPU polars, against the plan's schema.
  const drawn = random.some(coalesces || how === "right" ? pairs.filter(([l, r]) => l.dtype === r.dtype) : pairs, 1, 2);
  /** Polars panics where a key column is coalesced twice. */
  const chosen = drawn.filter(([l, r], i) => drawn.findIndex(([a, b]) => a === l || b === r) === i);
  if (how !== "cross" && chosen.length === 0) return null;
  const on = how === "cross" ? "" : `leftOn: [${quoted(chosen.map(([l]) => l))}], rightOn: [${quoted(chosen.map(([, r]) => r))}], `;
  const order = random.chance(0.5) ? ORDERS[how] : undefined;
  const more = [
    order === undefined ? "" : `maintainOrder: "${order}", `,
    random.chance(0.3) ? 'suffix: "_r", ' : "",
    random.chance(0.25) && how !== "cross" ? "nullsEqual: true, " : "",
    coalesces ? "coalesce: true, " : "",
  ].join("");
  const noise = new Map([...noiseOf(right.fields)].flatMap(([n, e]) => [n, `${n}right`, `${n}_r`].map((x) => [x, e] as const)));
  const small = how === "cross" ? ".head(4)" : "";
  return node(
    how === "cross" ? "cross" : "join",
    [input, right.plan],
    (i) => over(i, `join(${i[1] ?? ""}${small}, { ${on}${more}how: "${how}" })`),
    {
      noise: new Map([...noise, ...noiseOf(fields)]),
      ordered: (inputs) => order !== undefined && every(inputs),
      needsOrder: how === "cross",
    },
  );
};

/** The nearest row of the other side, whose keys have to ascend. */
export const asof: Grower = (growing) => {
  const { random, input, fields } = growing;
  const right = growing.other();
  if (right === null || right.rejected) return null;
  const ascending = (f: Field): boolean => f.kind === "int" || f.kind === "date" || f.kind.startsWith("datetime");
  const pairs = exact(fields).flatMap((l) =>
    exact(right.fields)
      .filter((r) => l.dtype === r.dtype && ascending(l))
      .map((r) => [l, r] as const),
  );
  const [[l, r] = []] = random.some(pairs, 1, 1);
  if (l === undefined || r === undefined) return null;
  const sorted = (text: string, key: string): string =>
    `${text}\n    .dropNulls([${key}])\n    .sort([pl.col(${key})], [false], [false], true)`;
  const [leftKey, rightKey] = [JSON.stringify(l.name), JSON.stringify(r.name)];
  const strategy = random.pick(["backward", "forward", "nearest"]);
  const options = `{ leftOn: ${leftKey}, rightOn: ${rightKey}, strategy: "${strategy}" }`;
  const noise = noiseOf([...right.fields.flatMap((f) => [f, { ...f, name: `${f.name}_right` }]), ...fields]);
  return node(
    "joinAsof",
    [input, right.plan],
    (i) => `${sorted(i[0] ?? "", leftKey)}\n    .joinAsof(${sorted(i[1] ?? "", rightKey)}, ${options})`,
    {
      noise,
      needsOrder: true,
    },
  );
};

export const concat: Grower = (growing) => {
  const { random, input } = growing;
  const predicate = expression(random, scopeOf(growing, "rows"), "bool", 1);
  if (predicate === null) return null;
  return keeping(growing, "concat", (i, e) => `pl.concat([${i[0] ?? ""}, ${i[0] ?? ""}\n    .filter(${list(e)})])`, {
    exprs: [predicate],
    minExprs: 1,
    noise: input.noise,
  });
};

/** Kinds whose dtypes have a common one that the device casts to. */
const CASTS: ReadonlySet<string> = new Set(["int", "float", "bool"]);

export const diagonal: Grower = (growing) => {
  const right = growing.other();
  if (right === null || right.rejected) return null;
  const apart = right.fields.some((r) =>
    growing.fields.some(
      (l) => l.name === r.name && l.dtype !== r.dtype && !(CASTS.has(l.kind) && CASTS.has(r.kind) && l.noise === null && r.noise === null),
    ),
  );
  if (apart) return null;
  const noise = new Map([...noiseOf(right.fields), ...noiseOf(growing.fields)]);
  return node("diagonal", [growing.input, right.plan], (i) => `pl.concat([${list(i)}], { how: "diagonal" })`, { noise });
};

export const horizontal: Grower = (growing) => {
  const right = growing.other();
  if (right === null || right.rejected) return null;
  const renamed = right.fields.map((f) => [f, growing.fresh()] as const);
  const names = list(renamed.map(([f, name]) => `${JSON.stringify(f.name)}: ${JSON.stringify(name)}`));
  const noise = noiseOf([...growing.fields, ...renamed.map(([f, name]) => ({ name, noise: f.noise }))]);
  const text: PlanTree["text"] = (i) => `pl.concat([${i[0] ?? ""}, ${i[1] ?? ""}\n    .rename({ ${names} })], { how: "horizontal" })`;
  return node("horizontal", [growing.input, right.plan], text, { noise, needsOrder: true });
};
