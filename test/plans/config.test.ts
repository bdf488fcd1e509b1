/** Options, environment and defaults: precedence, spellings, origins, every error, and that docs/options.md says the same. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { test } from "node:test";
import { ENGINE_OPTIONS, EXECUTOR_OPTIONS, snakeCase } from "../../src/config/options.ts";
import { type Config, type Environment, type GPUEngineOptions, resolveConfig } from "../../src/config.ts";
import { ConfigError } from "../../src/errors.ts";

/** Options as plain JavaScript passes them, unchecked by tsc. */
const resolve = (options: unknown, env: Environment = {}): Config => resolveConfig(options as GPUEngineOptions, env);
const inExecutor = (executorOptions: unknown, env: Environment = {}) => resolve({ executorOptions }, env).executorOptions;
const refused = (message: string | RegExp, options: unknown, env: Environment = {}) =>
  assert.throws(
    () => resolve(options, env),
    (error) => error instanceof ConfigError && (typeof message === "string" ? error.message === message : message.test(error.message)),
    `expected ${message}`,
  );

const paths = [
  ...Object.keys(ENGINE_OPTIONS),
  ...Object.keys(EXECUTOR_OPTIONS)
    .filter((name) => name !== "scheduler")
    .map((name) => `executorOptions.${name}`),
];

/** A value for each option, in TypeScript and in the environment, that is not its default. */
const samples: Readonly<Record<string, readonly [unknown, string]>> = {
  executor: ["in-memory", "in-memory"],
  raiseOnFail: [true, "TRUE"],
  placement: ["gpu", "gpu"],
  deviceMemoryLimit: [123_456, "123_456"],
  hostMemoryLimit: [654_321, "654_321"],
  residentMemoryLimit: [0, "0"],
  adapter: ["llvmpipe", "llvmpipe"],
  limits: ["default", "default"],
  maxBindingBytes: [65_536, "65_536"],
  parquetDecoding: ["device", "device"],
  disableRules: [["a", "b"], "a, b"],
  profile: [true, "1"],
  progress: ["none", "none"],
  validate: [{ share: 0.25, onDifference: null }, "0.25"],
  "executorOptions.engine": ["rapidsmpf", "rapidsmpf"],
  "executorOptions.cluster": ["distributed", "distributed"],
  "executorOptions.fallbackMode": ["raise", "raise"],
  "executorOptions.maxRowsPerPartition": [7, "7"],
  "executorOptions.targetPartitionSize": [8, " 8 "],
  "executorOptions.groupbyNAry": [4, "4"],
  "executorOptions.broadcastJoinLimit": [9, "9"],
  "executorOptions.uniqueFraction": [{ a: 0.5 }, '{"a": 0.5}'],
  "executorOptions.shuffleMethod": ["rapidsmpf", "rapidsmpf"],
  "executorOptions.clientDeviceThreshold": [0.25, "0.25"],
  "executorOptions.sinkToDirectory": [true, "yes"],
  "executorOptions.maxIoThreads": [3, "3"],
};

const shortName = (path: string) => path.replace("executorOptions.", "");
const inPlace = (path: string, name: string, value: unknown) =>
  path.startsWith("executorOptions.") ? { executorOptions: { [name]: value } } : { [name]: value };
const valueAt = (config: Config, path: string): unknown =>
  Object.entries(path.startsWith("executorOptions.") ? config.executorOptions : config).find(([name]) => name === shortName(path))?.[1];
const originAt = (config: Config, path: string) => Object.entries(config.origins).find(([name]) => name === path)?.[1];
const variablesOf = (path: string): readonly string[] =>
  Object.entries({ ...ENGINE_OPTIONS, ...EXECUTOR_OPTIONS }).find(([name]) => name === shortName(path))?.[1].environment ?? [];

test("the defaults", () => {
  const { origins, warn, ...config } = resolve({});
  assert.equal(typeof warn, "function");
  assert.deepEqual(config, {
    executor: "streaming",
    executorOptions: {
      engine: "tasks",
      cluster: "single",
      fallbackMode: "warn",
      maxRowsPerPartition: 1_000_000,
      targetPartitionSize: 0,
      groupbyNAry: 32,
      broadcastJoinLimit: 32,
      uniqueFraction: {},
      shuffleMethod: "tasks",
      rapidsmpfSpill: false,
      clientDeviceThreshold: 0.5,
      sinkToDirectory: false,
      maxIoThreads: 2,
    },
    raiseOnFail: false,
    placement: "auto",
    deviceMemoryLimit: null,
    hostMemoryLimit: null,
    residentMemoryLimit: Math.floor(totalmem() / 4),
    adapter: "any",
    limits: "adapter",
    maxBindingBytes: null,
    parquetDecoding: "auto",
    disableRules: [],
    profile: false,
    progress: "auto",
    validate: { share: 0, onDifference: null },
  });
  assert.deepEqual(Object.keys(origins).sort(), paths.toSorted());
  assert.deepEqual(new Set(Object.values(origins)), new Set(["default"]));
});

test("every option in both spellings, before its environment variables, before its default", () => {
  for (const [path, [value, text]] of Object.entries(samples)) {
    const fallback = valueAt(resolve({}), path);
    assert.notDeepEqual(fallback, value, path);
    for (const name of [shortName(path), snakeCase(shortName(path))]) {
      const config = resolve(inPlace(path, name, value));
      assert.deepEqual(valueAt(config, path), value, path);
      assert.equal(originAt(config, path), "option", path);
    }
    for (const variable of variablesOf(path)) {
      const config = resolve({}, { [variable]: text });
      assert.deepEqual(valueAt(config, path), value, variable);
      assert.equal(originAt(config, path), `environment ${variable}`);
      const both = resolve(inPlace(path, shortName(path), fallback), { [variable]: text });
      assert.deepEqual(valueAt(both, path), fallback, path);
      assert.equal(originAt(both, path), "option");
    }
  }
  assert.deepEqual(
    paths.filter((path) => !(path in samples)),
    ["warn", "executorOptions.rapidsmpfSpill"],
  );
});

test("the types know both spellings and nothing else", () => {
  assert.equal(
    resolveConfig({ raise_on_fail: true, executor_options: { groupby_n_ary: 3, maxIoThreads: 1 } }, {}).executorOptions.groupbyNAry,
    3,
  );
  // @ts-expect-error
  assert.throws(() => resolveConfig({ executorOptions: { groupby_nary: 3 } }, {}), ConfigError);
  // @ts-expect-error
  assert.throws(() => resolveConfig({ executor: "gpu" }, {}), ConfigError);
});

test("executor_options and undefined", () => {
  assert.equal(resolve({ executor_options: { scheduler: undefined, groupby_n_ary: 3 } }).executorOptions.groupbyNAry, 3);
  assert.equal(resolve({ executor: undefined, executorOptions: undefined }, { CUDF_POLARS__EXECUTOR: "in-memory" }).executor, "in-memory");
});

test("what is resolved is frozen and a copy", () => {
  const uniqueFraction = { a: 0.5 };
  const disableRules = ["a"];
  const config = resolve({ disableRules, executorOptions: { uniqueFraction } });
  uniqueFraction.a = 1;
  disableRules.push("b");
  assert.deepEqual(config.executorOptions.uniqueFraction, { a: 0.5 });
  assert.deepEqual(config.disableRules, ["a"]);
  const defaults = resolve({});
  const parts = [config, config.origins, config.executorOptions, config.executorOptions.uniqueFraction, config.disableRules];
  for (const part of [...parts, defaults.executorOptions.uniqueFraction, defaults.disableRules]) assert(Object.isFrozen(part));
});

test("runtime is another name of engine", () => {
  assert.equal(inExecutor({ runtime: "rapidsmpf" }).engine, "rapidsmpf");
  assert.equal(inExecutor({}, { CUDF_POLARS__EXECUTOR__RUNTIME: "rapidsmpf" }).engine, "rapidsmpf");
  refused(/executorOptions.engine' and 'executorOptions.runtime/, { executorOptions: { engine: "tasks", runtime: "tasks" } });
  refused(
    /__ENGINE' and 'CUDF_POLARS__EXECUTOR__RUNTIME/,
    {},
    { CUDF_POLARS__EXECUTOR__RUNTIME: "tasks", CUDF_POLARS__EXECUTOR__ENGINE: "tasks" },
  );
});

test("values that follow from others", () => {
  assert.equal(inExecutor({ engine: "rapidsmpf" }).shuffleMethod, "rapidsmpf");
  assert.equal(resolve({ executorOptions: { engine: "rapidsmpf" } }).origins["executorOptions.shuffleMethod"], "default");
  const distributed = inExecutor({ cluster: "distributed" });
  assert.equal(distributed.broadcastJoinLimit, 2);
  assert.equal(distributed.sinkToDirectory, true);
  assert.equal(distributed.shuffleMethod, "tasks");
  assert.equal(inExecutor({ cluster: "distributed", broadcastJoinLimit: 0 }).broadcastJoinLimit, 2);
  assert.equal(inExecutor({ broadcastJoinLimit: 0 }).broadcastJoinLimit, 32);
  assert.equal(inExecutor({ cluster: "distributed", rapidsmpfSpill: true }).rapidsmpfSpill, true);
  assert.equal(inExecutor({ cluster: "distributed" }, { CUDF_POLARS__EXECUTOR__RAPIDSMPF_SPILL: "Y" }).rapidsmpfSpill, true);
});

test("contradictions, word for word", () => {
  refused("The rapidsmpf streaming engine does not support task-based shuffling.", {
    executorOptions: { engine: "rapidsmpf", shuffleMethod: "tasks" },
  });
  refused("rapidsmpf_spill is not supported for single-GPU execution.", { executorOptions: { rapidsmpf_spill: true } });
  refused("The distributed cluster requires sink_to_directory=True", {
    executorOptions: { cluster: "distributed", sinkToDirectory: false },
  });
  refused("Cannot specify both 'scheduler' and 'cluster'. The 'scheduler' parameter is deprecated. Please use only 'cluster' instead.", {
    executorOptions: { cluster: "single", scheduler: "synchronous" },
  });
  refused(
    /^Cannot specify both 'scheduler' and 'cluster'/,
    {},
    { CUDF_POLARS__EXECUTOR__CLUSTER: "single", CUDF_POLARS__EXECUTOR__SCHEDULER: "synchronous" },
  );
});

test("a scheduler stands for a cluster, with one deprecation warning", async () => {
  const heard: Error[] = [];
  const listen = (warning: Error) => heard.push(warning);
  process.on("warning", listen);
  assert.equal(inExecutor({ scheduler: "synchronous" }).cluster, "single");
  assert.equal(inExecutor({ scheduler: "distributed" }).cluster, "distributed");
  const config = resolve({}, { CUDF_POLARS__EXECUTOR__SCHEDULER: "distributed" });
  assert.equal(config.executorOptions.cluster, "distributed");
  assert.equal(config.origins["executorOptions.cluster"], "environment CUDF_POLARS__EXECUTOR__SCHEDULER");
  assert.equal(inExecutor({ cluster: "single" }, { CUDF_POLARS__EXECUTOR__SCHEDULER: "distributed" }).cluster, "single");
  await new Promise((done) => setImmediate(done));
  process.off("warning", listen);
  assert.deepEqual(
    heard.map(({ name, message }) => [name, message]),
    [["DeprecationWarning", "The 'scheduler' parameter is deprecated. Please use 'cluster' instead."]],
  );
});

test("unknown names", () => {
  refused(/^Unknown option 'foo': GPUEngine accepts executor, raiseOnFail, .*executorOptions$/, { foo: 1 });
  refused(/^Unknown option 'executorOptions.foo': executorOptions accepts engine, /, { executorOptions: { foo: 1 } });
  refused(/^Unknown option 'constructor'/, { constructor: 1 });
  refused(/^Cannot specify both 'raiseOnFail' and 'raise_on_fail'/, { raiseOnFail: true, raise_on_fail: true });
  refused(/^Cannot specify both 'executorOptions' and 'executor_options'/, { executorOptions: {}, executor_options: {} });
  refused(/^executorOptions.maxRowsPerPartition is an option of the streaming executor/, {
    executor: "in-memory",
    executorOptions: { max_rows_per_partition: 1 },
  });
});

test("wrong types and ranges", () => {
  for (const options of [null, 1, "gpu", []]) refused("The options of GPUEngine must be an object of options", options);
  for (const options of [1, "x", [], null]) refused("executor_options must be an object of options", { executorOptions: options });
  refused(/^Unknown executor 'foo'\n.*'streaming', 'in-memory'/, { executor: "foo" });
  refused(/^Unknown executor 'foo'\n[\s\S]*CUDF_POLARS__EXECUTOR='foo'/, {}, { CUDF_POLARS__EXECUTOR: "foo" });
  refused("GPUEngine option 'raise_on_fail' must be a boolean.", { raiseOnFail: 1 });
  for (const name of ["rapidsmpfSpill", "sinkToDirectory"])
    refused(`${snakeCase(name)} must be bool`, { executorOptions: { [name]: "true" } });
  const leasts = { maxRowsPerPartition: 1, targetPartitionSize: 0, groupbyNAry: 2, broadcastJoinLimit: 0, maxIoThreads: 1 };
  for (const [name, least] of Object.entries(leasts)) {
    for (const wrong of ["1", 1.5, Number.NaN, 2 ** 60, 5n, null, true])
      refused(`${snakeCase(name)} must be an int`, { executorOptions: { [name]: wrong } });
    refused(`${snakeCase(name)} must be at least ${least}, not ${least - 1}`, { executorOptions: { [name]: least - 1 } });
    const variable = `CUDF_POLARS__EXECUTOR__${snakeCase(name).toUpperCase()}`;
    for (const wrong of ["", "x", "1.5", "1__0"])
      refused(`${snakeCase(name)} must be an int\nThe environment has ${variable}='${wrong}'.`, {}, { [variable]: wrong });
  }
  for (const [name, valid] of Object.entries({
    engine: "tasks",
    cluster: "single",
    fallbackMode: "warn",
    shuffleMethod: "tasks",
    scheduler: "synchronous",
  }))
    refused(new RegExp(`^'foo' is not a valid ${snakeCase(name)}: .*'${valid}'`), { executorOptions: { [name]: "foo" } });
  refused("rapidsmpf-single is not a supported shuffle method.", { executorOptions: { shuffleMethod: "rapidsmpf-single" } });
  refused("client_device_threshold must be a float", { executorOptions: { clientDeviceThreshold: "0.5" } });
  for (const wrong of [-0.1, 1.1])
    refused(/^client_device_threshold must be from 0 to 1/, { executorOptions: { clientDeviceThreshold: wrong } });
  for (const wrong of [1, [], null, { a: "1" }])
    refused(/^unique_fraction must be a dict of column name to float/, { executorOptions: { uniqueFraction: wrong } });
  for (const wrong of [0, -1, 1.01, Number.NaN])
    refused(/^unique_fraction must be above 0 and up to 1.*'a'/, { executorOptions: { uniqueFraction: { a: wrong } } });
  refused(/^unique_fraction must be a dict/, {}, { CUDF_POLARS__EXECUTOR__UNIQUE_FRACTION: "{a" });
});

test("booleans in the environment", () => {
  for (const text of ["1", "true", "YES", "y"]) assert.equal(resolve({}, { CUDF_POLARS__RAISE_ON_FAIL: text }).raiseOnFail, true);
  for (const text of ["0", "False", "no", "N"]) assert.equal(resolve({}, { CUDF_POLARS__RAISE_ON_FAIL: text }).raiseOnFail, false);
  refused(
    "Invalid boolean value: 'maybe'\nThe environment has CUDF_POLARS__RAISE_ON_FAIL='maybe'.",
    {},
    { CUDF_POLARS__RAISE_ON_FAIL: "maybe" },
  );
});

test("our own options", () => {
  const limit = (deviceMemoryLimit: unknown) => resolve({ deviceMemoryLimit }).deviceMemoryLimit;
  assert.equal(limit("50%"), Math.floor(totalmem() / 2));
  assert.equal(limit("12.5%"), Math.floor(totalmem() / 8));
  assert.equal(limit(null), null);
  assert.equal(resolve({}, { POLARS_WEBGPU__DEVICE_MEMORY_LIMIT: "none" }).deviceMemoryLimit, null);
  assert.equal(resolve({}, { POLARS_WEBGPU__DEVICE_MEMORY_LIMIT: "100%" }).deviceMemoryLimit, totalmem());
  assert.equal(resolve({ deviceMemoryLimit: null }, { POLARS_WEBGPU__DEVICE_MEMORY_LIMIT: "5" }).deviceMemoryLimit, null);
  for (const wrong of ["1GB", "%", 1.5, true]) refused(/^device_memory_limit must be an int of bytes/, { deviceMemoryLimit: wrong });
  for (const wrong of ["0%", "101%"]) refused(/^device_memory_limit must be above 0% and up to 100%/, { deviceMemoryLimit: wrong });
  refused(/^device_memory_limit must be at least 1/, { deviceMemoryLimit: 0 });
  assert.equal(resolve({ deviceMemoryLimit: 4000 }).residentMemoryLimit, 1000);
  assert.equal(resolve({ residentMemoryLimit: "50%" }).residentMemoryLimit, Math.floor(totalmem() / 2));
  for (const wrong of [null, "none", 0.5])
    refused(/^resident_memory_limit must be an int of bytes, 0 for none/, { residentMemoryLimit: wrong });
  refused(/^resident_memory_limit must be at least 0/, { residentMemoryLimit: -1 });
  for (const wrong of ["", " ", 1]) refused(/^adapter must be a string that is not empty.*`hardware`/, { adapter: wrong });
  refused(/^'x' is not a valid limits: it accepts 'adapter', 'default'/, { limits: "x" });
  for (const wrong of ["a", [1], [""]]) refused("disable_rules must be an array of names", { disableRules: wrong });
  assert.deepEqual(resolve({}, { POLARS_WEBGPU__DISABLE_RULES: "" }).disableRules, []);
  refused("profile must be bool", { profile: 1 });
});

test("warn", (context) => {
  const log = context.mock.method(console, "warn", () => {});
  const heard: string[] = [];
  resolve({ warn: (message: string) => heard.push(message) }).warn("a");
  resolve({ warn: "silent" }).warn("b");
  resolve({ warn: "console" }).warn("c");
  resolve({}).warn("d");
  resolve({}, { POLARS_WEBGPU__WARN: "silent" }).warn("e");
  assert.deepEqual(heard, ["a"]);
  assert.deepEqual(
    log.mock.calls.map((call) => call.arguments),
    [["c"], ["d"]],
  );
  refused("warn must be 'console', 'silent' or a function, not 'loud'", { warn: "loud" });
});

test("validate", () => {
  const onDifference = (): void => {};
  assert.deepEqual(resolve({ validate: 1 }).validate, { share: 1, onDifference: null });
  assert.deepEqual(resolve({ validate: { share: 0.5 } }).validate, { share: 0.5, onDifference: null });
  assert.equal(resolve({ validate: { share: 0.5, onDifference } }).validate.onDifference, onDifference);
  for (const wrong of ["1", null, Number.NaN, true]) refused("validate must be a float", { validate: wrong });
  refused(/^validate must be from 0 to 1/, { validate: 1.5 });
  refused("validate.share must be a float", { validate: { onDifference } });
  refused("validate.onDifference must be a function", { validate: { share: 1, onDifference: "log" } });
  refused("validate has no 'part': it accepts share, onDifference", { validate: { share: 1, part: 2 } });
  refused("validate must be a float\nThe environment has POLARS_WEBGPU__VALIDATE='often'.", {}, { POLARS_WEBGPU__VALIDATE: "often" });
});

test("the process's environment is the default one", (context) => {
  const before = process.env.POLARS_WEBGPU__ADAPTER;
  context.after(() => {
    if (before === undefined) delete process.env.POLARS_WEBGPU__ADAPTER;
    else process.env.POLARS_WEBGPU__ADAPTER = before;
  });
  process.env.POLARS_WEBGPU__ADAPTER = "some gpu";
  assert.equal(resolveConfig({}).adapter, "some gpu");
  assert.equal(resolveConfig({}).origins.adapter, "environment POLARS_WEBGPU__ADAPTER");
});

test("docs/options.md lists every option as it is", () => {
  const text = readFileSync(new URL("../../docs/options.md", import.meta.url), "utf8");
  const rows = text
    .split("\n")
    .filter((line) => /^\| `/.test(line))
    .map((line) => line.slice(2, -2).split(" | "));
  const expected = [
    ...Object.entries(ENGINE_OPTIONS).map(([name, option]) => ({ path: name, option })),
    ...Object.entries(EXECUTOR_OPTIONS).map(([name, option]) => ({ path: `executorOptions.${name}`, option })),
  ].map(({ path, option }) => [
    `\`${path}\`${option.alias === undefined ? "" : ` (\`${option.alias}\`)`}`,
    option.kind.accepts,
    option.initially,
    option.environment.map((name) => `\`${name}\``).join(", "),
  ]);
  assert.deepEqual(
    rows.map((row) => row.slice(0, 4)),
    expected,
  );
  for (const row of rows) assert((row[4] ?? "").length > 10, `${row[0]} has no meaning`);
});
