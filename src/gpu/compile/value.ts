/** What the expression compiler knows of a value while it writes WGSL. */

import type { DType } from "../../ir/dtype.ts";
import type { Place } from "./inputs.ts";

export interface Value {
  readonly dtype: DType;
  /** WGSL expression of the value; evaluated once, free of side effects. */
  readonly v: string;
  /** WGSL expression of its validity; null: never null. */
  readonly ok: string | null;
  /** Meaning of a code value; null for everything else. */
  readonly dictionary: Place | null;
}

/** Conjunction of validities. */
export const allOk = (...parts: readonly (string | null)[]): string | null => {
  const known = [...new Set(parts.filter((p) => p !== null))];
  return known.length === 0 ? null : known.length === 1 ? (known[0] ?? null) : `(${known.join(" && ")})`;
};
