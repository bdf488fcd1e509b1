/** Pairs of queries that have to give the same, whatever that is: what holds between answers of the engine without an oracle. */

import { expression } from "./expressions.ts";
import type { SourceFrame } from "./frames.ts";
import { node, over } from "./growing.ts";
import { GROWERS, ROW_WISE } from "./nodes.ts";
import { PlanMaker, type Shape } from "./plans.ts";
import { Random } from "./random.ts";
import { type Execution, partitioned } from "./run.ts";
import type { Case } from "./shrink.ts";
import { exprText, hasOrder, isOrdered, type PlanTree, planNodes, planText } from "./tree.ts";

export interface Side {
  /** Source text over the frames s0, s1, ... */
  readonly text: string;
  readonly frames: readonly SourceFrame[];
  readonly execution: Execution;
}

export interface Pair {
  readonly left: Side;
  readonly right: Side;
  /** Whether the rows have to be in the same order. */
  readonly ordered: boolean;
}

/** A shape of plans, and the pair that a case of it makes: the same for the same case; null where it makes none. */
export interface Related {
  readonly shape: Shape;
  readonly pair: (found: Case) => Pair | null;
}

export interface Relation {
  readonly name: string;
  readonly draw: (random: Random) => Related;
}

const DEPTH = 3;
const DEFAULT: Execution = {};
const EXECUTIONS: readonly Execution[] = [
  partitioned(1),
  partitioned(3),
  partitioned(50),
  { executor: "in-memory" },
  { executor: "streaming", executorOptions: { engine: "tasks", maxRowsPerPartition: 3 } },
  { executor: "streaming", executorOptions: { engine: "rapidsmpf", maxRowsPerPartition: 3 } },
];

const anyShape = (random: Random): Shape => new PlanMaker(random).make(random.integer(1, DEPTH));
const rowWise = (random: Random): Shape =>
  new PlanMaker(random, { growers: ROW_WISE, ordered: true, windows: false }).make(random.integer(1, 4));

/** The same frames and the same execution for both texts. */
const texts = (frames: readonly SourceFrame[], execution: Execution, left: string, right: string, ordered: boolean): Pair => ({
  left: { text: left, frames, execution },
  right: { text: right, frames, execution },
  ordered,
});

const rowsOf = (frame: SourceFrame | undefined): number => frame?.columns[0]?.values.length ?? 0;

/** The plan over another source. */
const withSource = (plan: PlanTree, source: string): PlanTree =>
  plan.node === "source" ? node("source", [], () => source) : { ...plan, inputs: plan.inputs.map((p) => withSource(p, source)) };

/** Whether a select of constants makes one row of any number of rows. */
const isRowWise = (plan: PlanTree): boolean =>
  plan.inputs.every(isRowWise) && !(plan.node === "select" && plan.exprs.every((e) => e.scalar));

/** The first rows of the only source and the others, as source texts. */
function halves(found: Case, part: number): readonly [string, string] | null {
  if (found.frames.length !== 1 || !isRowWise(found.plan)) return null;
  const rows = rowsOf(found.frames[0]);
  const first = Math.floor(rows * part);
  return [`s0.slice(0, ${first}).lazy()`, `s0.slice(${first}, ${rows - first}).lazy()`];
}

const executions: Relation = {
  name: "every way of execution gives the same bits",
  draw: (random) => {
    const execution = random.pick(EXECUTIONS);
    const pair = ({ plan, frames }: Case): Pair => {
      const text = planText(plan);
      return { left: { text, frames, execution: DEFAULT }, right: { text, frames, execution }, ordered: isOrdered(plan) };
    };
    return { shape: anyShape(random), pair };
  },
};

const again: Relation = {
  name: "a second run gives the same bits",
  draw: (random) => {
    const execution = random.pick([DEFAULT, partitioned(3)]);
    return { shape: anyShape(random), pair: ({ plan, frames }) => texts(frames, execution, planText(plan), planText(plan), true) };
  },
};

const split: Relation = {
  name: "what is done row by row may be done to parts of the rows",
  draw: (random) => {
    const [part, execution] = [random.next(), random.pick([DEFAULT, partitioned(3)])];
    const pair = (found: Case): Pair | null => {
      const parts = halves(found, part);
      if (parts === null) return null;
      const united = parts.map((source) => planText(withSource(found.plan, source))).join(", ");
      return texts(found.frames, execution, planText(found.plan), `pl.concat([${united}])`, true);
    };
    return { shape: rowWise(random), pair };
  },
};

const parts: Relation = {
  name: "aggregates of parts make the aggregates of the whole",
  draw: (random) => {
    const shape = rowWise(random);
    const exact = shape.fields.filter((f) => hasOrder(f.kind) && !f.kind.startsWith("decimal"));
    const keys = random.some(exact, 1, 2);
    const rest = exact.filter((f) => !keys.includes(f));
    const column = (name: string): string => `pl.col(${JSON.stringify(name)})`;
    const by = `groupBy([${keys.map((k) => column(k.name)).join(", ")}], true)`;
    const first = [['pl.len().as("n")', 'pl.col("n").sum()']];
    for (const f of rest) {
      for (const method of f.kind === "int" ? ["sum", "min", "max", "count"] : ["min", "max", "count"]) {
        const name = `${f.name}_${method}`;
        first.push([`${column(f.name)}.${method}().as("${name}")`, `${column(name)}.${method === "count" ? "sum" : method}()`]);
      }
    }
    const [part, execution] = [random.next(), random.pick([DEFAULT, partitioned(3)])];
    const pair = (found: Case): Pair | null => {
      const sources = halves(found, part);
      if (sources === null || keys.length === 0) return null;
      const whole = (plan: PlanTree): string => over([planText(plan)], `${by}.agg(${first.map(([once]) => once).join(", ")})`);
      const united = sources.map((source) => whole(withSource(found.plan, source))).join(", ");
      const joined = over([`pl.concat([${united}])`], `${by}.agg(${first.map(([, twice]) => twice).join(", ")})`);
      return texts(found.frames, execution, whole(found.plan), joined, true);
    };
    return { shape, pair };
  },
};

const shuffled = (frame: SourceFrame, seed: number): SourceFrame => {
  const order = new Random(seed).some(
    Array.from({ length: rowsOf(frame) }, (_, row) => row),
    rowsOf(frame),
    rowsOf(frame),
  );
  return { columns: frame.columns.map((c) => ({ ...c, values: order.map((row) => c.values[row] ?? "null") })) };
};

/** -0 and 0 make one group, which is shown as the one that came first. */
const unsigned = (frame: SourceFrame): SourceFrame => ({
  columns: frame.columns.map((c) => ({ ...c, values: c.values.map((v) => (v === "-0" ? "0" : v)) })),
});

const permuted: Relation = {
  name: "rows in another order give the same rows",
  draw: (random) => {
    const shape = new PlanMaker(random, { growers: GROWERS, ordered: false, windows: true }).make(random.integer(1, DEPTH));
    const [seed, execution] = [random.integer(0, 1e9), random.pick([DEFAULT, partitioned(3)])];
    const pair = ({ plan, frames }: Case): Pair => {
      const plain = frames.map(unsigned);
      const text = planText(plan);
      const other = plain.map((f, i) => shuffled(f, seed + i));
      return { left: { text, frames: plain, execution }, right: { text, frames: other, execution }, ordered: false };
    };
    return { shape, pair };
  },
};

const threeWays: Relation = {
  name: "rows where a predicate holds, where it does not and where it is null make all rows",
  draw: (random) => {
    const shape = anyShape(random);
    const scope = { fields: shape.fields, ordered: false, place: "rows", windows: false } as const;
    const predicate = expression(random, scope, "bool", 2);
    const execution = random.pick([DEFAULT, partitioned(3)]);
    const pair = ({ plan, frames }: Case): Pair | null => {
      if (predicate === null) return null;
      const [text, holds] = [planText(plan), exprText(predicate)];
      const ways = [holds, `${holds}.not()`, `${holds}.isNull()`].map((p) => over([text], `filter(${p})`));
      return texts(frames, execution, text, `pl.concat([${ways.join(", ")}])`, false);
    };
    return { shape, pair };
  },
};

/** Text around a plan's text that changes nothing. */
const IDENTITIES: readonly ((text: string) => string)[] = [
  (text) => over([text], "filter(pl.lit(true))"),
  (text) => over([text], "select(pl.all())"),
  (text) => over([text], "cache()"),
  (text) => over([text], "head(1000000000)"),
  (text) => over([text], 'withRowIndex("zz").drop("zz")'),
  (text) => over([text], 'withColumns(pl.lit(0).as("zz")).drop("zz")'),
  (text) => `pl.concat([${text}, ${text}\n    .head(0)])`,
];

/** The plan with the text of its n-th node changed, the root being node 0. */
function changed(plan: PlanTree, n: number, change: (text: string) => string): PlanTree {
  if (n === 0) return { ...plan, text: (i, e) => change(plan.text(i, e)) };
  let before = 1;
  const inputs = plan.inputs.map((input) => {
    const [at, size] = [n - before, planNodes(input)];
    before += size;
    return at >= 0 && at < size ? changed(input, at, change) : input;
  });
  return { ...plan, inputs };
}

const redundant: Relation = {
  name: "what changes nothing changes nothing",
  draw: (random) => {
    const shape = anyShape(random);
    const [at, execution] = [random.integer(0, 1000), random.pick([DEFAULT, partitioned(3)])];
    const casts = shape.fields.filter((f) => /^(?:U?Int(?:8|16|32|64)|Float(?:32|64)|String|Date|Time)$/.test(f.dtype));
    const own = (name: string, more: string): string => `pl.col(${JSON.stringify(name)})${more}`;
    const cast = casts.map((f) => own(f.name, `.cast(pl.${f.dtype})`)).join(", ");
    const some = own(shape.fields[0]?.name ?? "", "");
    const top = [...IDENTITIES, ...IDENTITIES].slice(0, 3);
    if (casts.length > 0) top.push((text) => over([text], `withColumns(${cast})`));
    if (shape.fields.length > 0) top.push((text) => over([text], `filter(${some}.isNull().or(${some}.isNotNull()))`));
    const outside = random.chance(0.5);
    const change = random.pick(outside ? top : IDENTITIES);
    const pair = ({ plan, frames }: Case): Pair =>
      texts(frames, execution, planText(plan), planText(changed(plan, outside ? 0 : at % planNodes(plan), change)), isOrdered(plan));
    return { shape, pair };
  },
};

export const RELATIONS: readonly Relation[] = [executions, executions, again, split, parts, permuted, threeWays, redundant];
