/** What a plan is grown by: its input and columns, and what every grower needs to add a node. */

import type { ExprScope } from "./expressions.ts";
import type { Random } from "./random.ts";
import { type Field, isOrdered, type PlanTree } from "./tree.ts";

export interface Growing {
  readonly random: Random;
  readonly input: PlanTree;
  readonly fields: readonly Field[];
  /** A column name that no frame has. */
  readonly fresh: () => string;
  /** A second, smaller plan; null where the plan may not branch any more. */
  readonly other: () => { readonly plan: PlanTree; readonly fields: readonly Field[]; readonly rejected: boolean } | null;
}

/** The plan with one node more, and the largest magnitudes of its columns. */
export interface Growth {
  readonly plan: PlanTree;
  readonly bounds: ReadonlyMap<string, number>;
}

export type Grower = (growing: Growing) => Growth | null;

export const every = (inputs: readonly boolean[]): boolean => inputs.every((ordered) => ordered);

export const node = (name: string, inputs: readonly PlanTree[], text: PlanTree["text"], options: Partial<PlanTree> = {}): PlanTree => ({
  node: name,
  inputs,
  exprs: [],
  minExprs: 0,
  ordered: every,
  needsOrder: false,
  text,
  noise: new Map(inputs.flatMap((i) => [...i.noise])),
  ...options,
});

export const over = (inputs: readonly string[], rest: string): string => `${inputs[0] ?? ""}\n    .${rest}`;
export const list = (texts: readonly string[]): string => texts.join(", ");
export const quoted = (fields: readonly Field[]): string => list(fields.map((f) => JSON.stringify(f.name)));
export const exact = (fields: readonly Field[]): readonly Field[] => fields.filter((f) => f.noise === 0);
export const boundsOf = (fields: readonly Field[]): Map<string, number> => new Map(fields.map((f) => [f.name, f.bound]));
export const noiseOf = (fields: readonly Field[]): Map<string, number> =>
  new Map(fields.filter((f) => f.noise > 0).map((f) => [f.name, f.noise]));

/** A node whose columns are those of its input. */
export const keeping = ({ input, fields }: Growing, name: string, text: PlanTree["text"], options: Partial<PlanTree> = {}): Growth => ({
  plan: node(name, [input], text, options),
  bounds: boundsOf(fields),
});

export const scopeOf = ({ fields, input }: Growing, place: ExprScope["place"]): ExprScope => ({
  fields,
  ordered: isOrdered(input),
  place,
  windows: place === "rows",
});
