/** Expressions over the columns of a batch -> a row program: fused WGSL, literals and offsets as arguments. */

import { InternalError } from "../../errors.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { CallExpr, Expr, LiteralExpr, LookupExpr } from "../../ir/expr.ts";
import { describeExpr } from "../../ir/expr.ts";
import type { FunctionName } from "../../ir/functions.ts";
import { RecentlyUsed } from "../../polars/recently-used.ts";
import type { Column } from "../column.ts";
import type { Dictionaries, Dictionary } from "../dictionary.ts";
import type { RowProgram, RowValue } from "../row-program.ts";
import { argumentText, columnsProgram, declareColumn, loadValidity, loadValue, shortName, WGSL_TYPE } from "../row-program.ts";
import { CALENDAR } from "./calendar.ts";
import { EMISSIONS } from "./emit.ts";
import type { Answer, Place, Question, Recoding } from "./inputs.ts";
import { columnNamed, evaluated, Inputs, literalDictionary, NO_COLUMN, Recording, recodedOutput, unified } from "./inputs.ts";
import { literalWords } from "./numbers.ts";
import { structureName } from "./structure.ts";
import type { Value } from "./value.ts";

export type { Recoding } from "./inputs.ts";

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
  const known = textsOf(exprs);
  for (const text of known) {
    const inputs = new Inputs(columns, rows, dictionaries, recodings);
    if (await text.recording.isOf(inputs)) return launchable(text, inputs);
  }
  const inputs = new Inputs(columns, rows, dictionaries, recodings);
  const text = await emitProgram(exprs, inputs);
  if (known.length === VARIANTS) known.shift();
  known.push(text);
  return launchable(text, inputs);
}

/** A word that travels as an argument of each launch. Outlives the inputs that it was made for, as all of a text: it may not hold on to them. */
type Argument = number | ((inputs: Inputs) => number);

const rowsOf: Argument = (inputs) => inputs.rows;
const validityOffsetOf =
  (column: Place): Argument =>
  (inputs) =>
    inputs.column(column).validityOffset ?? 0;
const sizeOf =
  (dictionary: Place): Argument =>
  (inputs) =>
    inputs.dictionary(dictionary).size;

/** What of a program is the same for all inputs that its recording is of. */
interface ProgramText {
  readonly recording: Recording;
  readonly key: string;
  readonly wgsl: string;
  readonly arguments: readonly Argument[];
  readonly outputs: readonly (RowValue & { readonly dtype: DType; readonly dictionary: Place | null; readonly column: Place | null })[];
}

/** The texts of lists of expressions: they differ in what columns can be null, and in which columns and dictionaries are the same. */
const TEXTS = new RecentlyUsed<string, ProgramText[]>(1 << 10);
/** Texts that are kept for one list of expressions. */
const VARIANTS = 16;

function textsOf(exprs: readonly Expr[]): ProgramText[] {
  const key = exprs.map(structureName).join();
  const known = TEXTS.get(key) ?? [];
  TEXTS.set(key, known);
  return known;
}

function launchable({ key, wgsl, arguments: words, outputs }: ProgramText, inputs: Inputs): Compiled {
  const args = words.map((word) => (typeof word === "number" ? word : word(inputs)));
  return {
    program: {
      key,
      columns: inputs.columns,
      argWords: args.length,
      args,
      wgsl,
      outputs: outputs.map(({ physical, nullable, column }) => ({
        physical,
        nullable,
        column: column === null ? null : inputs.column(column),
      })),
    },
    outputs: outputs.map(({ dtype, dictionary }) => ({ dtype, dictionary: dictionary === null ? null : inputs.dictionary(dictionary) })),
  };
}

async function emitProgram(exprs: readonly Expr[], inputs: Inputs): Promise<ProgramText> {
  const shared = new ProgramState(inputs);
  const functions: string[] = [];
  const outputs: ProgramText["outputs"][number][] = [];
  for (const [k, expr] of exprs.entries()) {
    const body = new FunctionState(shared);
    const emitted = await body.emit(expr);
    const value = await body.recodeOutput(emitted, k);
    const physical = physicalOf(value.dtype);
    const { dtype, dictionary } = value;
    const column = expr.kind === "column" && value.ok === null && value.v === emitted.v ? await shared.column(expr.name) : null;
    outputs.push({ physical, nullable: value.ok !== null, dtype, dictionary, column });
    functions.push(
      `struct Out_${k} { v: ${WGSL_TYPE[physical]}, ok: bool }`,
      `fn out_${k}(row: u32) -> Out_${k} {`,
      ...body.lines,
      `  return Out_${k}(${value.v}, ${value.ok ?? "true"});`,
      "}",
    );
  }
  const source = functions.join("\n");
  const wgsl = [...inputs.columns.map(declareColumn), source.includes("cal_") ? CALENDAR : "", source].join("\n");
  const key = shortName(`${outputs.map((o) => `${o.physical}${o.nullable ? "?" : ""}`).join(",")}\n${wgsl}`);
  return { recording: shared.recording, key, wgsl, arguments: shared.padded(), outputs };
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
  readonly inputs: Inputs;
  readonly recording = new Recording();
  readonly #arguments: Argument[] = [rowsOf];
  /** Where the validity of columns starts. */
  readonly #offsets = new Map<Place, string>();

  constructor(inputs: Inputs) {
    this.inputs = inputs;
  }

  ask<T extends Answer>(question: Question<T>): Promise<T> {
    return this.recording.ask(this.inputs, question);
  }

  column(name: string): Promise<Place> {
    return this.ask(columnNamed(name));
  }

  /** Appends an argument and returns its WGSL expression. */
  argument(word: Argument): string {
    return argumentText(this.#arguments.push(word) - 1);
  }

  /** All arguments, in whole vectors. */
  padded(): readonly Argument[] {
    const rest = (4 - (this.#arguments.length % 4)) % 4;
    return [...this.#arguments, ...new Array<Argument>(rest).fill(0)];
  }

  /** Validity of row `row`, or null where the column has no nulls. */
  validity(place: Place, row: string): string | null {
    const column = this.inputs.column(place);
    if (column.validityOffset === null) return null;
    let offset = this.#offsets.get(place);
    if (offset === undefined) {
      offset = this.argument(validityOffsetOf(place));
      this.#offsets.set(place, offset);
    }
    return loadValidity(column, place, row, offset);
  }
}

/** The body of one output function: `let` lines, and the values already computed, by the names of their structure. */
class FunctionState {
  readonly lines: string[] = [];
  readonly #shared: ProgramState;
  readonly #known = new Map<string, Value>();

  constructor(shared: ProgramState) {
    this.#shared = shared;
  }

  async emit(expr: Expr): Promise<Value> {
    const name = structureName(expr);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const raw = await this.#emitNew(expr);
    const value = { ...raw, v: this.#bind(raw.v), ok: raw.ok === null ? null : this.#bind(raw.ok) };
    this.#known.set(name, value);
    return value;
  }

  /** The value as output `k` is to have it. */
  async recodeOutput(value: Value, k: number): Promise<Value> {
    const { dictionary } = value;
    if (dictionary === null) return value;
    const [target, table = NO_COLUMN] = await this.#shared.ask(recodedOutput(k, dictionary));
    return target === undefined ? value : this.#recode(value, target, table);
  }

  #recode(value: Value, dictionary: Place, table: Place): Value {
    const codes = table === NO_COLUMN ? value : { ...this.#translate(value, table), ok: value.ok };
    return { ...codes, v: this.#bind(codes.v), dtype: value.dtype, dictionary };
  }

  #bind(wgsl: string): string {
    if (/^\w+$/.test(wgsl)) return wgsl;
    const name = `t${this.lines.length}`;
    this.lines.push(`  let ${name} = ${wgsl};`);
    return name;
  }

  async #emitNew(expr: Expr): Promise<Value> {
    switch (expr.kind) {
      case "column":
        return this.#load(await this.#shared.column(expr.name), "row");
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

  #load(place: Place, row: string): Value {
    const { inputs } = this.#shared;
    const { dtype, dictionary } = inputs.column(place);
    return {
      dtype,
      v: loadValue(inputs.column(place), place, row),
      ok: this.#shared.validity(place, row),
      dictionary: dictionary === null ? null : inputs.placeOfDictionary(dictionary),
    };
  }

  async #literal(expr: LiteralExpr): Promise<Value> {
    const { dtype, value } = expr;
    if (physicalOf(dtype) === "code") {
      const text = typeof value === "string" ? value : null;
      const dictionary = await this.#shared.ask(literalDictionary(text, dtype));
      return { dtype, v: "0u", ok: text === null ? "false" : null, dictionary };
    }
    if (typeof value === "string") throw new InternalError(`a string literal has dtype ${dtype.kind}`);
    const words = literalWords(value ?? 0, dtype).map((w) => (value === null ? "0u" : this.#shared.argument(w)));
    return { dtype, v: typed(words, dtype), ok: value === null ? "false" : null, dictionary: null };
  }

  async #lookup({ arg, dsl, dtype }: LookupExpr): Promise<Value> {
    const value = await this.emit(arg);
    const dictionary = dictionaryOf(value);
    return this.#translate(value, await this.#shared.ask(evaluated(dictionary, dsl, dtype)));
  }

  /** Reads a table, of a row for each entry of the value's dictionary and a last one for null, at the value's code. */
  #translate(value: Value, table: Place): Value {
    const dictionary = dictionaryOf(value);
    const row = value.ok === null ? value.v : this.#bind(`select(${this.#shared.argument(sizeOf(dictionary))}, ${value.v}, ${value.ok})`);
    return this.#load(table, row);
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
    const [dictionary, ...tables] = await this.#shared.ask(unified(used, need));
    if (dictionary === undefined) throw new InternalError("no dictionary covers the arguments of a call");
    return args.map((a) => (a.dictionary === null ? a : this.#recode(a, dictionary, tables[used.indexOf(a.dictionary)] ?? NO_COLUMN)));
  }
}

const dictionaryOf = ({ dictionary, dtype }: Value): Place => {
  if (dictionary === null) throw new InternalError(`a value of dtype ${dtype.kind} has no dictionary`);
  return dictionary;
};

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
