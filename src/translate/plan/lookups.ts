/** Elementwise expressions without a kernel: each becomes a column of a Lookup node, and the expression around it refers to that column. */

import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { column } from "../../ir/expr.ts";
import type { LookupOutput, Plan } from "../../ir/plan.ts";

/** Prefix of generated columns: no user column starts with it. */
const PREFIX = "\u0001lookup";

interface Entry extends LookupOutput {
  readonly args: readonly string[];
}

/** Collects the lookups of one node. */
export class LookupSet {
  readonly #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** The column that will hold the value of `dsl` over the columns `args`. */
  add(args: readonly string[], dsl: string, dtype: DType): Expr {
    const known = this.#entries.find((e) => e.dsl === dsl);
    const name = known?.name ?? `${PREFIX}${this.#entries.length}`;
    if (known === undefined) this.#entries.push({ name, args, dsl, dtype });
    return column(name, dtype);
  }

  /** Forgets what was added when there were more than `size`. */
  truncate(size: number): void {
    this.#entries.length = size;
  }

  /** The input with a column for each lookup, those over the same columns by one node; row order and number of rows stay. */
  extend(input: Plan): Plan {
    const byArgs = Map.groupBy(this.#entries, (e) => JSON.stringify(e.args));
    let extended = input;
    for (const entries of byArgs.values()) {
      const outputs = entries.map(({ name, dsl, dtype }) => ({ name, dsl, dtype }));
      const schema = [...extended.schema, ...outputs.map(({ name, dtype }) => ({ name, dtype }))];
      extended = { kind: "lookup", input: extended, args: entries[0]?.args ?? [], outputs, schema };
    }
    return extended;
  }
}
