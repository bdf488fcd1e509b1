/** Source text to lazy frames, and what CPU polars says about them. */

import { runInThisContext } from "node:vm";
import pl, { type DataFrame, type LazyDataFrame } from "nodejs-polars";
import { columnDtypes } from "../../src/fallback/cells.ts";
import type { GPUEngineOptions } from "../../src/index.ts";
import { frameText, type SourceFrame } from "./frames.ts";
import type { Field, Kind, PlanTree } from "./tree.ts";
import { planText } from "./tree.ts";

export const sourceName = (index: number): string => `s${index}`;

/** The lazy frame that the source text makes over the frames, called s0, s1, ... */
export function lazyFrame(text: string, frames: readonly DataFrame[]): LazyDataFrame {
  return runInThisContext(`(pl, ${frames.map((_, i) => sourceName(i)).join(", ")}) => ${text}`)(pl, ...frames);
}

export const dataFrame = (frame: SourceFrame): DataFrame => runInThisContext(`(pl) => ${frameText(frame)}`)(pl);

/** A program that runs the plan on both sides. */
export function programText(plan: PlanTree, frames: readonly SourceFrame[], options: GPUEngineOptions): string {
  return [
    'import pl from "nodejs-polars";',
    'import { GPUEngine } from "polars-webgpu";',
    ...frames.map((f, i) => `const ${sourceName(i)} = ${frameText(f)};`),
    `const query = () => ${planText(plan)};`,
    `const engine = new GPUEngine(${JSON.stringify({ ...options, raiseOnFail: true })});`,
    "console.log((await query().collect()).toString());",
    "console.log((await query().collect({ engine })).toString());",
  ].join("\n");
}

const KINDS: Readonly<Record<string, Kind>> = {
  Boolean: "bool",
  String: "str",
  Date: "date",
  Time: "time",
  Float32: "float",
  Float64: "float",
};

/** The generator's kind for a dtype; null: the generator leaves such columns alone. */
function kindOf(dtype: string): Kind | null {
  if (/^U?Int\d+$/.test(dtype)) return "int";
  if (dtype.startsWith('{"Categorical"')) return "cat";
  if (dtype.startsWith('{"Datetime"')) return `datetime ${dtype}`;
  if (dtype.startsWith('{"Duration"')) return `duration ${dtype}`;
  if (dtype.startsWith('{"Decimal"')) return `decimal ${dtype}`;
  if (/^\{"(?:List|Struct)"/.test(dtype)) return `nested ${dtype}`;
  return KINDS[dtype] ?? null;
}

/** What the plan's columns are, or why CPU polars rejects it; null: it has columns that the generator cannot go on with. */
export function schemaOf(
  plan: PlanTree,
  frames: readonly DataFrame[],
): { readonly fields: readonly Field[] } | { readonly rejected: string } | null {
  let columns: ReturnType<typeof columnDtypes>;
  try {
    columns = columnDtypes(lazyFrame(planText(plan), frames).collectSync());
  } catch (error) {
    return { rejected: error instanceof Error ? error.message : String(error) };
  }
  const fields = columns.flatMap(({ name, dtype }): Field[] => {
    const kind = kindOf(dtype);
    return kind === null ? [] : [{ name, dtype, kind, noise: plan.noise.get(name) ?? null }];
  });
  return fields.length === columns.length ? { fields } : null;
}
