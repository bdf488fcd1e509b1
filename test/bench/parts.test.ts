/** Every part of the benchmark at its smallest: it runs, its results agree with CPU polars (else it ends with an error), and it writes them as JSON. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const bench = join(import.meta.dirname, "../../bench/run.ts");
const folder = mkdtempSync(join(tmpdir(), "bench-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `npm run bench -- PART options`. Returns what it printed and what it wrote. */
function run(part: string, ...options: readonly string[]): { readonly printed: string; readonly results: object } {
  const json = join(folder, `${part}.json`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [bench, part, ...options, "--json", json], { encoding: "utf8" });
  assert.equal(status, 0, `${stdout}${stderr}`);
  const results: unknown = JSON.parse(readFileSync(json, "utf8"));
  assert.ok(typeof results === "object" && results !== null);
  return { printed: stdout, results };
}

const brief = ["--runs", "1", "--seconds", "0.01", "--warmup", "0", "--bandwidth", "8"] as const;

/** The list at `key` of what a part wrote. */
function listOf(results: object, key: string): readonly unknown[] {
  const list: unknown = new Map(Object.entries(results)).get(key);
  assert.ok(Array.isArray(list));
  return list;
}

test("pdsh", () => {
  const { results } = run("pdsh", "--scale", "0.01", "--mode", "hot", "--queries", "6", "--no-duckdb", ...brief);
  assert.equal(listOf(results, "measurements").length, 1);
});

test("operators", () => {
  const { results, printed } = run("operators", "--rows", "2000", "--only", "filter,group-by", ...brief);
  assert.equal(listOf(results, "measurements").length, 2);
  assert.equal(printed.match(/agrees/g)?.length, 2);
});

test("growth", () => {
  const svg = join(folder, "growth.svg");
  const { results } = run("growth", "--least", "500", "--most", "1000", "--runs", "1", "--bandwidth", "8", "--svg", svg);
  assert.equal(listOf(results, "points").length, 8);
  assert.match(readFileSync(svg, "utf8"), /<polyline.*<\/svg>\n$/s);
});

test("first-query", () => {
  const { results } = run("first-query", "--processes", "1", "--source");
  assert.equal(listOf(results, "starts").length, 2);
});

test("throughput", () => {
  const { results } = run("throughput", "--scale", "0.01", "--queries", "6", "--concurrency", "2", "--warmup", "0", "--seconds", "0.01");
  assert.equal(listOf(results, "measured").length, 2);
});

test("a part that does not exist", () => {
  const { status, stderr } = spawnSync(process.execPath, [bench, "nothing"], { encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(stderr, /'nothing' is not one of pdsh, operators/);
});
