/** Patterns of file names, as polars expands them: `*`, `?` and `[...]` in the last part of a path. */

import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const SPECIAL = /[*?[\]{}]/;

/** Whether polars takes the path for a pattern. */
export const isPattern = (path: string): boolean => SPECIAL.test(path);

/**
 * The files that the pattern matches, in the order in which polars reads them; null where that is left to polars: patterns in folders' names,
 * names beyond ASCII, anything but files.
 */
export async function filesMatching(pattern: string): Promise<readonly string[] | null> {
  const folder = dirname(pattern);
  const matcher = matcherOf(basename(pattern));
  if (matcher === null || isPattern(folder) || basename(pattern) === "") return null;
  const found = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => matcher.test(name));
  if (found.length === 0 || found.some((entry) => !entry.isFile() || !isAscii(entry.name))) return null;
  return found
    .map(({ name }) => name)
    .sort()
    .map((name) => join(folder, name));
}

const isAscii = (text: string): boolean => [...text].every((character) => character <= "~");

/** Null for what is more than `*`, `?` and sets of letters, digits and ranges of them. */
function matcherOf(name: string): RegExp | null {
  let source = "";
  for (const [part] of name.matchAll(/\[[0-9A-Za-z-]+\]|./gs)) {
    if (part === "*") source += ".*";
    else if (part === "?") source += ".";
    else if (part.length > 1) source += part;
    else if (isPattern(part)) return null;
    else source += part.replace(/[\\^$.|+()]/, "\\$&");
  }
  return name.includes("**") ? null : new RegExp(`^${source}$`, "s");
}
