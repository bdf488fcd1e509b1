/** Plans and expressions of the fuzzer: trees that know their source text, and what is needed to compare results and to shrink them. */

import type { Random } from "./random.ts";

/** What an expression's values are, as far as the generator cares: temporal kinds by their dtype, all integers and all floats together. */
export type Kind =
  | ("int" | "float" | "bool" | "str" | "cat" | "date" | "time")
  | `${"datetime" | "duration" | "decimal" | "nested"} ${string}`;

/** Whether values can be compared by more than equality. */
export const hasOrder = (kind: Kind): boolean => kind !== "cat" && !kind.startsWith("nested");

/** Within a tiny part of the scale: the values themselves, or their squares. */
export type Noise = "linear" | "squared";

export interface ExprTree {
  readonly kind: Kind;
  readonly args: readonly ExprTree[];
  /** Source text over the texts of the arguments. */
  readonly text: (args: readonly string[]) => string;
  /** Another value of the same kind; only literals have one, so that a plan runs again with other constants. */
  readonly redraw?: (random: Random) => ExprTree;
  /** How the values may differ from CPU polars' own, which adds floats in another order; null: not at all. */
  readonly noise: Noise | null;
  /** Source text of the scale that such a difference is measured by; null where the value's own has it. */
  readonly scale: ExprTree["text"] | null;
  /** One value for all rows. */
  readonly scalar: boolean;
  /** Whether the values depend on the order of the rows. */
  readonly needsOrder: boolean;
}

/** A column of a plan's result. */
export interface Field {
  readonly name: string;
  readonly kind: Kind;
  /** Polars' name for the dtype. */
  readonly dtype: string;
  readonly noise: Noise | null;
}

export interface PlanTree {
  readonly node: string;
  readonly inputs: readonly PlanTree[];
  readonly exprs: readonly ExprTree[];
  /** At least so many expressions have to stay. */
  readonly minExprs: number;
  readonly text: (inputs: readonly string[], exprs: readonly string[]) => string;
  /** Whether polars defines the order of the rows. */
  readonly ordered: (inputs: readonly boolean[]) => boolean;
  /** Whether the result depends on the order of the input's rows. */
  readonly needsOrder: boolean;
  /** The columns that are not exact. */
  readonly noise: ReadonlyMap<string, Noise>;
  /** Source text of the node that makes the scale of such columns; null where it is the text. */
  readonly scale: PlanTree["text"] | null;
}

export const exprText = (expr: ExprTree): string => expr.text(expr.args.map(exprText));
export const planText = (plan: PlanTree): string => plan.text(plan.inputs.map(planText), plan.exprs.map(exprText));

/** The plan that gives, in place of each value that is not exact, the sum or mean of the magnitudes that went into it. Other columns stay. */
export const scaleText = (plan: PlanTree): string => (plan.scale ?? plan.text)(plan.inputs.map(scaleText), plan.exprs.map(exprScale));
const exprScale = (expr: ExprTree): string => (expr.scale ?? expr.text)(expr.args.map(exprScale));
export const isOrdered = (plan: PlanTree): boolean => plan.ordered(plan.inputs.map(isOrdered));
export const exprNeedsOrder = (expr: ExprTree): boolean => expr.needsOrder || expr.args.some(exprNeedsOrder);

/** Whether CPU polars gives the right answer, and the same at every run. */
export const isTrusted = (plan: PlanTree): boolean => isDetermined(plan) && !isMiscounted(plan) && !isMissliced(plan);

/** Nothing that depends on order reads unordered rows. */
const isDetermined = (plan: PlanTree): boolean =>
  plan.inputs.every(isDetermined) && (!(plan.needsOrder || plan.exprs.some(exprNeedsOrder)) || plan.inputs.every(isOrdered));

/** The nodes whose rows depend on how many rows an input has, whatever is in them. */
const COUNTING: ReadonlySet<string> = new Set(["withRowIndex", "cross", "horizontal"]);

/**
 * Whether polars may count other rows than the input's. Where the rows became one, by aggregates or constants, and no column of that row is
 * read, it forgets the node that made it, or filters the rows below. A node above may drop all columns but one.
 */
const isMiscounted = (plan: PlanTree): boolean =>
  plan.inputs.some(isMiscounted) || (plan.inputs.some(isCollapsed) && (COUNTING.has(plan.node) || !plan.exprs.every(readsColumn)));

const readsColumn = (expr: ExprTree): boolean => exprText(expr).includes("pl.col(");

/** Whether the rows became one here or below. */
const isCollapsed = (plan: PlanTree): boolean =>
  plan.node === "statistics" || (plan.node === "select" && plan.exprs.every((e) => e.scalar)) || plan.inputs.some(isCollapsed);

/** Whether a slice comes to groups or joined rows: where the order does not matter further up, polars forgets that it does here, and takes any. */
const isMissliced = (plan: PlanTree): boolean =>
  plan.inputs.some(isMissliced) || ((plan.node === "slice" || plan.node === "cross") && plan.inputs.some(isLoose));

const isLoose = (plan: PlanTree): boolean =>
  plan.node === "groupBy" || plan.node === "join" || (plan.node !== "sort" && plan.inputs.some(isLoose));

export const planNodes = (plan: PlanTree): number => 1 + plan.inputs.reduce((n, p) => n + planNodes(p), 0);

/** The plan with every literal drawn again. */
export function redrawn(plan: PlanTree, random: Random): PlanTree {
  const again = (expr: ExprTree): ExprTree => expr.redraw?.(random) ?? { ...expr, args: expr.args.map(again) };
  return { ...plan, inputs: plan.inputs.map((p) => redrawn(p, random)), exprs: plan.exprs.map(again) };
}
