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
import { RecentlyUsed } from "../polars/recently-used.ts";

/** Answers of either kind that are kept for a dictionary: queries whose constants vary ask ever new questions. */
const KEPT_ANSWERS = 64;

/** Answers about a dictionary that stay on the device as long as the columns that use it do. */
export class Lookups {
  readonly tables = new RecentlyUsed<string, Promise<Column>>(KEPT_ANSWERS, (table) => void this.#releaseTable(table));
  readonly unified = new RecentlyUsed<string, Promise<Unified>>(KEPT_ANSWERS, (answer) => void this.#releaseUnified(answer));
  readonly #counted: (bytes: number) => void;

  /** `counted` is told the bytes that answers take from now on, less than zero for those that are given back. */
  constructor(counted: (bytes: number) => void) {
    this.#counted = counted;
  }

  /** Answers about a dictionary that is an answer itself, counted with these. */
  nested(): Lookups {
    return new Lookups(this.#counted);
  }

  /** These tables stay. */
  count(tables: readonly (Column | null)[]): void {
    this.#counted(bytesOf(tables));
  }

  /** Gives the tables back; queries that still read them keep their own references. */
  async release(): Promise<void> {
    const released = [
      ...this.tables.clear().map((table) => this.#releaseTable(table)),
      ...this.unified.clear().map((answer) => this.#releaseUnified(answer)),
    ];
    await Promise.all(released);
  }

  async #releaseTable(table: Promise<Column>): Promise<void> {
    const made = await table.catch(() => null);
    if (made !== null) this.#give([made]);
  }

  async #releaseUnified(unified: Promise<Unified>): Promise<void> {
    const made = await unified.catch(() => null);
    if (made === null) return;
    this.#give(made.tables);
    if (made.dictionary instanceof HostDictionary) await made.dictionary.forgetAnswers();
  }

  #give(tables: readonly (Column | null)[]): void {
    this.#counted(-bytesOf(tables));
    for (const table of tables) table?.buffer.release();
  }
}

const bytesOf = (tables: readonly (Column | null)[]): number => tables.reduce((n, table) => n + (table?.buffer.bytes ?? 0), 0);

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

  /** From now on answers live as long as the query that asks. */
  async forgetAnswers(): Promise<void> {
    const { lookups } = this;
    this.lookups = null;
    await lookups?.release();
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
