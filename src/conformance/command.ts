/** `polars-webgpu conformance`: the suite on this machine and GPU, with progress, and a report. */

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import pl from "nodejs-polars";
import { GPUEngine } from "../index.ts";
import { CASES } from "./cases.ts";
import { type Report, reportHtml, summaryText, totalsOf } from "./report.ts";
import { runCases } from "./run.ts";
import { VARIANTS } from "./variants.ts";

export const CONFORMANCE_USAGE = `polars-webgpu conformance [--filter TEXT] [--quick] [--json FILE] [--html FILE]

  Runs every case of the conformance suite on CPU polars and on the GPU of this machine, compares the results, and says what runs where.
  --filter TEXT  only cases whose section or name contains TEXT
  --quick        one kind of data instead of ${VARIANTS.length}
  --json FILE    all outcomes as JSON
  --html FILE    a page with the support matrix`;

const OPTIONS = {
  filter: { type: "string" },
  quick: { type: "boolean" },
  json: { type: "string" },
  html: { type: "string" },
  help: { type: "boolean" },
} as const;

/** The options; null where they are wrong, which has been said. */
function optionsOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${CONFORMANCE_USAGE}`);
    return null;
  }
}

/** The exit code: 0 when nothing differs from CPU polars. */
export async function conformance(args: readonly string[]): Promise<number> {
  const values = optionsOf(args);
  if (values === null) return 1;
  if (values.help === true) {
    console.log(CONFORMANCE_USAGE);
    return 0;
  }
  const chosen = new Map(
    [...CASES.entries()].flatMap(([i, { section, name }]) => (matches(`${section}: ${name}`, values.filter) ? [[i, name]] : [])),
  );
  if (chosen.size === 0) {
    console.error(`no case contains '${values.filter}'`);
    return 1;
  }
  const adapter = await adapterName();
  if (adapter === null) {
    console.error("no WebGPU adapter: there is nothing to examine");
    return 1;
  }
  const variants = values.quick === true ? 1 : VARIANTS.length;
  console.log(`${chosen.size} cases on ${adapter}`);
  const start = performance.now();
  const result = await runCases(chosen, variants, (done, name) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${done} of ${chosen.size} cases, ${seconds} s: ${name}`);
    else if (done % 20 === 0) console.log(`${done} of ${chosen.size} cases, ${seconds} s`);
  });
  if (process.stdout.isTTY) process.stdout.write("\r\x1b[K");
  const report: Report = {
    ...result,
    adapter,
    versions: { "polars-webgpu": ownVersion(), "nodejs-polars": pl.version, node: process.version },
    date: new Date().toISOString(),
    variants: VARIANTS.slice(0, variants).map(({ name }) => name),
  };
  console.log(summaryText(report));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);
  if (values.html !== undefined) writeFileSync(values.html, reportHtml(report));
  return totalsOf(report.outcomes).wrong + report.crashes.length === 0 ? 0 : 1;
}

const matches = (text: string, filter: string | undefined): boolean =>
  filter === undefined || text.toLowerCase().includes(filter.toLowerCase());

/** The adapter that the engine uses; null: there is none. */
async function adapterName(): Promise<string | null> {
  const engine = new GPUEngine({ warn: "silent", raiseOnFail: true });
  try {
    await pl
      .DataFrame({ a: [1] })
      .lazy()
      .filter(pl.col("a").gt(0))
      .collect({ engine });
    return engine.lastQuery?.adapter ?? null;
  } catch {
    return null;
  } finally {
    await engine.close();
  }
}

function ownVersion(): string {
  const own: unknown = createRequire(import.meta.url)("../../package.json");
  return typeof own === "object" && own !== null && "version" in own ? String(own.version) : "?";
}
