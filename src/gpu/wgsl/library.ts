/** The WGSL numeric library: `link` puts in front of a kernel's source the definitions that it uses, and only those. */

import { InternalError } from "../../errors.ts";
import { ARCS } from "./arcs.ts";
import { CASTS } from "./casts.ts";
import { CIRCULAR } from "./circular.ts";
import { DOUBLE_DOUBLE } from "./dd.ts";
import type { Definition, Definitions } from "./definitions.ts";
import { EXPONENTIAL } from "./exponential.ts";
import { F32 } from "./f32.ts";
import { F64 } from "./f64.ts";
import { F64_SUM } from "./f64-sum.ts";
import { HYPERBOLIC } from "./hyperbolic.ts";
import { I32 } from "./i32.ts";
import { I64 } from "./i64.ts";
import { LOGARITHM } from "./logarithm.ts";
import { ORDER } from "./order.ts";
import { POWER } from "./power.ts";
import { ROUND } from "./round.ts";
import { SQRT } from "./sqrt.ts";
import { U32 } from "./u32.ts";
import { U64 } from "./u64.ts";
import { U128 } from "./u128.ts";
import { WIDE } from "./wide.ts";

const DISPATCH: Definitions = {
  /** Number of the workgroup in a dispatch that is folded into y. */
  group_id: "fn group_id(wid: vec3<u32>, nwg: vec3<u32>) -> u32 { return wid.x + wid.y * nwg.x; }",
  /** `n`, which no compiler knows to be constant: a loop up to it is not unrolled, which for a big body takes seconds and gains nothing. */
  rolled: "fn rolled(n: u32, nwg: vec3<u32>) -> u32 { return n * nwg.z; }",
};

const FILES: readonly Definitions[] = [
  DISPATCH,
  U32,
  I32,
  U64,
  I64,
  F32,
  F64,
  ORDER,
  CASTS,
  ROUND,
  SQRT,
  U128,
  WIDE,
  F64_SUM,
  DOUBLE_DOUBLE,
  EXPONENTIAL,
  LOGARITHM,
  POWER,
  CIRCULAR,
  ARCS,
  HYPERBOLIC,
];

const collect = (files: readonly Definitions[]): ReadonlyMap<string, Definition> => {
  const library = new Map<string, Definition>();
  for (const [name, definition] of files.flatMap((file) => Object.entries(file))) {
    if (library.has(name)) throw new InternalError(`WGSL library: ${name} is defined twice`);
    library.set(name, definition);
  }
  return library;
};

const LIBRARY = collect(FILES);

/** Names of the library in the order of their definition, for tests and tools. */
export const names = (): readonly string[] => [...LIBRARY.keys()];

const IDENTIFIER = /[A-Za-z_]\w*/g;
const COMMENT = /\/\/.*/g;

/** Library names that `text` mentions outside of line comments. */
const mentioned = (text: string): readonly string[] =>
  [...new Set(text.replace(COMMENT, "").match(IDENTIFIER) ?? [])].filter((word) => LIBRARY.has(word));

/** The text of a definition and what it mentions itself, found once for each. */
interface Entry {
  readonly text: string;
  readonly needs: readonly string[];
}
const entries = new Map<string, Entry>();
const entryOf = (name: string, definition: Definition): Entry => {
  const known = entries.get(name);
  if (known !== undefined) return known;
  const text = (typeof definition === "string" ? definition : definition()).trim();
  const entry = { text, needs: mentioned(text) };
  entries.set(name, entry);
  return entry;
};

/**
 * `source` behind the definition of every library name that occurs in it, transitively, in the library's order: the same source
 * always gives the same text. Names that the library does not have are left to the WGSL compiler. A source must not be linked
 * twice, nor define a library name itself.
 */
export const link = (source: string): string => {
  const wanted = new Set(mentioned(source));
  for (const name of wanted) {
    const definition = LIBRARY.get(name);
    if (definition === undefined) continue;
    for (const need of entryOf(name, definition).needs) wanted.add(need);
  }
  const definitions = [...LIBRARY].filter(([name]) => wanted.has(name)).map(([name, definition]) => entryOf(name, definition).text);
  return [...definitions, source].join("\n");
};
