/** `npm run demo [-- --scale 0.01 --queries 1,3]`: real queries on generated data, on CPU polars and on the GPU, and whether the results agree. */
import { parseArgs } from "node:util";
import type { LazyDataFrame } from "nodejs-polars";
import type { QueryReport } from "../src/index.ts";
import { difference, summingTolerance } from "./compare.ts";
import { type EngineSession, openEngine } from "./engine.ts";
import { ensureData, scanTables } from "./pdsh/generate.ts";
import { parseQueries, queryOf } from "./pdsh/queries/index.ts";
import { lineitemRows } from "./pdsh/tables/orders.ts";
import { timedOnce } from "./timing.ts";

const { values } = parseArgs({
  options: { scale: { type: "string", default: "0.01" }, queries: { type: "string", default: "1,3,5,6,12,14" } },
});
const scale = Number(values.scale);
if (!(scale > 0)) throw new RangeError(`--scale: '${values.scale}' is not a positive number`);
const numbers = parseQueries(values.queries);
const tolerance = summingTolerance(lineitemRows(scale));
const shownRows = 5;
process.env.POLARS_TABLE_WIDTH ??= "140";
process.env.POLARS_FMT_MAX_COLS ??= "12";

const ms = (value: number): string => `${value.toFixed(1)} ms`;

/** Where each node of the plan ran: counts, then a line for each node on the CPU with its reason. */
function placement(report: QueryReport): readonly string[] {
  const onGpu = report.nodes.filter(({ where }) => where === "GPU");
  const onCpu = report.nodes.filter(({ where }) => where === "CPU");
  return [
    ...(report.fallback === null ? [] : [`whole query on the CPU: ${report.fallback}`]),
    `on the GPU: ${onGpu.map(({ name }) => name).join(", ") || "nothing"}`,
    ...onCpu.map(({ name, reason }) => `on the CPU: ${name}${reason === null ? "" : ` (${reason})`}`),
  ];
}

/** Runs one query on both sides, twice on the GPU (the first run compiles kernels). Returns whether the results agree. */
async function show(number: number, lf: LazyDataFrame, session: EngineSession): Promise<boolean> {
  console.log(`\nQ${number}`);
  const cpu = await timedOnce(() => lf.collect());
  console.log(cpu.value.head(shownRows).toString());
  if (cpu.value.height > shownRows) console.log(`... ${cpu.value.height} rows`);
  console.log(`  CPU polars ${ms(cpu.ms)}`);
  const first = await timedOnce(() => session.collect(lf));
  const again = await timedOnce(() => session.collect(lf));
  const { report } = again.value;
  console.log(
    `  engine ${ms(again.ms)} (first run ${ms(first.ms)}${report === null ? "" : `, ${ms(report.gpuMs)} without planning, on ${report.adapter}`})`,
  );
  if (report !== null) for (const line of placement(report)) console.log(`  ${line}`);
  const wrong = difference(cpu.value, first.value.frame, tolerance) ?? difference(cpu.value, again.value.frame, tolerance);
  console.log(wrong === null ? "  identical" : `  DIFFERENT: ${wrong}`);
  return wrong === null;
}

await ensureData(scale, (line) => console.log(`[data] ${line}`));
const session = openEngine({ profile: false });
const tables = scanTables(scale);
const differing: number[] = [];
for (const number of numbers) {
  const agrees = await show(number, queryOf(number)(tables), session).catch((error: unknown) => {
    console.log(`  FAILED: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  });
  if (!agrees) differing.push(number);
}
await session.close();
const agree = numbers.length - differing.length;
const bad = differing.length > 0 ? `; different: ${differing.map((number) => `Q${number}`).join(", ")}` : "";
console.log(`\n${agree} of ${numbers.length} queries identical to CPU polars at scale factor ${scale}${bad}`);
process.exit(differing.length === 0 ? 0 : 1);
