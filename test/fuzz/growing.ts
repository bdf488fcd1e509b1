/** What a plan is grown by: its input and columns, and what every grower needs to add a node. */

import type { ExprScope } from "./expressions.ts";
import type { Random } from "./random.ts";
import { type Field, isOrdered, type Noise, type PlanTree } from "./tree.ts";

export interface Growing {
  readonly random: Random;
  readonly input: PlanTree;
  readonly fields: readonly Field[];
  /** A column name that no frame has. */
  readonly fresh: () => string;
  /** Whether a value may depend on other rows: `over`. */
  readonly windows: boolean;
  /** A second, smaller plan; null where the plan may not branch any more. */
  readonly other: () => { readonly plan: PlanTree; readonly fields: readonly Field[]; readonly rejected: boolean } | null;
}

/** The plan with one node more; null where this one has no place for the node. */
export type Grower = (growing: Growing) => PlanTree | null;

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
  scale: null,
  ...options,
});

export const over = (inputs: readonly string[], rest: string): string => `${inputs[0] ?? ""}\n    .${rest}`;
export const list = (texts: readonly string[]): string => texts.join(", ");
export const quoted = (fields: readonly Field[]): string => list(fields.map((f) => JSON.stringify(f.name)));
export const exact = (fields: readonly Field[]): readonly Field[] => fields.filter((f) => f.noise === null);
export const noiseOf = (fields: readonly Pick<Field, "name" | "noise">[]): Map<string, Noise> =>
  new Map(fields.flatMap(({ name, noise }) => (noise === null ? [] : [[name, noise] as const])));

/** A node whose columns are those of its input. */
export const keeping = ({ input }: Growing, name: string, text: PlanTree["text"], options: Partial<PlanTree> = {}): PlanTree =>
  node(name, [input], text, options);

export const scopeOf = ({ fields, input, windows }: Growing, place: ExprScope["place"]): ExprScope => ({
  fields,
  ordered: isOrdered(input),
  place,
  windows: windows && place === "rows",
});
