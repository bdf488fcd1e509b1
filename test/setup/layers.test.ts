/** The import-layer check finds what it must and lets pass what is right. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cycles, type Import, importsOf, layerOffences } from "../../tools/layers.ts";

const edge = (from: string, to: string): Import => ({ from, to, line: 1, typeOnly: false });

test("imports are read from every form of statement, not from comments", () => {
  const text = [
    'import { a } from "../ir/a.ts";',
    "import {",
    "  b,",
    '} from "./b.ts";',
    'import type { C } from "../errors.ts";',
    'export * from "./d.ts";',
    'import "./side.ts";',
    'const lazy = await import("./lazy.ts");',
    '// import { no } from "./comment.ts";',
    '/* import { no } from "./block.ts"; */',
    'import pl from "nodejs-polars";',
  ].join("\n");
  const found = importsOf("gpu/x.ts", text);
  assert.deepEqual(
    found.map(({ to, line, typeOnly }) => [to, line, typeOnly]),
    [
      ["ir/a.ts", 1, false],
      ["gpu/b.ts", 4, false],
      ["errors.ts", 5, true],
      ["gpu/d.ts", 6, false],
      ["gpu/side.ts", 7, false],
      ["gpu/lazy.ts", 8, false],
    ],
  );
});

test("an import that points up, or sideways between translate and gpu, is an offence", () => {
  const imports = [
    edge("gpu/a.ts", "ir/b.ts"),
    edge("gpu/a.ts", "gpu/c.ts"),
    edge("config.ts", "errors.ts"),
    edge("index.ts", "engine.ts"),
    edge("ir/b.ts", "gpu/a.ts"),
    edge("translate/t.ts", "gpu/a.ts"),
    edge("executors/e.ts", "engine.ts"),
  ];
  assert.deepEqual(layerOffences([], imports), [
    "ir/b.ts:1 imports gpu/a.ts: gpu is not below ir",
    "translate/t.ts:1 imports gpu/a.ts: gpu is not below translate",
    "executors/e.ts:1 imports engine.ts: engine is not below executors",
  ]);
});

test("a file outside the known layers is an offence", () => {
  assert.deepEqual(layerOffences(["utils/x.ts", "index.ts"], []), ["utils/x.ts: 'utils' is not a layer"]);
});

test("cycles of any length are found, each once; a diamond is none", () => {
  assert.deepEqual(cycles([edge("a", "b"), edge("a", "c"), edge("b", "d"), edge("c", "d")]), []);
  assert.deepEqual(cycles([edge("a", "a")]), ["import cycle: a -> a"]);
  const found = cycles([edge("a", "b"), edge("b", "c"), edge("c", "b"), edge("c", "d"), edge("d", "e"), edge("e", "d")]);
  assert.deepEqual([...found].sort(), ["import cycle: b -> c -> b", "import cycle: d -> e -> d"]);
});
