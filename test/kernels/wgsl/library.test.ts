/** What `link` puts in front of a source: what it uses, transitively, once, and nothing else. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { link, names } from "../../../src/gpu/wgsl/library.ts";
import { roundMultiplier } from "../../../src/gpu/wgsl/round.ts";

/** Names that a text defines, in order. */
const defined = (text: string): readonly string[] => [...text.matchAll(/^(?:fn|struct|const) (\w+)/gm)].map((match) => match[1] ?? "");

test("a source that uses nothing stays as it is", () => {
  const source = "fn mine(a: u32) -> u32 { return a; }";
  assert.equal(link(source), source);
});

test("definitions come transitively and once", () => {
  assert.deepEqual(defined(link("fn mine(a: vec2<u32>) -> vec2<u32> { return i64_mul(i64_mul(a, a), a); }")), [
    "u32_mul_wide",
    "u64_mul",
    "i64_mul",
    "mine",
  ]);
});

test("names in line comments and in longer names do not count", () => {
  assert.deepEqual(defined(link("// f64_add\nfn f64_add_mine() { }")), ["f64_add_mine"]);
});

test("the same source gives the same text whatever was linked before", () => {
  const source = "fn mine(a: vec2<u32>) -> vec2<u32> { return f64_sqrt(f64_add(a, a)); }";
  const first = link(source);
  link("fn other(a: vec2<u32>) -> vec2<u32> { return f64_div(a, a); }");
  assert.equal(link(source), first);
});

test("every name defines what it is called", () => {
  for (const name of names()) assert.ok(defined(link(`fn mine() { ${name}(); }`)).includes(name), name);
});

test("every type has its operations", () => {
  const all = new Set(names());
  const common = "add sub mul neg abs eq ne lt le gt ge min max trunc_div floor_div rem order unorder".split(" ");
  const floats = "div floor ceil trunc round round_away round_decimals sqrt is_nan is_finite is_infinite key".split(" ");
  const missing = [
    ...["i32", "u32", "i64", "u64", "f32", "f64"].flatMap((type) => common.map((operation) => `${type}_${operation}`)),
    ...["f32", "f64"].flatMap((type) => floats.map((operation) => `${type}_${operation}`)),
  ].filter((name) => !all.has(name));
  assert.deepEqual(missing, []);
});

test("round multipliers are powers of ten by repeated squaring", () => {
  assert.equal(roundMultiplier(0), 1);
  assert.equal(roundMultiplier(1), 10);
  for (let decimals = 2; decimals <= 22; decimals++) assert.equal(roundMultiplier(decimals), 10 ** decimals);
});
