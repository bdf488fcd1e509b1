/** The translator knows every variant that polars can send: the native deserialiser itself lists them in its errors. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ownPolarsModule } from "../../src/polars/module.ts";
import { versionObjection } from "../../src/polars/version.ts";
import { EXPRESSIONS, HANDLED } from "../../src/translate/expr/expressions.ts";
import { knowsFunction } from "../../src/translate/expr/functions.ts";
import { NODES } from "../../src/translate/plan/nodes.ts";

const module = ownPolarsModule();
assert.ok(module !== undefined);
const { native } = module;

/** Variants that are accepted in the place of `Unknown` in the JSON. */
function variants(target: "JsExpr" | "JsLazyFrame", json: string): readonly string[] {
  try {
    native[target].deserialize(Buffer.from(json), "json");
  } catch (error) {
    const list = /expected one of (.*) at line/s.exec(error instanceof Error ? error.message : "")?.[1] ?? "";
    const names = [...list.matchAll(/`(\w+)`/g)].map((m) => m[1] ?? "");
    assert.ok(names.length > 3, `no variants listed for ${json}`);
    return names;
  }
  assert.fail(`${json} was accepted`);
}

const inFunction = (inner: string): string => `{"Function":{"input":[],"function":${inner}}}`;

test("every expression has a handler or a reason", () => {
  const known = new Set<string>([...HANDLED, ...Object.keys(EXPRESSIONS)]);
  assert.deepEqual(
    variants("JsExpr", '{"Unknown":{}}').filter((name) => !known.has(name)),
    [],
  );
});

test("every function has a handler or a reason", () => {
  assert.deepEqual(
    variants("JsExpr", inFunction('"Unknown"')).filter((name) => !knowsFunction(null, name)),
    [],
  );
  for (const namespace of ["Boolean", "StringExpr", "TemporalExpr", "ListExpr", "StructExpr"]) {
    const names = variants("JsExpr", inFunction(`{"${namespace}":"Unknown"}`));
    assert.deepEqual(
      names.filter((name) => !knowsFunction(namespace, name)),
      [],
    );
  }
});

test("every plan node that nodejs-polars makes has a handler", () => {
  const notMade = new Set(["DataFrameScan", "Gather", "MatchToSchema", "PipeWithSchema", "Pivot", "ExtContext", "SinkMultiple", "IR"]);
  assert.deepEqual(
    variants("JsLazyFrame", '{"Unknown":{}}').filter((name) => NODES[name] === undefined && !notMade.has(name)),
    [],
  );
});

test("plans of an untested version are not read", () => {
  assert.equal(versionObjection(module.version), null);
  assert.match(versionObjection("0.27.0") ?? "", /nodejs-polars 0\.27\.0/);
  assert.match(versionObjection("1.0.0") ?? "", /tested 0\.26/);
});
