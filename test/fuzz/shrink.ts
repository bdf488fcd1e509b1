/** Makes a failing plan and its frames smaller for as long as they go on failing in the same way. */

import type { SourceFrame } from "./frames.ts";
import type { Failure } from "./run.ts";
import type { ExprTree, PlanTree } from "./tree.ts";
import { isTrusted } from "./tree.ts";

export interface Case {
  readonly plan: PlanTree;
  readonly frames: readonly SourceFrame[];
}

/** Runs tried at most, and milliseconds. */
const ATTEMPTS = 250;
const BUDGET = 40_000;

/** The smallest failing case found. `run` says how a case fails, or null. */
export async function shrink(
  start: Case,
  failure: Failure,
  run: (candidate: Case) => Promise<Failure | null>,
): Promise<{ readonly found: Case; readonly failure: Failure }> {
  let best = { found: start, failure };
  let attempts = 0;
  const began = performance.now();
  for (let progress = true; progress; ) {
    progress = false;
    for (const candidate of candidates(best.found)) {
      if (attempts++ >= ATTEMPTS || performance.now() - began > BUDGET) return best;
      const again = isTrusted(candidate.plan) ? await run(candidate) : null;
      if (again === null || again.class !== failure.class || !alike(again.message, failure.message)) continue;
      best = { found: candidate, failure: again };
      progress = true;
      break;
    }
  }
  return best;
}

/** Whether two messages are about the same thing: their first lines without names, numbers and values. */
const alike = (a: string, b: string): boolean => outline(a) === outline(b);
const outline = (message: string): string => {
  const [first = ""] = message.split("\n");
  return first.replace(/: expected .*/, "").replaceAll(/"[^"]*"|column \S+|\([^)]*\)|\d+/g, "#");
};

function* candidates(current: Case): Generator<Case> {
  for (const plan of smallerPlans(current.plan)) yield { ...current, plan };
  for (const [i, frame] of current.frames.entries()) {
    for (const smaller of smallerFrames(frame)) yield { ...current, frames: current.frames.map((f, k) => (k === i ? smaller : f)) };
  }
}

/** Biggest steps first: an input instead of the node, then smaller inputs, fewer and smaller expressions. */
function* smallerPlans(plan: PlanTree): Generator<PlanTree> {
  yield* plan.inputs;
  for (const [i, input] of plan.inputs.entries()) {
    for (const smaller of smallerPlans(input)) yield { ...plan, inputs: plan.inputs.map((p, k) => (k === i ? smaller : p)) };
  }
  if (plan.exprs.length > plan.minExprs) {
    for (const i of plan.exprs.keys()) yield { ...plan, exprs: plan.exprs.filter((_, k) => k !== i) };
  }
  for (const [i, expr] of plan.exprs.entries()) {
    for (const smaller of smallerExprs(expr)) yield { ...plan, exprs: plan.exprs.map((e, k) => (k === i ? smaller : e)) };
  }
}

/** An aggregate does not become what it aggregates, which is a list in groups. */
function* smallerExprs(expr: ExprTree): Generator<ExprTree> {
  for (const arg of expr.args) {
    if (arg.kind === expr.kind && (arg.scalar || !expr.scalar) && !expr.text([""]).startsWith(".as(")) yield arg;
  }
  for (const [i, arg] of expr.args.entries()) {
    for (const smaller of smallerExprs(arg)) yield { ...expr, args: expr.args.map((a, k) => (k === i ? smaller : a)) };
  }
}

function* smallerFrames(frame: SourceFrame): Generator<SourceFrame> {
  const rows = frame.columns[0]?.values.length ?? 0;
  for (let step = Math.ceil(rows / 2); step >= 1; step = step === 1 ? 0 : Math.ceil(step / 2)) {
    for (let from = 0; from < rows; from += step) {
      yield { columns: frame.columns.map((c) => ({ ...c, values: c.values.filter((_, row) => row < from || row >= from + step) })) };
    }
  }
  if (frame.columns.length > 1) for (const i of frame.columns.keys()) yield { columns: frame.columns.filter((_, k) => k !== i) };
}
