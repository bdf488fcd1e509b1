/** The conformance page: what it says of differences, crashes and reasons, and of nothing at all. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcome } from "../../src/conformance/examine.ts";
import { type Report, reportHtml } from "../../src/conformance/report.ts";

const outcome = (name: string, more: Partial<Outcome> = {}): Outcome => ({
  name,
  section: "Some",
  column: "i8",
  place: "native",
  reasons: [],
  wrong: null,
  ...more,
});

const page = (outcomes: readonly Outcome[], crashes: readonly string[] = []): string => {
  const report: Report = { adapter: "a <GPU>", versions: { node: "v24" }, date: "today", variants: ["rows"], outcomes, crashes };
  return reportHtml(report);
};

test("differences, crashes and reasons are in words on the page, and escaped", () => {
  const html = page(
    [
      outcome("sum()"),
      outcome("eq(e)", { wrong: { variant: "rows", difference: "expected <1>" } }),
      outcome("std()", { place: "fallback", reasons: ["no kernel & no lookup"] }),
      outcome("join()", { section: "Queries", column: null }),
    ],
    ["max(): ended with SIGSEGV"],
  );
  for (const text of [
    "a &lt;GPU&gt;",
    "<b>1</b>differ from CPU polars",
    "expected &lt;1&gt;",
    "<b>1</b>ended the process",
    "max(): ended with SIGSEGV",
  ])
    assert.ok(html.includes(text), text);
  assert.ok(html.includes("On CPU polars, and why: 1"));
  assert.ok(html.includes("<dt>no kernel &amp; no lookup</dt><dd><code>i8.std()</code></dd>"));
});

test("whole queries are a list, expressions a matrix with a column for each dtype", () => {
  const html = page([outcome("sum()"), outcome("join()", { section: "Queries", column: null })]);
  assert.match(html, /<h2>Queries<\/h2><ul/);
  assert.match(html, /<h2>Some<\/h2><div class="scroll"><table/);
});

test("a page of nothing has no empty parts", () => {
  const html = page([]);
  for (const heading of ["Differences", "Ended the process", "<details>", "<h2>"]) assert.ok(!html.includes(heading), heading);
});
