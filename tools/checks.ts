/** The checks that read the code without running it: types, lint and format, import layers. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { checkLayers } from "./layers.ts";

/** The project's root directory. */
export const root = join(import.meta.dirname, "..");

/** A check or test that failed. `output` says what is wrong. */
export interface Failure {
  readonly name: string;
  readonly output: string;
}

/** What one check came to; `output` is empty when all is well. */
export interface CheckResult extends Failure {
  readonly passed: boolean;
}

/** Runs a JavaScript tool of node_modules in the project's root under this Node. Resolves when it has ended. */
async function tool(name: string, file: string, args: readonly string[]): Promise<CheckResult> {
  const child = spawn(process.execPath, [join(root, "node_modules", file), ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  const passed = await new Promise<boolean>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code === 0));
  });
  return { name, passed, output: passed ? "" : Buffer.concat(chunks).toString("utf8").trim() };
}

function layers(): CheckResult {
  const offences = checkLayers(join(root, "src"));
  return { name: "import layers", passed: offences.length === 0, output: offences.join("\n") };
}

/** Runs every check, printing a line for each as it ends and what it found. */
export async function runChecks(): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  const checks = [
    () => tool("types (tsc)", "typescript/bin/tsc", ["--noEmit", "-p", "."]),
    () =>
      tool("lint and format (biome)", "@biomejs/biome/bin/biome", [
        "check",
        "--error-on-warnings",
        "--max-diagnostics=30",
        "--diagnostic-level=warn",
      ]),
    layers,
  ];
  for (const check of checks) {
    const start = performance.now();
    const result = await check();
    results.push(result);
    console.log(`${result.passed ? "ok  " : "FAIL"} ${result.name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
    if (result.output !== "") console.log(indent(shortened(result.output, longestOutput)));
  }
  return results;
}

const longestOutput = 120;

/** The first lines of a long text, and how many are left out. */
export function shortened(text: string, longest: number): string {
  const lines = text.split("\n");
  const left = lines.length - longest;
  return left <= 0 ? text : [...lines.slice(0, longest), `... ${left} more lines`].join("\n");
}

/** `text` with four spaces in front of each line. */
export const indent = (text: string): string => text.replace(/^(?=.)/gm, "    ");
