/**
 * Sets the machine up, then runs one program under the right Node:
 * `node tools/run.mjs FILE args...` for a script of the project, `node tools/run.mjs --bin NAME args...` for a tool of node_modules.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { childEnvironment, prepare } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The JavaScript file of a command that an installed package of the project's own dependencies declares. */
function toolFile(command) {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    const directory = join(root, "node_modules", name);
    const manifest = join(directory, "package.json");
    const bin = existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).bin : undefined;
    const file = typeof bin === "object" ? bin[command] : undefined;
    if (file) return join(directory, file);
  }
  throw new Error(`no dependency of package.json has a command named '${command}'`);
}

try {
  const [first, ...rest] = process.argv.slice(2);
  if (first === undefined) throw new Error("usage: node tools/run.mjs FILE args... | --bin NAME args...");
  const node = prepare();
  const args = first === "--bin" ? [toolFile(rest[0]), ...rest.slice(1)] : [join(root, first), ...rest];
  const child = spawn(node, args, { cwd: root, env: childEnvironment(node), stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal) console.error(`${first} ended by ${signal}`);
    process.exit(code ?? 1);
  });
} catch (error) {
  console.error(`[setup] ${error.message}`);
  process.exit(1);
}
