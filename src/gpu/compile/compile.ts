/** Expressions over the columns of a batch -> a row program: fused WGSL, literals and offsets as arguments. */

import { InternalError } from "../../errors.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { CallExpr, Expr, LiteralExpr, LookupExpr } from "../../ir/expr.ts";
import { describeExpr } from "../../ir/expr.ts";
import type { FunctionName } from "../../ir/functions.ts";
import type { Column } from "../column.ts";
import type { Dictionaries, Dictionary } from "../dictionary.ts";
import type { RowProgram } from "../row-program.ts";
import { ArgumentWords, columnsProgram, declareColumn, loadValidity, loadValue, WGSL_TYPE } from "../row-program.ts";
import { CALENDAR } from "./calendar.ts";
import { EMISSIONS } from "./emit.ts";
import { literalWords } from "./numbers.ts";
import type { Value } from "./value.ts";

export interface Compiled {
  readonly program: RowProgram;
  /** For each output its dtype and, for codes, their meaning. */
  readonly outputs: readonly { readonly dtype: DType; readonly dictionary: Dictionary | null }[];
}

/** What a function needs of the dictionaries of its code arguments. */
const DICTIONARY_NEEDS: Partial<Record<FunctionName, "unique" | "sorted">> = {
  eq: "unique",
  ne: "unique",
  eq_missing: "unique",
  ne_missing: "unique",
  ternary: "unique",
  coalesce: "unique",
  lt: "sorted",
  le: "sorted",
  gt: "sorted",
  ge: "sorted",
};

/** For one output: the table that brings the codes of a dictionary to another one. */
export type Recoding = ReadonlyMap<Dictionary, { readonly dictionary: Dictionary; readonly table: Column | null }>;

/**
 * Compiles `exprs` over `columns`, all of `rows` rows. Async because codes are translated by asking the dictionaries.
 * `recodings[k]` brings the codes of output k to another dictionary.
 */
export async function compile(
  exprs: readonly Expr[],
  columns: ReadonlyMap<string, Column>,
  rows: number,
  dictionaries: Dictionaries,
  recodings: readonly (Recoding | null)[] = [],
): Promise<Compiled> {
  const plain = compileColumns(exprs, columns, recodings);
  if (plain !== null) return plain;
  const shared = new ProgramState(columns, rows, dictionaries);
  const functions: string[] = [];
  const values: Value[] = [];
  const sources: (Column | null)[] = [];
  for (const [k, expr] of exprs.entries()) {
    const body = new FunctionState(shared);
    const emitted = await body.emit(expr);
    const value = body.recode(emitted, recodings[k] ?? null);
    values.push(value);
    sources.push(expr.kind === "column" && value.ok === null && value.v === emitted.v ? shared.column(expr.name) : null);
    functions.push(
      `struct Out_${k} { v: ${WGSL_TYPE[physicalOf(value.dtype)]}, ok: bool }`,
      `fn out_${k}(row: u32) -> Out_${k} {`,
      ...body.lines,
      `  return Out_${k}(${value.v}, ${value.ok ?? "true"});`,
      "}",
    );
  }
  const source = functions.join("\n");
  const wgsl = [...shared.columns.map(declareColumn), source.includes("cal_") ? CALENDAR : "", source].join("\n");
  const args = shared.args.padded();
  const outputs = values.map((v, k) => ({ physical: physicalOf(v.dtype), nullable: v.ok !== null, column: sources[k] ?? null }));
  return {
    program: {
      key: `${outputs.map((o) => `${o.physical}${o.nullable ? "?" : ""}`).join(",")}\n${wgsl}`,
      columns: shared.columns,
      argWords: args.length,
      args,
      wgsl,
      outputs,
    },
    outputs: values.map((v) => ({ dtype: v.dtype, dictionary: v.dictionary })),
  };
}

/** Where the expressions are different columns whose codes stay as they are, which most keys are; null: they are not. Makes no text. */
function compileColumns(
  exprs: readonly Expr[],
  columns: ReadonlyMap<string, Column>,
  recodings: readonly (Recoding | null)[],
): Compiled | null {
  const taken: Column[] = [];
  const outputs: { readonly dtype: DType; readonly dictionary: Dictionary | null }[] = [];
  for (const [k, expr] of exprs.entries()) {
    const column = expr.kind === "column" ? columns.get(expr.name) : undefined;
    if (column === undefined || taken.includes(column)) return null;
    const { dtype, dictionary } = column;
    const target = dictionary === null ? undefined : recodings[k]?.get(dictionary);
    if (target !== undefined && target.table !== null) return null;
    taken.push(column);
    outputs.push({ dtype, dictionary: target === undefined ? dictionary : target.dictionary });
  }
  return taken.length === 0 ? null : { program: columnsProgram(taken), outputs };
}

/** Column bindings and argument words, shared by all outputs of a program. */
class ProgramState {
  readonly columns: Column[] = [];
  readonly args: ArgumentWords;
  readonly dictionaries: Dictionaries;
  readonly #byName: ReadonlyMap<string, Column>;
  readonly #offsets = new Map<number, string>();

  constructor(byName: ReadonlyMap<string, Column>, rows: number, dictionaries: Dictionaries) {
    this.#byName = byName;
    this.args = new ArgumentWords(rows);
    this.dictionaries = dictionaries;
  }

  column(name: string): Column {
    const column = this.#byName.get(name);
    if (column === undefined)
      throw new InternalError(`column ${JSON.stringify(name)} is not in the batch: ${[...this.#byName.keys()].join(", ")}`);
    return column;
  }

  /** Index of the column's binding. */
  bind(column: Column): number {
    const known = this.columns.indexOf(column);
    if (known >= 0) return known;
    this.columns.push(column);
    return this.columns.length - 1;
  }

  /** Validity of row `row`, or null where the column has no nulls. */
  validity(column: Column, row: string): string | null {
    if (column.validityOffset === null) return null;
    const index = this.bind(column);
    let offset = this.#offsets.get(index);
    if (offset === undefined) {
      offset = this.args.word(column.validityOffset);
      this.#offsets.set(index, offset);
    }
    return loadValidity(column, index, row, offset);
  }
}

/** The body of one output function: `let` lines, and the values already computed by their text. */
class FunctionState {
  readonly lines: string[] = [];
  readonly #shared: ProgramState;
  readonly #known = new Map<string, Value>();

  constructor(shared: ProgramState) {
    this.#shared = shared;
  }

  async emit(expr: Expr): Promise<Value> {
    const text = describeExpr(expr);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const raw = await this.#emitNew(expr);
    const value = { ...raw, v: this.#bind(raw.v), ok: raw.ok === null ? null : this.#bind(raw.ok) };
    this.#known.set(text, value);
    return value;
  }

  recode(value: Value, recoding: Recoding | null): Value {
    const target = value.dictionary === null ? undefined : recoding?.get(value.dictionary);
    if (target === undefined) return value;
    const codes = target.table === null ? value : { ...this.#translate(value, this.#codes(value).size, target.table), ok: value.ok };
    return { ...codes, v: this.#bind(codes.v), dtype: value.dtype, dictionary: target.dictionary };
  }

  #bind(wgsl: string): string {
    if (/^\w+$/.test(wgsl)) return wgsl;
    const name = `t${this.lines.length}`;
    this.lines.push(`  let ${name} = ${wgsl};`);
    return name;
  }

  async #emitNew(expr: Expr): Promise<Value> {
    switch (expr.kind) {
      case "column": {
        const column = this.#shared.column(expr.name);
        return this.#load(column, "row");
      }
      case "literal":
        return this.#literal(expr);
      case "lookup":
        return this.#lookup(expr);
      case "call":
        return this.#call(expr);
      case "aggregate":
        throw new InternalError(`an aggregate cannot be computed row by row: ${describeExpr(expr)}`);
    }
  }

  #load(column: Column, row: string): Value {
    const index = this.#shared.bind(column);
    return { dtype: column.dtype, v: loadValue(column, index, row), ok: this.#shared.validity(column, row), dictionary: column.dictionary };
  }

  #literal(expr: LiteralExpr): Value {
    const { dtype, value } = expr;
    if (physicalOf(dtype) === "code") {
      const text = typeof value === "string" ? value : null;
      return { dtype, v: "0u", ok: text === null ? "false" : null, dictionary: this.#shared.dictionaries.literal(text, dtype) };
    }
    if (typeof value === "string") throw new InternalError(`a string literal has dtype ${dtype.kind}`);
    const words = literalWords(value ?? 0, dtype).map((w) => (value === null ? "0u" : this.#shared.args.word(w)));
    return { dtype, v: typed(words, dtype), ok: value === null ? "false" : null, dictionary: null };
  }

  async #lookup(expr: LookupExpr): Promise<Value> {
    const arg = await this.emit(expr.arg);
    const { size, dictionary } = this.#codes(arg);
    const table = await this.#shared.dictionaries.evaluate(dictionary, expr.dsl, expr.dtype);
    return this.#translate(arg, size, table);
  }

  /** Reads a table of `size + 1` rows at the value's code; the last row stands for null. */
  #translate(value: Value, size: number, table: Column): Value {
    const row =
      value.ok === null
        ? value.v
        : this.#bind(`select(${size}u, ${value.v}, ${value.ok})`.replace(`${size}u`, this.#shared.args.word(size)));
    return this.#load(table, row);
  }

  #codes(value: Value): { readonly size: number; readonly dictionary: Dictionary } {
    if (value.dictionary === null) throw new InternalError(`a value of dtype ${value.dtype.kind} has no dictionary`);
    return { size: value.dictionary.size, dictionary: value.dictionary };
  }

  async #call(expr: CallExpr): Promise<Value> {
    const given: Value[] = [];
    for (const arg of expr.args) given.push(await this.emit(arg));
    const args = await this.#comparable(expr.fn, given);
    const emitted = EMISSIONS[expr.fn]({ args, dtype: expr.dtype, options: expr.options, bind: (wgsl) => this.#bind(wgsl) });
    const dictionary = physicalOf(expr.dtype) === "code" ? (args.find((a) => a.dictionary !== null)?.dictionary ?? null) : null;
    return { dtype: expr.dtype, v: emitted.v, ok: emitted.ok, dictionary };
  }

  /** Code arguments of one call, brought to codes of one dictionary. */
  async #comparable(fn: FunctionName, args: readonly Value[]): Promise<readonly Value[]> {
    const need = DICTIONARY_NEEDS[fn];
    const used = [...new Set(args.flatMap((a) => (a.dictionary === null ? [] : [a.dictionary])))];
    if (used.length === 0 || need === undefined) return args;
    const { dictionary, tables } = await this.#shared.dictionaries.unify(used, need);
    const recoding: Recoding = new Map(used.map((d, i) => [d, { dictionary, table: tables[i] ?? null }]));
    return args.map((a) => this.recode(a, recoding));
  }
}

/** Argument words as a WGSL value of the dtype. */
function typed(words: readonly string[], dtype: DType): string {
  switch (physicalOf(dtype)) {
    case "bool":
      return `(${words[0]} != 0u)`;
    case "i32":
      return `bitcast<i32>(${words[0]})`;
    case "i64":
    case "u64":
    case "f64":
      return `vec2<u32>(${words.join(", ")})`;
    default:
      return `${words[0]}`;
  }
}
