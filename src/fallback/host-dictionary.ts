/** A dictionary as CPU polars holds it, and the polars expressions that its makers and readers are written in. */

import { InternalError } from "../errors.ts";
import type { Column } from "../gpu/column.ts";
import type { Dictionary, Unified } from "../gpu/dictionary.ts";
import type { DType } from "../ir/dtype.ts";
import { LOOKUP_COLUMN } from "../ir/expr.ts";
import { exprFromDsl } from "../polars/composing.ts";
import type { DslExpr } from "../polars/dsl.ts";
import { isObject } from "../polars/dsl.ts";
import { parseExact } from "../polars/dsl-text.ts";
import type { NativeDataFrame, NativePolars, NativeSeries } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";

/** Answers about a dictionary that stay on the device as long as the columns that use it do. */
export class Lookups {
  readonly tables = new Map<string, Promise<Column>>();
  readonly unified = new Map<string, Promise<Unified>>();

  /** Gives the tables back; queries that still read them keep their own references. */
  async release(): Promise<void> {
    const tables = await Promise.allSettled(this.tables.values());
    const unified = await Promise.allSettled(this.unified.values());
    this.tables.clear();
    this.unified.clear();
    for (const table of tables) if (table.status === "fulfilled") table.value.buffer.release();
    for (const answer of unified) {
      if (answer.status === "rejected") continue;
      for (const table of answer.value.tables) table?.buffer.release();
      if (answer.value.dictionary instanceof HostDictionary) await answer.value.dictionary.lookups?.release();
    }
  }
}

/** Entries by code, as a frame of one column called LOOKUP_COLUMN. */
export class HostDictionary implements Dictionary {
  /** Null: answers live as long as the query that asks. */
  lookups: Lookups | null = null;
  readonly frame: NativeDataFrame;
  readonly dtype: DType;
  readonly size: number;
  readonly unique: boolean;
  readonly sorted: boolean;

  constructor(frame: NativeDataFrame, dtype: DType, kind: "any" | "unique" | "sorted") {
    this.frame = frame;
    this.dtype = dtype;
    this.size = frame.height;
    this.unique = kind !== "any";
    this.sorted = kind === "sorted";
  }

  get entries(): NativeSeries {
    return this.frame.column(LOOKUP_COLUMN);
  }
}

export const VALUE: DslExpr = { Column: LOOKUP_COLUMN };
export const rename = (expr: DslExpr, name: string): DslExpr => ({ Alias: [expr, name] });
export const functionOf = (name: DslExpr, ...input: readonly DslExpr[]): DslExpr => ({ Function: { input: [...input], function: name } });

/** An expression from its JSON. @throws InternalError for anything else. */
export function parsedExpr(dsl: string): DslExpr {
  const expr = parseExact(dsl);
  if (typeof expr === "string" || isObject(expr)) return expr;
  throw new InternalError(`not an expression: ${dsl}`);
}

/** Runs a Select over a frame on CPU polars' own threads. */
export const select = (native: NativePolars, frame: NativeDataFrame, exprs: readonly DslExpr[]): Promise<NativeDataFrame> =>
  quietly(() =>
    frame
      .lazy()
      .select(exprs.map((e) => exprFromDsl(native, e)))
      .collect(),
  );
