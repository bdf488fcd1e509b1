/** From a query of nodejs-polars to its translated plan: the start of every test of the IR. */
import assert from "node:assert/strict";
import type { DataType, LazyDataFrame, Series } from "nodejs-polars";
import { install } from "../../../src/intercept/install.ts";
import type { Plan } from "../../../src/ir/plan.ts";
import { ownPolarsModule } from "../../../src/polars/module.ts";
import { SchemaOracle } from "../../../src/polars/oracle.ts";
import { readPlan } from "../../../src/polars/plan-reading.ts";
import { translate } from "../../../src/translate/translate.ts";

const module = ownPolarsModule();
assert(module);
export const { pl } = module;
const tracking = install(module, { collect: ({ runOnCpu }) => runOnCpu() });
const services = { native: module.native, oracle: new SchemaOracle(module) };

/** The plan as translation makes it. */
export function planned(query: LazyDataFrame): Plan {
  const tracked = tracking.planOf(query._ldf);
  assert(!("untracked" in tracked), "untracked" in tracked ? tracked.untracked : "");
  const read = readPlan(tracked);
  assert(!("unreadable" in read), "unreadable" in read ? read.unreadable : "");
  const translation = translate(services, read);
  assert("plan" in translation, "rejected" in translation ? translation.rejected.error.message : "");
  return translation.plan;
}

/** A template string without the indentation of its first line. */
export function text(template: string): string {
  const lines = template.split("\n").slice(1, -1);
  const indent = lines[0]?.search(/\S/) ?? 0;
  return lines.map((line) => line.slice(indent)).join("\n");
}

/** A series of exact integers: nodejs-polars itself takes only some bigints. */
export function integerSeries(name: string, values: readonly (bigint | null)[], dtype: DataType): Series {
  const digits = pl.Series(
    name,
    values.map((v) => (v === null ? null : `${v}`)),
    pl.String,
  );
  return digits.cast(dtype);
}
