/** A node that CPU polars runs: it takes its leaves and CPU inputs along, everything else is computed on the GPU and handed over. */

import type { Plan } from "../../ir/plan.ts";
import { FIRST_INPUT } from "../../ir/plan.ts";
import type { DslPlan, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, isPlanTag, planInputs, planNode, tag } from "../../polars/dsl.ts";
import { exactText, parseExact } from "../../polars/dsl-text.ts";
import type { NodeContext } from "./node.ts";

export function cpuNode(name: string, dsl: DslPlan, context: NodeContext, reasons: readonly string[]): Plan {
  const inputs: Plan[] = [];
  const leaves: DslPlan[] = [];
  const inner: string[] = [];
  for (const [i, input] of context.inputs.entries()) {
    const own = planInputs(dsl)[i];
    if (own !== undefined && (input.kind === "frame" || input.kind === "scan")) leaves.push(own);
    else if (input.kind === "cpu") {
      leaves.push(renumbered(input.dsl, inputs.length));
      inputs.push(...input.inputs);
      inner.push(...input.reasons);
    } else {
      leaves.push({ Source: FIRST_INPUT + inputs.length });
      inputs.push(input);
    }
  }
  return {
    kind: "cpu",
    node: name,
    dsl: exactText(withInputs(dsl, leaves)),
    inputs,
    reasons: [...new Set([...inner, ...reasons])],
    schema: context.schema,
  };
}

/** The node over other inputs, in the order of `planInputs`. */
function withInputs(dsl: DslPlan, inputs: readonly DslPlan[]): DslPlan {
  const [name, payload] = tag(dsl);
  if (!isPlanTag(name) || !isObject(payload)) return dsl;
  let next = 0;
  const changed: { [key: string]: DslValue } = { ...payload };
  for (const key of ["input", "input_left", "input_right"]) if (key in payload) changed[key] = inputs[next++] ?? null;
  if (isList(payload.inputs)) changed.inputs = inputs;
  return planNode(name, changed);
}

/** The DSL of an absorbed CPU node, whose inputs become numbers `from`, `from` + 1, ... */
function renumbered(text: string, from: number): DslPlan {
  const walk = (value: DslValue): DslValue => {
    if (isList(value)) return value.map(walk);
    if (!isObject(value)) return value;
    if (typeof value.Source === "number" && value.Source >= FIRST_INPUT) return { Source: value.Source + from };
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, walk(v)]));
  };
  const [name, payload] = tag(parseExact(text));
  const rebuilt = walk(payload);
  return isPlanTag(name) && isObject(rebuilt) ? planNode(name, rebuilt) : { Source: FIRST_INPUT };
}
