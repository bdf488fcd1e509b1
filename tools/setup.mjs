/**
 * Makes a fresh machine able to run the project: a Node that runs TypeScript and nodejs-polars, the npm packages, and,
 * only where no GPU adapter is found, a software Vulkan driver. Runs on the Node that is there (>= 18), says what it installs.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { installVulkanDriver } from "./vulkan-driver.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const nodeMajor = 24;

/** Prints one line of progress. */
const say = (/** @type {string} */ line) => console.log(`[setup] ${line}`);

/** npm settings of the user that a nested npm must still see; everything else in npm_* describes the outer `npm run`. */
const keptNpmSettings = /^npm_config_(registry|cache|userconfig|globalconfig|proxy|https_proxy|noproxy|cafile|ca|strict_ssl)$/;

/** The environment for children: without the outer npm's variables, with the chosen Node first in PATH. */
export function childEnvironment(node) {
  const env = {};
  for (const [key, value] of Object.entries(process.env)) {
    const npm = /^npm_/.test(key) && !keptNpmSettings.test(key);
    if (!npm && key !== "INIT_CWD" && key !== "NODE_ENV" && key.toUpperCase() !== "PATH") env[key] = value;
  }
  const path = process.env.PATH ?? process.env.Path ?? "";
  env.PATH = `${dirname(node)}${delimiter}${path}`;
  return env;
}

/** The JavaScript file of npm: the one that runs us, else the one beside this Node, else the first in PATH. */
function npmCli() {
  const execPath = process.env.npm_execpath;
  if (execPath && /npm-cli\.c?js$/.test(execPath) && existsSync(execPath)) return execPath;
  const bin = dirname(realpathSync(process.execPath));
  const besides = [join(bin, "..", "lib"), bin, join(bin, "..", "share", "nodejs")].map((dir) =>
    join(dir, "node_modules", "npm", "bin", "npm-cli.js"),
  );
  const inPath = (process.env.PATH ?? process.env.Path ?? "").split(delimiter).flatMap((dir) => {
    const link = join(dir, "npm");
    const windows = join(dir, "node_modules", "npm", "bin", "npm-cli.js");
    return [...(existsSync(link) ? [realpathSync(link)] : []), windows];
  });
  const found = [...besides, ...inPath].find((file) => /npm-cli\.c?js$/.test(file) && existsSync(file));
  if (!found)
    throw new Error("npm was not found beside this Node or in PATH; install npm (it comes with Node from nodejs.org) and run this again");
  return found;
}

/** Runs npm under `node`; its output is shown only when it fails. Returns whether it succeeded. */
function npm(node, args) {
  const result = spawnSync(node, [npmCli(), ...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    env: childEnvironment(node),
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  if (result.status !== 0) process.stderr.write(`${result.error ?? ""}${result.stdout ?? ""}${result.stderr ?? ""}`);
  return result.status === 0;
}

/** Step 1: the path of a Node of at least version 24, installed from npm under .toolchain/ where the running one is older. */
function prepareNode() {
  if (Number(process.versions.node.split(".")[0]) >= nodeMajor) return process.execPath;
  const platform = process.platform === "win32" ? "win" : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const prefix = join(root, ".toolchain");
  const binary = join(prefix, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (runs(binary)) return binary;
  say(`Node ${process.versions.node} is older than ${nodeMajor}: installing ${name}@${nodeMajor} under .toolchain/`);
  mkdirSync(prefix, { recursive: true });
  writeFileSync(join(prefix, "package.json"), `${JSON.stringify({ private: true })}\n`);
  npm(process.execPath, ["install", "--prefix", prefix, "--no-save", "--no-package-lock", `${name}@${nodeMajor}`]);
  if (!runs(binary))
    throw new Error(
      `${name}@${nodeMajor} could not be installed; install Node ${nodeMajor} or newer from https://nodejs.org and run this again`,
    );
  return binary;
}

const runs = (/** @type {string} */ binary) => existsSync(binary) && spawnSync(binary, ["--version"]).status === 0;

const readJson = (/** @type {string} */ file) => (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null);

/** Packages of package-lock.json that this machine needs but node_modules lacks or holds in another version. */
export function outdatedPackages(lock, installed) {
  const accepts = (list, value) => !list || (list.some((x) => !x.startsWith("!")) ? list.includes(value) : !list.includes(`!${value}`));
  const ownLibc = libc();
  return Object.entries(lock.packages).flatMap(([path, entry]) => {
    const wanted = accepts(entry.os, process.platform) && accepts(entry.cpu, process.arch) && accepts(entry.libc, ownLibc);
    return path !== "" && wanted && installed.packages[path]?.version !== entry.version ? [path] : [];
  });
}

/** "glibc" or "musl" on Linux; elsewhere undefined, which no package names. */
function libc() {
  if (process.platform !== "linux") return undefined;
  return process.report.getReport().header.glibcVersionRuntime ? "glibc" : "musl";
}

/**
 * Step 2: the packages of the lock file, redone when it has changed or an install was cut short. `npm install --no-save` follows the
 * lock file and never writes it; `npm ci` would refuse it for listing the optional binaries of some platforms only.
 */
function preparePackages(node) {
  const modules = join(root, "node_modules");
  const lock = readJson(join(root, "package-lock.json"));
  const installed = readJson(join(modules, ".package-lock.json"));
  const outdated = installed ? outdatedPackages(lock, installed) : [];
  if (!installed || outdated.length > 0) {
    say(installed ? `updating npm packages that differ from package-lock.json: ${outdated.join(" ")}` : "installing the npm packages");
    if (!installed) rmSync(modules, { recursive: true, force: true });
    if (!npm(node, ["install", "--no-save", "--include=dev", "--include=optional"]))
      throw new Error("the npm packages could not be installed (see above)");
  }
  const missing = missingBinaries();
  if (missing.length === 0) return;
  say(`installing binaries for ${process.platform}-${process.arch} that the lock file does not list: ${missing.join(" ")}`);
  npm(node, ["install", "--no-save", "--no-package-lock", "--include=dev", ...missing]);
}

/** Optional native packages for this platform that an installed package names and that are not there, as name@version. */
function missingBinaries() {
  const modules = join(root, "node_modules");
  const names = readdirSync(modules).flatMap((name) =>
    name.startsWith("@") ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
  );
  const pattern = new RegExp(`${process.platform}-${process.arch}(-(${libc() === "musl" ? "musl" : "gnu|glibc"}|msvc))?$`);
  return names.flatMap((name) =>
    Object.entries(readJson(join(modules, name, "package.json"))?.optionalDependencies ?? {})
      .filter(([binary]) => pattern.test(binary) && !existsSync(join(modules, binary)))
      .map(([binary, version]) => `${binary}@${version}`),
  );
}

/** Asks Dawn, in a child process (a broken driver may end it), for an adapter. Returns its name, or null. */
function probeAdapter(node) {
  const script = `import { create } from "webgpu";
    const gpu = create([]);
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    const info = adapter?.info;
    console.log("adapter=" + (info ? (info.description || [info.vendor, info.architecture, info.device].join(" ")) : ""));
    process.exit(0);`;
  const result = spawnSync(node, ["--input-type=module", "--eval", script], {
    cwd: root,
    env: childEnvironment(node),
    encoding: "utf8",
    timeout: 120_000,
  });
  return /^adapter=(.+)$/m.exec(result.stdout ?? "")?.[1] ?? null;
}

/** Step 3: an adapter for WebGPU. Without one the engine still works, on CPU polars. */
function prepareAdapter(node) {
  const adapter = probeAdapter(node) ?? (installVulkanDriver(say) ? probeAdapter(node) : null);
  say(
    adapter
      ? `WebGPU adapter: ${adapter}`
      : "no WebGPU adapter: queries will run on CPU polars, with a warning; the kernel tests need an adapter",
  );
}

/** Does every step that this machine still needs and returns the path of the Node to run the project with. */
export function prepare() {
  const node = prepareNode();
  preparePackages(node);
  prepareAdapter(node);
  return node;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    prepare();
  } catch (error) {
    console.error(`[setup] ${error.message}`);
    process.exit(1);
  }
}
