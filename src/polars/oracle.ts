/** Asks CPU polars which names and dtypes a plan node or an expression has, by running it over empty frames. */
import { InternalError, UnsupportedError } from "../errors.ts";
import { isPlainJson, planFromDsl } from "./composing.ts";
import { withoutConstants } from "./constants.ts";
import {
  type DslDtype,
  type DslExpr,
  type DslFields,
  type DslPlan,
  type DslValue,
  isList,
  isObject,
  isPlanTag,
  planInputs,
  planNode,
  tag,
} from "./dsl.ts";
import { dslText } from "./dsl-text.ts";
import type { PolarsModule } from "./module.ts";
import type { NativeDataFrame, NativeLazyFrame } from "./native.ts";
import { answersEmptyList, questionsAbout } from "./oracle-guard.ts";
import { quietly } from "./quiet.ts";
import { nullOf, oneRow, PROJECTION, withEmptySeries, type ZeroFrame, zeroFrame, zeroOf } from "./zero-frame.ts";

/** No answer: what polars threw over empty frames, or why it was not asked. It does not prove that the query fails on its data. */
export interface OracleError {
  readonly error: Error;
  /** `polars`: polars threw `error`. `refused`: polars was not asked, or its answer cannot be trusted. */
  readonly kind: "polars" | "refused";
}
export interface OutputColumn {
  readonly name: string;
  readonly dtype: DslDtype;
}
/** Where expressions stand: a projection, or the aggregations of a group-by with these keys. */
export type ExprContext = "select" | { readonly keys: readonly DslExpr[] };

export function isOracleError(answer: object): answer is OracleError {
  return "error" in answer;
}

const MAX_CACHED = 4096;
/** Rows of zeros to try when an expression fails on none at all: constant positions and samples need some. */
const RETRY_ROWS = [1, 64] as const;
/** Functions that panic on empty columns, which polars reports on stderr: asked over rows at once. */
const PANICS_WHEN_EMPTY = /"(?:Quantile|Skew|Gather|Reshape|ExtendConstant)"/;
/** What polars says when rows, not dtypes, are the matter. */
const ABOUT_ROWS = /out of bounds|out of range|length|reshape|null input|on a `None` value|larger sample/;
/** Separates a column's name from the number of its expression. */
const MARK = "\u0001";

/**
 * Answers are cached by text, without the constants that do not matter; one oracle serves all queries of one copy of nodejs-polars. Synchronous,
 * about 0.1 ms a new question. What fails is asked once more as it is, for the words of polars' own objection.
 */
export class SchemaOracle {
  private readonly module: PolarsModule;
  private readonly leaves = new WeakMap<NativeDataFrame, ZeroFrame>();
  private readonly nodes = new Map<string, ZeroFrame | OracleError>();
  private readonly columns = new Map<string, readonly OutputColumn[] | OracleError>();
  private readonly nothing: ZeroFrame;

  constructor(module: PolarsModule) {
    this.module = module;
    this.nothing = quietly(() => zeroFrame(new module.native.JsDataFrame([])));
  }

  /** The columns of a frame. */
  leaf(frame: NativeDataFrame): ZeroFrame {
    let zero = this.leaves.get(frame);
    if (zero === undefined) {
      zero = zeroFrame(frame);
      this.leaves.set(frame, zero);
    }
    return zero;
  }

  /** A zero-row frame of any columns. */
  ofFields(fields: DslFields): ZeroFrame | OracleError {
    return fields.length === 0 ? this.nothing : this.node(oneRow(fields, nullOf), [this.nothing]);
  }

  /**
   * The output of a plan node whose inputs are `{ Source: i }`, meaning `inputs[i]`. A scan opens its files to learn their schema; a sink has
   * no columns and is not run.
   */
  node(node: DslPlan, inputs: readonly ZeroFrame[]): ZeroFrame | OracleError {
    if ("Sink" in node) return this.nothing;
    if ("Source" in node) return inputs[node.Source] ?? { error: new InternalError(`no input ${node.Source}`), kind: "refused" };
    if ("Scan" in node) return this.ask({ Slice: { input: node, offset: 0, len: 0 } }, "", inputs);
    const general = withoutConstants(node);
    const answer = this.nodeAsItIs(general, inputs);
    return isOracleError(answer) && general !== node ? this.nodeAsItIs(node, inputs) : answer;
  }

  private nodeAsItIs(node: DslPlan, inputs: readonly ZeroFrame[]): ZeroFrame | OracleError {
    const text = dslText(node);
    return remember(this.nodes, `${text}\n${inputs.map((input) => input.key).join("\n")}`, () => this.ask(node, text, inputs));
  }

  /** The output of a whole plan over `leaves`, by source id; each node is asked, and remembered, by itself. The first failing node decides. */
  plan(plan: DslPlan, leaves: ReadonlyMap<number, ZeroFrame>): ZeroFrame | OracleError {
    if ("Source" in plan) return leaves.get(plan.Source) ?? { error: new InternalError(`no source ${plan.Source}`), kind: "refused" };
    const inputs: ZeroFrame[] = [];
    for (const input of planInputs(plan)) {
      const answer = this.plan(input, leaves);
      if (isOracleError(answer)) return answer;
      inputs.push(answer);
    }
    return this.node(withNumberedInputs(plan), inputs);
  }

  /**
   * The output columns of each expression over `input`, in order; a selector may give several, or none. Asked together; one that fails does
   * not spoil the others.
   */
  expressions(
    input: ZeroFrame,
    exprs: readonly DslExpr[],
    context: ExprContext = "select",
  ): readonly (readonly OutputColumn[] | OracleError)[] {
    const general = exprs.map((expr) => withoutConstants(expr));
    const around = contextWithoutConstants(context);
    return this.expressionsAsTheyAre(input, general, around).map((answer, i) => {
      const expr = exprs[i];
      if (expr === undefined || !isOracleError(answer) || (expr === general[i] && around === context)) return answer;
      return this.expressionsAsTheyAre(input, [expr], context)[0] ?? answer;
    });
  }

  private expressionsAsTheyAre(
    input: ZeroFrame,
    exprs: readonly DslExpr[],
    context: ExprContext,
  ): readonly (readonly OutputColumn[] | OracleError)[] {
    const prefix = `${context === "select" ? "" : dslText(context.keys)}\n${input.key}\n`;
    const keys = exprs.map((expr) => prefix + dslText(expr));
    const answers = new Map<string, readonly OutputColumn[] | OracleError>();
    const open: { readonly expr: DslExpr; readonly key: string }[] = [];
    for (const [i, expr] of exprs.entries()) {
      const key = keys[i] ?? "";
      const known = this.columns.get(key) ?? this.refusal(expr, key.slice(prefix.length), [input]);
      if (known !== undefined) answers.set(key, known);
      else open.push({ expr, key });
    }
    const found = this.together(
      input,
      open.map(({ expr }) => expr),
      context,
    );
    for (const [i, { key }] of open.entries()) answers.set(key, found[i] ?? NO_ANSWER);
    for (const [key, answer] of answers) store(this.columns, key, answer);
    return keys.map((key) => answers.get(key) ?? NO_ANSWER);
  }

  /** The dtype that holds values of both, as `when/then/otherwise` finds it; undefined when there is none. */
  supertype(a: DslDtype, b: DslDtype): DslDtype | undefined {
    const [answer] = this.expressions(this.nothing, [
      { Ternary: { predicate: { Literal: { Scalar: { Boolean: true } } }, truthy: nullOf(a), falsy: nullOf(b) } },
    ]);
    return answer === undefined || isOracleError(answer) ? undefined : answer[0]?.dtype;
  }

  private together(input: ZeroFrame, exprs: readonly DslExpr[], context: ExprContext): readonly (readonly OutputColumn[] | OracleError)[] {
    if (exprs.length === 0) return [];
    const marked = exprs.map((expr, i) => ({ RenameAlias: { function: { Suffix: `${MARK}${i}` }, expr } }));
    const node = inContext(marked, context);
    const answer = this.run(node, [input], exprs.length === 1);
    if (!isOracleError(answer))
      return sortedByMark(answer.fields, exprs.length).map((columns, i) => this.trusted(columns, exprs[i] ?? "", input));
    if (exprs.length === 1) return [answer];
    const half = exprs.length >> 1;
    return [...this.together(input, exprs.slice(0, half), context), ...this.together(input, exprs.slice(half), context)];
  }

  private trusted(columns: readonly OutputColumn[], expr: DslExpr, input: ZeroFrame): readonly OutputColumn[] | OracleError {
    const key = dslText(columns.map(({ dtype }) => dtype));
    return answersEmptyList(key, dslText(expr), [input]) ? EMPTY_LIST : columns;
  }

  private ask(node: DslPlan, text: string, inputs: readonly ZeroFrame[]): ZeroFrame | OracleError {
    const refusal = this.refusal(node, text, inputs);
    if (refusal !== undefined) return refusal;
    const answer = this.run(node, inputs, true);
    return !isOracleError(answer) && answersEmptyList(answer.key, text, inputs) ? EMPTY_LIST : answer;
  }

  /** Innermost questions come first, so each operand is safe to ask about once those inside it have been answered. */
  private refusal(value: DslValue, text: string, inputs: readonly ZeroFrame[]): OracleError | undefined {
    for (const { operand, ifStruct } of questionsAbout(value, text, inputs)) {
      const answers = inputs.map((input) => this.together(input, [operand], "select")[0]).filter((answer) => answer !== undefined);
      const known = answers.flatMap((answer) => (isOracleError(answer) ? [] : answer));
      const isStruct = known.some(({ dtype }) => tag(dtype)[0] === "Struct");
      if (isStruct && ifStruct === "deadly") return refused("this function of a Struct ends the process in CPU polars");
      if (isStruct) return refused("what a Struct cast to another dtype becomes depends on its rows");
      if (ifStruct === "deadly" && known.length === 0)
        return refused("the operand may be a Struct, for which this function ends the process in CPU polars");
    }
    return undefined;
  }

  private run(node: DslPlan, inputs: readonly ZeroFrame[], retry: boolean): ZeroFrame | OracleError {
    const overRows = RETRY_ROWS.map((rows) => () => this.runOver(node, inputs, rows));
    if (needsRows(node, inputs)) return firstAnswer(overRows);
    const answer = this.runOver(node, inputs, 0);
    if (!retry || !isOracleError(answer) || !ABOUT_ROWS.test(answer.error.message)) return answer;
    const again = firstAnswer([() => this.runOver(withEmptySeries(node), inputs, 0), ...overRows]);
    return isOracleError(again) ? answer : again;
  }

  private runOver(node: DslPlan, inputs: readonly ZeroFrame[], rows: number): ZeroFrame | OracleError {
    return quietly(() => {
      try {
        const scans = rows === 0 ? inputs.map(({ scan }) => scan) : inputs.map((input) => this.rowsOf(input, rows));
        return zeroFrame(this.lazy(node, scans).collectSync("in-memory"));
      } catch (error) {
        return { error: error instanceof Error ? error : new Error(String(error)), kind: "polars" };
      }
    });
  }

  /** The native frame of a node over inputs that are given as JSON. */
  private lazy(node: DslPlan, scans: readonly string[]): NativeLazyFrame {
    const { native } = this.module;
    if (!isPlainJson(node))
      return planFromDsl(native, node, new Map(scans.map((scan, i) => [i, native.JsLazyFrame.deserialize(Buffer.from(scan), "json")])));
    const text = dslText(node).replace(/\{"Source":(\d+)\}/g, (_, i: string) => scans[Number(i)] ?? "");
    return native.JsLazyFrame.deserialize(Buffer.from(text), "json");
  }

  /** JSON of a frame of `rows` zeros, or nulls where a dtype has no zero. */
  private rowsOf(input: ZeroFrame, rows: number): string {
    const { native } = this.module;
    const row = this.lazy(oneRow(input.fields, zeroOf), [this.nothing.scan]).collectSync("in-memory").lazy();
    const all = native.concatLf(
      Array.from({ length: rows }, () => row),
      "vertical",
      true,
      true,
      false,
      true,
    );
    return all.collectSync("in-memory").lazy().serialize("json").toString();
  }
}

const NO_ANSWER: OracleError = { error: new InternalError("an expression got no answer"), kind: "refused" };
const EMPTY_LIST = refused("polars does not know the element dtype of an empty list here");

function refused(reason: string): OracleError {
  return { error: new UnsupportedError([reason]), kind: "refused" };
}

/** The first attempt that succeeds, else the first error. */
function firstAnswer(attempts: readonly (() => ZeroFrame | OracleError)[]): ZeroFrame | OracleError {
  let failed: OracleError | undefined;
  for (const attempt of attempts) {
    const answer = attempt();
    if (!isOracleError(answer)) return answer;
    failed ??= answer;
  }
  return failed ?? NO_ANSWER;
}

/** Only rows make polars add the boundary columns of a dynamic group-by, and keep some functions from panicking. */
function needsRows(node: DslPlan, inputs: readonly ZeroFrame[]): boolean {
  if ("GroupBy" in node && node.GroupBy.options.dynamic?.include_boundaries === true) return true;
  return inputs.length > 0 && PANICS_WHEN_EMPTY.test(dslText(node));
}

function contextWithoutConstants(context: ExprContext): ExprContext {
  if (context === "select") return context;
  const keys = withoutConstants(context.keys);
  return keys === context.keys ? context : { keys };
}

function inContext(exprs: readonly DslExpr[], context: ExprContext): DslPlan {
  if (context === "select") return { Select: { expr: exprs, input: { Source: 0 }, options: PROJECTION } };
  const options = { dynamic: null, rolling: null, slice: null };
  return { GroupBy: { input: { Source: 0 }, keys: context.keys, predicates: [], aggs: exprs, maintain_order: true, options, apply: null } };
}

function sortedByMark(fields: DslFields, count: number): readonly (readonly OutputColumn[])[] {
  const result: OutputColumn[][] = Array.from({ length: count }, () => []);
  for (const [marked, dtype] of fields) {
    const at = marked.lastIndexOf(MARK);
    if (at >= 0) result[Number(marked.slice(at + 1))]?.push({ name: marked.slice(0, at), dtype });
  }
  return result;
}

/** The node with `{ Source: i }` for its i-th input. */
export function withNumberedInputs(plan: DslPlan): DslPlan {
  const [name, payload] = tag(plan);
  if (!isPlanTag(name) || !isObject(payload)) return plan;
  let next = 0;
  const numbered: { [key: string]: DslValue } = { ...payload };
  for (const key of ["input", "input_left", "input_right"]) if (key in payload) numbered[key] = { Source: next++ };
  if (isList(payload.inputs)) numbered.inputs = payload.inputs.map((_, i) => ({ Source: i }));
  return planNode(name, numbered);
}

function remember<T>(cache: Map<string, T>, key: string, answer: () => T): T {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const value = answer();
  store(cache, key, value);
  return value;
}

function store<T>(cache: Map<string, T>, key: string, value: T): void {
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(key, value);
}
