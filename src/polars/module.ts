/** Finds the copies of nodejs-polars that this process uses and gives each a typed view, native classes included. */
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import type pl from "nodejs-polars";
import type { EagerWrappers, LazyWrappers, NativePolars } from "./native.ts";

/** One installed copy of nodejs-polars. The same copy is always the same object. */
export interface PolarsModule {
  /** Folder of the package. */
  readonly folder: string;
  /** Version of the npm package. */
  readonly version: string;
  readonly pl: typeof pl;
  /** The objects that users may hold as `pl`: the exports and their `default`. */
  readonly namespaces: readonly object[];
  readonly native: NativePolars;
  readonly lazyWrappers: LazyWrappers;
  readonly eagerWrappers: EagerWrappers;
}

const PACKAGE = "nodejs-polars";
const ENTRY = join(PACKAGE, "bin", "index.js");

const known = new Map<string, PolarsModule>();

/**
 * Every copy that is loaded already, or that the main script, the working directory or this package would load. Copies that nobody has
 * loaded yet are loaded. Calling it again finds copies that came later. Empty when nodejs-polars is not installed.
 */
export function findPolarsModules(): readonly PolarsModule[] {
  const require = createRequire(import.meta.url);
  const folders = new Set(Object.keys(require.cache).flatMap(folderOfEntry));
  for (const base of searchBases()) {
    const entry = resolveFrom(base);
    if (entry !== undefined) for (const folder of folderOfEntry(entry)) folders.add(folder);
  }
  return [...folders].map((folder) => openPolarsModule(folder));
}

/** The typed view of the copy in a package folder. Throws what `require` throws when there is none. */
export function openPolarsModule(folder: string): PolarsModule {
  const open = known.get(folder);
  if (open !== undefined) return open;
  const require = createRequire(join(folder, "package.json"));
  const inner = (path: string): unknown => require(join(folder, path));
  const exported = inner("bin/index.js") as typeof pl & { default: object };
  const module: PolarsModule = Object.freeze({
    folder,
    version: (inner("package.json") as { version: string }).version,
    pl: exported,
    namespaces: [exported, exported.default],
    native: (inner("bin/internals/polars_internal.js") as { default: NativePolars }).default,
    lazyWrappers: inner("bin/lazy/dataframe.js") as LazyWrappers,
    eagerWrappers: inner("bin/dataframe.js") as EagerWrappers,
  });
  known.set(folder, module);
  return module;
}

/** The copy that an `import "nodejs-polars"` in this package means, or undefined. */
export function ownPolarsModule(): PolarsModule | undefined {
  const entry = resolveFrom(import.meta.url);
  const folder = entry === undefined ? undefined : folderOfEntry(entry)[0];
  return folder === undefined ? undefined : openPolarsModule(folder);
}

function searchBases(): readonly string[] {
  const script = process.argv[1];
  return [...(script === undefined ? [] : [script]), join(process.cwd(), "index.js"), import.meta.url];
}

function resolveFrom(base: string): string | undefined {
  try {
    return createRequire(base).resolve(PACKAGE);
  } catch {
    return undefined;
  }
}

function folderOfEntry(entry: string): readonly string[] {
  return entry.endsWith(sep + ENTRY) ? [dirname(dirname(entry))] : [];
}
