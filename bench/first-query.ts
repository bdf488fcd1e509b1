/**
 * `npm run bench -- first-query --processes 5 --json FILE`: how long a fresh process takes from importing polars-webgpu to the result of its first query,
 * over 1,000 rows, and whether a second query of the same shape with other constants compiles anything.
 *
 * Each cold process has a driver whose cache of compiled shaders is a new, empty folder; the warm process behind it has that folder again. The
 * variables that name it are those of NVIDIA's driver, which keeps no cache for root unless it is told to, and of Mesa's; other caches stay warm. The package is the compiled one, as it is
 * published; `--source` imports the TypeScript sources instead, whose types Node strips at every start.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { FirstQuery } from "./first-query-process.ts";
import { hostOf } from "./machine.ts";
import { count, numberOption } from "./options.ts";
import { writeResults } from "./results.ts";
import { cells, digits } from "./table.ts";

const { values } = parseArgs({
  options: {
    /** Cold processes, and as many warm ones. */
    processes: { type: "string", default: "5" },
    source: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const processes = numberOption("processes", values.processes, count);
const root = join(import.meta.dirname, "..");

interface Start extends FirstQuery {
  readonly cache: "cold" | "warm";
  /** Bytes in the cache's folder when the process had ended. */
  readonly cacheBytes: number;
}

/** Runs a Node program in the project's folder. @throws Error with what it printed where it fails. */
function node(args: readonly string[], env: NodeJS.ProcessEnv): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`node ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** The address of the package: compiled afresh, or its sources. */
function packageUrl(): string {
  if (values.source) return pathToFileURL(join(root, "src/index.ts")).href;
  node([join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], process.env);
  return pathToFileURL(join(root, "dist/index.js")).href;
}

/** The environment of a process whose driver keeps its compiled shaders in `folder`. */
const withCache = (folder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  __GL_SHADER_DISK_CACHE: "1",
  __GL_SHADER_DISK_CACHE_PATH: folder,
  MESA_SHADER_CACHE_DIR: folder,
  XDG_CACHE_HOME: folder,
});

const bytesIn = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);

function start(cache: Start["cache"], folder: string, url: string): Start {
  const printed = node([join(import.meta.dirname, "first-query-process.ts"), url], withCache(folder));
  const measured: FirstQuery = JSON.parse(printed.slice(printed.lastIndexOf("\n") + 1));
  return { cache, ...measured, cacheBytes: bytesIn(folder) };
}

const TIMES = [
  "totalMs",
  "importMs",
  "buildMs",
  "translateMs",
  "openMs",
  "compileMs",
  "runMs",
  "secondMs",
  "importPolarsMs",
  "nodeMs",
] as const satisfies readonly (keyof FirstQuery)[];
const widths = [6, 9, 9, 9, 13, 9, 10, 8, 10, 14, 8, 10, 14, 10];
const titles = ["cache", ...TIMES.map((name) => name.replace("Ms", "").replace("importPolars", "import polars"))];
const header = cells([...titles, "pipelines", "of the second", "cache kB"], widths);

const line = (s: Start): string => {
  const counts = [s.pipelines, s.pipelinesOfSecond, Math.round(s.cacheBytes / 1000)];
  return `${cells([s.cache, ...TIMES.map((name) => digits(s[name])), ...counts.map(String)], widths)}  ${s.check}`;
};

/** The start with the median total. */
const middleOf = (starts: readonly Start[], cache: Start["cache"]): Start | undefined => {
  const own = starts.filter((s) => s.cache === cache).toSorted((a, b) => a.totalMs - b.totalMs);
  return own[own.length >> 1];
};

const url = packageUrl();
const starts: Start[] = [];
console.log(
  `milliseconds; total = import + build + translate + open + compile + run of ${values.source ? "the sources" : "the compiled package"}`,
);
console.log(header);
for (let turn = 0; turn < processes; turn++) {
  const folder = mkdtempSync(join(tmpdir(), "shader-cache-"));
  for (const cache of ["cold", "warm"] as const) {
    const measured = start(cache, folder, url);
    starts.push(measured);
    console.log(line(measured));
    writeResults(values.json, { source: values.source, host: hostOf(), starts });
  }
  rmSync(folder, { recursive: true, force: true });
}
const [cold, warm] = [middleOf(starts, "cold"), middleOf(starts, "warm")];
if (cold !== undefined && warm !== undefined) {
  console.log(
    `\nmedians on ${cold.adapter}: cold ${digits(cold.totalMs)} ms, warm ${digits(warm.totalMs)} ms to the result of the first query`,
  );
  if (cold.cacheBytes === 0)
    console.log("the driver wrote nothing into the folder: its cache, if it has one, is elsewhere, and cold is not cold");
}
const compiled = starts.filter((s) => s.pipelinesOfSecond > 0).length;
console.log(`second queries that compiled something: ${compiled} of ${starts.length}`);
process.exit(compiled === 0 && starts.every(({ check }) => check === "agrees") ? 0 : 1);
