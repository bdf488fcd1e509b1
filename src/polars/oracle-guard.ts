/** What polars must not be asked, because the question itself would kill or freeze the process, and answers that are known to be wrong on empty frames. */
import { type DslExpr, type DslValue, isList, isObject, tagOf } from "./dsl.ts";
import type { ZeroFrame } from "./zero-frame.ts";

/** Functions that crash, or never return, on a Struct operand. */
const DEADLY: ReadonlySet<string> = new Set(["Exp", "Log", "Log1p", "PctChange", "EwmMean", "EwmStd", "EwmVar"]);
const DEADLY_TEXT = new RegExp(`"(?:${[...DEADLY].join("|")})"`);
/** Whatever can make a Struct without one in the input. */
const STRUCT_MAKERS = /"(?:AsStruct|StructExpr|StructEval|Struct|ValueCounts|JsonDecode|RLE|ExtractGroups|SplitExact|SplitN|Series|List)"/;
const STRUCT = /"Struct"/;
const LIST_OF_NULL = /\{"List":"Null"\}/;

export interface Question {
  readonly operand: DslExpr;
  /** What it means if the operand is a Struct. */
  readonly ifStruct: "deadly" | "unreliable";
}

/** Operands that must be known not to be Structs before a node or expression with this text may run. Empty for nearly all. */
export function questionsAbout(value: DslValue, text: string, inputs: readonly ZeroFrame[]): readonly Question[] {
  const casts = text.includes('"Cast"');
  if (!casts && !DEADLY_TEXT.test(text)) return [];
  const fromInputs = inputs.some((input) => STRUCT.test(input.key));
  if (!fromInputs && !STRUCT_MAKERS.test(text)) return [];
  const questions: Question[] = [];
  collect(value, fromInputs, questions);
  return questions;
}

function collect(value: DslValue, fromInputs: boolean, into: Question[]): void {
  if (isList(value)) {
    for (const item of value) collect(item, fromInputs, into);
    return;
  }
  if (!isObject(value)) return;
  for (const item of Object.values(value)) collect(item, fromInputs, into);
  const [name, payload] = tagOf(value) ?? [];
  if (!isObject(payload)) return;
  if (name === "Function" && isList(payload.input)) {
    const operand = payload.input[0];
    if (DEADLY.has(tagOf(payload.function)?.[0] ?? "") && isExpr(operand)) into.push({ operand, ifStruct: "deadly" });
  }
  if (name === "Cast" && isExpr(payload.expr) && castsToScalar(payload.dtype)) into.push({ operand: payload.expr, ifStruct: "unreliable" });
}

/** A Struct cast to a scalar stays a Struct when it has rows. */
function castsToScalar(dtype: DslValue | undefined): boolean {
  const [kind, target] = tagOf(dtype) ?? [];
  return kind === "Literal" && tagOf(target)?.[0] !== "Struct";
}

/** An empty list has no elements to take a dtype from: polars then answers List(Null) for slices and gathers. */
export function answersEmptyList(schema: string, text: string, inputs: readonly ZeroFrame[]): boolean {
  return LIST_OF_NULL.test(schema) && /"(?:ListExpr|Gather)"/.test(text) && !inputs.some((input) => LIST_OF_NULL.test(input.key));
}

function isExpr(value: DslValue | undefined): value is DslExpr {
  return typeof value === "string" || isObject(value);
}
