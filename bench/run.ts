/**
 * `npm run bench`: every part of the benchmark one after the other, each in a process of its own, with the results as JSON under bench/results.
 * `npm run bench -- PART options`: one part with its own options.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";

const PARTS = {
  pdsh: "pdsh-run.ts",
  operators: "operators.ts",
  growth: "growth.ts",
  "first-query": "first-query.ts",
  throughput: "throughput.ts",
} as const;

type Part = keyof typeof PARTS;

const isPart = (text: string): text is Part => Object.hasOwn(PARTS, text);

/** Resolves with the exit status. */
function run(part: Part, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, PARTS[part]), ...args], { stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/** The parts with what `npm run bench` gives them. */
function family(args: readonly string[]): readonly (readonly [part: Part, args: readonly string[]])[] {
  const { values } = parseArgs({
    args: [...args],
    options: {
      /** Folder of the results. */
      json: { type: "string", default: join(import.meta.dirname, "results") },
      /** Scale factor of PDS-H. */
      scale: { type: "string", default: "1" },
      /** Rows of the operators; by default what suits the adapter. */
      rows: { type: "string" },
      /** Rows up to which growth is measured; by default what suits the adapter. */
      most: { type: "string" },
      duckdb: { type: "boolean", default: true },
    },
    allowNegative: true,
  });
  const { scale, rows, most } = values;
  const json = (part: Part): readonly string[] => ["--json", join(values.json, `${part}.json`)];
  return [
    ["pdsh", ["--scale", scale, "--mode", "both", ...(values.duckdb ? [] : ["--no-duckdb"]), ...json("pdsh")]],
    ["operators", ["--cuda", ...(rows === undefined ? [] : ["--rows", rows]), ...json("operators")]],
    ["growth", [...(most === undefined ? [] : ["--most", most]), "--svg", join(values.json, "growth.svg"), ...json("growth")]],
    ["first-query", json("first-query")],
    ["throughput", ["--scale", scale, ...json("throughput")]],
  ];
}

const [first, ...rest] = process.argv.slice(2);
if (first !== undefined && isPart(first)) process.exit(await run(first, rest));
if (first !== undefined && !first.startsWith("--")) throw new RangeError(`'${first}' is not one of ${Object.keys(PARTS).join(", ")}`);

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(0)} s`;
const start = performance.now();
const parts = family(process.argv.slice(2));
const outcomes: { readonly line: string; readonly ok: boolean }[] = [];
for (const [i, [part, args]] of parts.entries()) {
  console.log(`\n[${i + 1} of ${parts.length}, ${seconds(start)} so far] ${part} ${args.join(" ")}`);
  const begin = performance.now();
  const ok = (await run(part, args)) === 0;
  outcomes.push({ line: `${ok ? "ok  " : "FAIL"} ${part} (${seconds(begin)})`, ok });
}
console.log(`\n${outcomes.map(({ line }) => line).join("\n")}`);
process.exit(outcomes.every(({ ok }) => ok) ? 0 : 1);
