/** Checks the direction of imports in src/: each layer imports only what stands left of it, and no file imports itself in a circle. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

/** Layers from the bottom up; layers in one row never import each other. A layer is a folder of src/ or a file directly in it. */
const rows: readonly (readonly string[])[] = [
  ["errors", "config"],
  ["ir"],
  ["polars"],
  ["translate", "gpu"],
  ["fallback"],
  ["executors"],
  ["engine"],
  ["intercept"],
  ["index"],
  ["conformance"],
  ["cli"],
];

/** An import of one source file by another, both relative to the source root, with `/` separators. */
export interface Import {
  readonly from: string;
  readonly to: string;
  readonly line: number;
  /** Erased at run time: `import type`, `export type`. */
  readonly typeOnly: boolean;
}

const statement = /^[ \t]*(?:import|export)\b(?<type>[ \t]+type\b)?(?:[^;"'`]*?\bfrom)?\s*["'](?<path>\.{1,2}\/[^"']+)["']/gm;
const dynamic = /\bimport\(\s*["'](?<path>\.{1,2}\/[^"']+)["']/g;

/** Every relative import in TypeScript `text` of the file `from`. Comments are blanked out first. */
export function importsOf(from: string, text: string): readonly Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^[ \t]*\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, " "));
  return [...code.matchAll(statement), ...code.matchAll(dynamic)].map((match) => ({
    from,
    to: join(dirname(from), match.groups?.path ?? "")
      .split(sep)
      .join("/"),
    line: code.slice(0, match.index + match[0].length).split("\n").length,
    typeOnly: match.groups?.type !== undefined,
  }));
}

const layerOf = (file: string): string => file.split("/")[0]?.replace(/\.ts$/, "") ?? "";
const rowOf = (layer: string): number => rows.findIndex((row) => row.includes(layer));

/** One line for each file of an unknown layer and each import that points up or sideways. */
export function layerOffences(files: readonly string[], imports: readonly Import[]): readonly string[] {
  const unknown = files.filter((file) => rowOf(layerOf(file)) < 0).map((file) => `${file}: '${layerOf(file)}' is not a layer`);
  const upward = imports
    .filter(({ from, to }) => layerOf(from) !== layerOf(to) && rowOf(layerOf(to)) >= rowOf(layerOf(from)))
    .filter(({ from, to }) => !(rowOf(layerOf(from)) === 0 && rowOf(layerOf(to)) === 0))
    .map(({ from, to, line }) => `${from}:${line} imports ${to}: ${layerOf(to)} is not below ${layerOf(from)}`);
  return [...unknown, ...upward];
}

/** One line for each import cycle (the strongly connected components of the import graph). */
export function cycles(imports: readonly Import[]): readonly string[] {
  const next = Map.groupBy(imports, ({ from }) => from);
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const path: string[] = [];
  const open = new Set<string>();
  const found: string[] = [];
  const visit = (file: string): number => {
    const own = index.size;
    let least = own;
    index.set(file, own);
    path.push(file);
    open.add(file);
    for (const { to } of next.get(file) ?? []) {
      if (!index.has(to)) least = Math.min(least, visit(to));
      else if (open.has(to)) least = Math.min(least, index.get(to) ?? own);
    }
    low.set(file, least);
    if (least === own) {
      const members = path.splice(path.indexOf(file));
      for (const member of members) open.delete(member);
      const itself = (next.get(file) ?? []).some(({ to }) => to === file);
      if (members.length > 1 || itself) found.push(`import cycle: ${[...members, file].join(" -> ")}`);
    }
    return least;
  };
  for (const file of next.keys()) if (!index.has(file)) visit(file);
  return found;
}

/** Offences in every TypeScript file under `root`, empty when there are none. Types may refer to each other in a circle: such imports do not exist at run time. */
export function checkLayers(root: string): readonly string[] {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(sep).join("/"))
    .filter((file) => file.endsWith(".ts"))
    .sort();
  const imports = files.flatMap((file) => importsOf(file, readFileSync(join(root, file), "utf8")));
  const outside = imports
    .filter(({ to }) => relative(".", to).startsWith(".."))
    .map(({ from, line, to }) => `${from}:${line} imports ${to}, outside src`);
  const inside = imports.filter(({ to }) => !relative(".", to).startsWith(".."));
  return [...outside, ...layerOffences(files, inside), ...cycles(inside.filter(({ typeOnly }) => !typeOnly))];
}
