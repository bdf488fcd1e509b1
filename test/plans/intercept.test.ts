/** Interception of collect: who is asked, with what, and that everything else behaves as nodejs-polars does by itself. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import polars from "nodejs-polars";
import { ConfigError } from "../../src/errors.ts";
import { type CollectRequest, defineOnPolars, install, isGpuEngine, trackingOf } from "../../src/intercept/install.ts";
import { type GpuEngineObject, gpuEngineMark } from "../../src/intercept/types.ts";
import { findPolarsModules, openPolarsModule, ownPolarsModule } from "../../src/polars/module.ts";
import { readPlan } from "../../src/polars/plan-reading.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const module = ownPolarsModule();
assert(module);
const { pl } = module;
const requests: CollectRequest[] = [];
const hooks = {
  collect: (request: CollectRequest) => {
    requests.push(request);
    return request.runOnCpu();
  },
};
install(module, hooks);

const engine: GpuEngineObject = { [gpuEngineMark]: true };
const df = pl.DataFrame({ a: [1, 2, 3], b: ["x", "y", "z"] });
const query = () => df.lazy().filter(pl.col("a").gt(1));
const want = query().collectSync().toRecords();

async function asked(work: () => Promise<unknown>): Promise<readonly CollectRequest[]> {
  requests.length = 0;
  await work();
  return [...requests];
}

test("collect with an engine object or the string gpu asks the hooks, with the plan and the caller's options", async () => {
  for (const value of [engine, "gpu"] as const) {
    const options = { engine: value, streaming: false };
    const [request, ...more] = await asked(async () => assert.deepEqual((await query().collect(options)).toRecords(), want));
    assert(request);
    assert.equal(more.length, 0);
    assert.equal(request.engine, value);
    assert.equal(request.options, options);
    assert.equal(request.module, module);
    assert(!("untracked" in request.tracked));
    assert("plan" in readPlan(request.tracked));
    assert.deepEqual(options, { engine: value, streaming: false }, "the caller's options are not written to");
  }
});

test("every other collect leaves the hooks alone", async () => {
  const others: readonly unknown[] = [
    undefined,
    {},
    { engine: undefined },
    { engine: null },
    { engine: "cpu" },
    { engine: "streaming" },
    { engine: { kind: "gpu" } },
    { streaming: true },
    { noOptimization: true },
  ];
  for (const options of others) {
    const all = await asked(async () => assert.deepEqual((await query().collect(options as never)).toRecords(), want));
    assert.equal(all.length, 0);
  }
});

test("options still arrive where nodejs-polars writes into them", async () => {
  const options: { noOptimization: boolean; predicatePushdown?: boolean } = { noOptimization: true };
  await query().collect(options);
  assert.equal(options.predicatePushdown, false);
});

test("collectSync cannot use the GPU and says what can", () => {
  for (const value of [engine, "gpu"]) {
    assert.throws(
      () => query().collectSync({ engine: value as never }),
      (error) => error instanceof ConfigError && /await frame\.collect\(\{ engine/.test(error.message),
    );
  }
  for (const value of ["auto", "in-memory", "streaming", "cpu", undefined])
    assert.deepEqual(
      query()
        .collectSync({ engine: value as never })
        .toRecords(),
      want,
    );
  assert.throws(() => query().collectSync({ engine: "tpu" as never }), /must be one of .* got tpu/);
});

test("frames of every origin are intercepted", async () => {
  const frames = [
    df.lazy().groupBy("b").agg(pl.col("a").sum()),
    df.lazy().groupBy("b").len(),
    pl.SQLContext({ df }).execute("SELECT a FROM df"),
    pl.concat([df.lazy(), df.lazy()]),
    pl.LazyDataFrame.deserialize(df.lazy().serialize("json"), "json"),
    pl.LazyDataFrame.fromExternal(df.lazy()._ldf),
    df.lazy().clone(),
  ];
  for (const frame of frames) {
    const [request] = await asked(() => frame.collect({ engine }));
    assert(request && !("untracked" in request.tracked));
  }
});

test("what runOnCpu rejects with is polars' own error", async () => {
  const broken = df.lazy().select(pl.col("nothing"));
  const own = await broken.collect().catch((error: unknown) => error);
  const ours = await broken.collect({ engine }).catch((error: unknown) => error);
  assert(own instanceof Error && ours instanceof Error);
  assert.equal(ours.message, own.message);
});

test("an SQL error reaches the hooks as an untracked frame", async () => {
  const frame = pl.SQLContext({ df }).execute("SELECT x FROM nowhere");
  requests.length = 0;
  await assert.rejects(frame.collect({ engine }));
  const [request] = requests;
  assert(request && "untracked" in request.tracked);
});

test("installing again only replaces the hooks", async () => {
  const tracking = trackingOf(module);
  let calls = 0;
  const other = {
    collect: (request: CollectRequest) => {
      calls++;
      return request.runOnCpu();
    },
  };
  assert.equal(install(module, other), tracking);
  const before = await asked(() => query().collect({ engine }));
  assert.equal(before.length, 0);
  assert.equal(calls, 1);
  install(module, hooks);
});

test("only the mark and the string gpu mean the GPU", () => {
  assert(isGpuEngine(engine) && isGpuEngine("gpu"));
  for (const value of [undefined, null, "GPU", "cpu", {}, () => engine, { [gpuEngineMark]: 1 }]) assert(!isGpuEngine(value));
});

test("names are defined on whatever a user holds as pl", () => {
  class GPUEngine {}
  defineOnPolars(module, "GPUEngine", GPUEngine);
  for (const namespace of [
    pl,
    polars,
    pl.pl,
    createRequire(import.meta.url)("nodejs-polars"),
    (pl as unknown as { default: object }).default,
  ]) {
    assert.equal(Reflect.get(namespace, "GPUEngine"), GPUEngine);
  }
  for (const namespace of module.namespaces) Reflect.deleteProperty(namespace, "GPUEngine");
});

test("the copy that this package imports is the one that users import", () => {
  assert.equal(module.pl, polars as unknown);
  assert(findPolarsModules().includes(module));
  assert.equal(openPolarsModule(module.folder), module);
  assert.match(module.version, /^0\.26\./);
});

test("a second copy with the same native module is found and works beside the first", { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "polars-webgpu-copy-"));
  const copy = join(folder, "node_modules", "nodejs-polars");
  mkdirSync(dirname(copy), { recursive: true });
  cpSync(module.folder, copy, { recursive: true });
  const platform = createRequire(join(module.folder, "package.json")).resolve(`nodejs-polars-linux-x64-gnu/package.json`);
  symlinkSync(dirname(platform), join(folder, "node_modules", "nodejs-polars-linux-x64-gnu"));
  writeFileSync(
    join(folder, "main.mjs"),
    `import { findPolarsModules, ownPolarsModule } from ${JSON.stringify(join(root, "src/polars/module.ts"))};
     import { install } from ${JSON.stringify(join(root, "src/intercept/install.ts"))};
     import mine from "nodejs-polars";
     const found = findPolarsModules();
     const seen = [];
     for (const module of found) install(module, { collect: (request) => { seen.push(request.module.folder); return request.runOnCpu(); } });
     const own = ownPolarsModule();
     await mine.DataFrame({ a: [1] }).lazy().collect({ engine: "gpu" });
     await own.pl.DataFrame({ a: [1] }).lazy().collect({ engine: "gpu" });
     console.log(JSON.stringify({ found: found.length, seen }));
     process.exit(0);`,
  );
  try {
    const output = execFileSync(process.execPath, [join(folder, "main.mjs")], { cwd: folder, encoding: "utf8" });
    assert.deepEqual(JSON.parse(output), { found: 2, seen: [copy, module.folder] });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("importing the types lets TypeScript accept engines, and nothing else", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(root, "test", ".types-"));
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const head = `import pl from "nodejs-polars";\nimport { gpuEngineMark } from "../../src/intercept/types.ts";\nconst lf = pl.DataFrame({ a: [1], b: ["x"] }).lazy();\nclass GPUEngine { readonly [gpuEngineMark] = true; }\n`;
  write(
    "good.ts",
    `${head}const result = await lf.collect({ engine: new GPUEngine() });\nexport const a: number[] = [result.height];\nawait lf.collect({ engine: "gpu", streaming: true });\nawait lf.collect();\nawait lf.collect({ streaming: true });\n`,
  );
  write("bad-engine.ts", `${head}await lf.collect({ engine: "gpus" });\n`);
  write("bad-object.ts", `${head}await lf.collect({ engine: {} });\n`);
  write("tsconfig.json", JSON.stringify({ extends: "../../tsconfig.json", include: ["*.ts"] }));
  try {
    let output = "";
    try {
      execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], { encoding: "utf8" });
    } catch (error) {
      output = String(Reflect.get(Object(error), "stdout"));
    }
    assert.doesNotMatch(output, /good\.ts/);
    assert.match(output, /bad-engine\.ts/);
    assert.match(output, /bad-object\.ts/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("frames of copies with native modules of their own have different numbers", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "polars-webgpu-native-"));
  const packages = join(folder, "node_modules");
  const platform = createRequire(join(module.folder, "package.json")).resolve(`nodejs-polars-linux-x64-gnu/package.json`);
  for (const source of [module.folder, dirname(platform)]) cpSync(source, join(packages, basename(source)), { recursive: true });
  try {
    const other = openPolarsModule(join(packages, "nodejs-polars"));
    assert.notEqual(other.native, module.native);
    const numbers = [module, other].flatMap((copy) => {
      const tracking = install(copy, { collect: (request) => request.runOnCpu() });
      const plan = tracking.planOf(copy.pl.DataFrame({ a: [1] }).lazy()._ldf, copy);
      assert.ok("sources" in plan);
      return [...plan.sources.keys()];
    });
    assert.equal(new Set(numbers).size, 2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
