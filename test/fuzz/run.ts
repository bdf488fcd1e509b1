/** Runs a plan on both sides and says how the results differ. */

import type { DataFrame } from "nodejs-polars";
import { type Cell, type CellColumn, cellColumns } from "../../src/fallback/cells.ts";
import { sameBytes } from "../../src/fallback/frame-difference.ts";
import { sortedRows } from "../../src/fallback/frame-order.ts";
import { GPUEngine, type GPUEngineOptions, UnsupportedError } from "../../src/index.ts";
import { dataFrame, lazyFrame } from "./evaluate.ts";
import type { SourceFrame } from "./frames.ts";
import { near } from "./scales.ts";
import { isOrdered, type PlanTree, planText, scaleText } from "./tree.ts";

/** `class` says whether two failures are of the same sort; a shrunk plan has to fail like the plan that it came from. */
export interface Failure {
  readonly class: "unsupported" | "error" | "difference";
  readonly message: string;
}

export type Outcome = { readonly frame: DataFrame } | { readonly error: unknown };

export const attempt = async (run: () => Promise<DataFrame>): Promise<Outcome> => {
  try {
    return { frame: await run() };
  } catch (error) {
    return { error };
  }
};

/** The message without the random numbers that polars gives to caches. */
export const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/CACHE\[id: [^\]]*\]/g, "CACHE");

export type EngineLimits = NonNullable<GPUEngineOptions["limits"]>;

/** The options that say how a plan is executed, and leave open on what. */
export type Execution = Pick<GPUEngineOptions, "executor" | "executorOptions">;

/** Partitions of so many rows; null: as the engine sees fit. */
export const partitioned = (rows: number | null): Execution => (rows === null ? {} : { executorOptions: { maxRowsPerPartition: rows } });

/** Engines by how they execute; each has a device of its own, so that there should be few. */
export class Engines {
  readonly #engines = new Map<string, GPUEngine>();
  readonly #limits: EngineLimits;

  constructor(limits: EngineLimits) {
    this.#limits = limits;
  }

  for(execution: Execution): GPUEngine {
    const key = JSON.stringify(execution);
    const known = this.#engines.get(key);
    if (known !== undefined) return known;
    const engine = new GPUEngine({ raiseOnFail: true, warn: "silent", limits: this.#limits, ...execution });
    this.#engines.set(key, engine);
    return engine;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#engines.values()].map((e) => e.close()));
    this.#engines.clear();
  }
}

/** What polars says against a plan. Any other error is one of its data, or a panic, which on another thread ends the process. */
const REJECTION = "Resolved plan until failure";

/** Null: the plan gives the same on both sides, or both reject it with the same words, or CPU polars fails on the data. */
export async function failureOf(plan: PlanTree, sources: readonly SourceFrame[], engine: GPUEngine): Promise<Failure | null> {
  const frames = sources.map(dataFrame);
  const query = lazyFrame(planText(plan), frames);
  const cpu = await attempt(async () => query.collectSync());
  if ("error" in cpu && !messageOf(cpu.error).includes(REJECTION)) return null;
  const gpu = await attempt(() => query.collect({ engine }));
  if ("error" in cpu) {
    const expected = messageOf(cpu.error);
    if ("frame" in gpu) return { class: "error", message: `CPU polars rejects the plan, the engine does not: ${expected}` };
    const actual = messageOf(gpu.error);
    return actual === expected ? null : { class: "error", message: `expected the error: ${expected}\ngot: ${actual}` };
  }
  if ("error" in gpu) {
    const name = gpu.error instanceof Error ? `${gpu.error.name}: ` : "";
    return { class: gpu.error instanceof UnsupportedError ? "unsupported" : "error", message: `${name}${messageOf(gpu.error)}` };
  }
  if (sameBytes(cpu.frame, gpu.frame)) return null;
  const [expected, actual] = [cellColumns(cpu.frame), cellColumns(gpu.frame)];
  const found = difference(expected, actual, cpu.frame.height, gpu.frame.height, plan, () => scalesOf(plan, frames));
  return found === null ? null : { class: "difference", message: found };
}

const scalesOf = (plan: PlanTree, frames: readonly DataFrame[]): readonly CellColumn[] =>
  cellColumns(lazyFrame(scaleText(plan), frames).collectSync());

function difference(
  expected: readonly CellColumn[],
  actual: readonly CellColumn[],
  rows: number,
  others: number,
  plan: PlanTree,
  scales: () => readonly CellColumn[],
): string | null {
  const schema = (columns: readonly CellColumn[]) => columns.map((c) => `${c.name}: ${c.dtype}`).join(", ");
  if (schema(expected) !== schema(actual)) return `schema: expected ${schema(expected)}; got ${schema(actual)}`;
  if (rows !== others) return `rows: expected ${rows}, got ${others}`;
  const ordered = isOrdered(plan);
  const arranged = (columns: readonly CellColumn[]) => (ordered ? columns : sorted(columns, rows, plan));
  const [want, have] = [arranged(expected), arranged(actual)];
  let scale: ScaleOf | null = null;
  for (const [c, column] of want.entries()) {
    const noise = plan.noise.get(column.name) ?? null;
    for (const [row, cell] of column.cells.entries()) {
      const got = have[c]?.cells[row] ?? null;
      if (Object.is(cell, got)) continue;
      const says = `row ${row}, column ${column.name} (${column.dtype}): expected ${show(cell)}, got ${show(got)}`;
      if (noise === null || typeof cell !== "number" || typeof got !== "number") return says;
      scale ??= scaleOfRows(arranged(scales()), want, plan, ordered);
      const against = scale(c, row);
      if (!near(cell, got, noise, against, column.dtype)) return `${says}, which is too far at a scale of ${against}`;
    }
  }
  return null;
}

/** The scale of a value by its column and row. */
type ScaleOf = (column: number, row: number) => number;

/** Rows without an order are told apart by their exact columns; those that are the same share the largest of their scales. */
function scaleOfRows(scales: readonly CellColumn[], want: readonly CellColumn[], plan: PlanTree, ordered: boolean): ScaleOf {
  const rows = want[0]?.cells.length ?? 0;
  const exact = scales.flatMap((s, c) => (plan.noise.has(s.name) ? [] : [c]));
  const value = (columns: readonly CellColumn[], c: number, row: number): Cell => columns[c]?.cells[row] ?? null;
  for (let row = 0; row < rows; row++) {
    if (scales[0]?.cells.length !== rows || exact.some((c) => !Object.is(value(scales, c, row), value(want, c, row))))
      throw new Error(`row ${row} of the plan of scales is not that of the plan`);
  }
  const alike = (a: number, b: number): boolean => exact.every((c) => Object.is(value(want, c, a), value(want, c, b)));
  return (c, row) => {
    let [from, to] = [row, row + 1];
    while (!ordered && from > 0 && alike(from - 1, row)) from--;
    while (!ordered && to < rows && alike(to, row)) to++;
    return Math.max(...Array.from({ length: to - from }, (_, i) => Number(value(scales, c, from + i) ?? 0)));
  };
}

/** The rows sorted by the exact columns, then by the others. */
const sorted = (columns: readonly CellColumn[], rows: number, plan: PlanTree): readonly CellColumn[] =>
  sortedRows(columns, rows, (column) => plan.noise.has(column.name));

const show = (cell: Cell): string =>
  typeof cell === "bigint" ? `${cell}` : typeof cell === "string" ? JSON.stringify(cell) : Object.is(cell, -0) ? "-0" : String(cell);
