/** A read plan -> the logical IR: every node by its handler, or as a CPU node with its reasons. Needs no GPU. */

import type { Cpu, Plan } from "../ir/plan.ts";
import { postorder } from "../ir/traversal.ts";
import type { DslPlan } from "../polars/dsl.ts";
import { planInputs, tag } from "../polars/dsl.ts";
import { exactText } from "../polars/dsl-text.ts";
import type { NativeDataFrame, NativePolars } from "../polars/native.ts";
import type { OracleError, SchemaOracle } from "../polars/oracle.ts";
import { isOracleError, withNumberedInputs } from "../polars/oracle.ts";
import type { ReadPlan } from "../polars/plan-reading.ts";
import type { ZeroFrame } from "../polars/zero-frame.ts";
import { cpuNode } from "./plan/cpu.ts";
import type { NodeContext } from "./plan/node.ts";
import { NODES } from "./plan/nodes.ts";
import { Scope, schemaOf } from "./scope.ts";

/** Translation of a whole plan, or polars' own objection to it. */
export type Translation = { readonly plan: Plan } | { readonly rejected: OracleError };

export interface TranslatorServices {
  readonly native: NativePolars;
  readonly oracle: SchemaOracle;
}

interface Translated {
  readonly plan: Plan;
  readonly zero: ZeroFrame;
}

export function translate(services: TranslatorServices, read: ReadPlan): Translation {
  const result = new PlanTranslator(services, read.sources).node(read.plan);
  return "rejected" in result ? result : { plan: result.plan };
}

class PlanTranslator {
  readonly #services: TranslatorServices;
  readonly #sources: ReadonlyMap<number, NativeDataFrame>;
  /** Nodes by their text, so that a subplan that occurs twice is one node. */
  readonly #known = new Map<string, Translated>();

  constructor(services: TranslatorServices, sources: ReadonlyMap<number, NativeDataFrame>) {
    this.#services = services;
    this.#sources = sources;
  }

  node(dsl: DslPlan): Translated | { readonly rejected: OracleError } {
    const text = exactText(dsl);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const inputs: Translated[] = [];
    for (const input of planInputs(dsl)) {
      const translated = this.node(input);
      if ("rejected" in translated) return translated;
      inputs.push(translated);
    }
    const zero = this.#zero(dsl, inputs);
    if (isOracleError(zero)) return { rejected: zero };
    const translated = { plan: this.#plan(dsl, inputs, zero), zero };
    this.#known.set(text, translated);
    return translated;
  }

  #zero(dsl: DslPlan, inputs: readonly Translated[]): ZeroFrame | OracleError {
    const { oracle } = this.#services;
    if ("Source" in dsl) {
      const frame = this.#sources.get(dsl.Source);
      return frame === undefined
        ? { error: new Error(`the plan names source ${dsl.Source}, which is not known`), kind: "refused" }
        : oracle.leaf(frame);
    }
    return oracle.node(
      withNumberedInputs(dsl),
      inputs.map((i) => i.zero),
    );
  }

  #plan(dsl: DslPlan, inputs: readonly Translated[], zero: ZeroFrame): Plan {
    const [name] = tag(dsl);
    const { native, oracle } = this.#services;
    const scopes = inputs.map((i) => new Scope(native, oracle, i.zero));
    const reasons: string[] = [];
    const context: NodeContext = {
      schema: schemaOf(zero),
      inputs: inputs.map((i) => i.plan),
      scopes,
      unsupported: (reason) => {
        reasons.push(reason);
        return null;
      },
    };
    const made = NODES[name] === undefined ? context.unsupported(`plan node ${name} is unknown`) : NODES[name](dsl, context);
    const all = [...new Set([...reasons, ...scopes.flatMap((s) => s.reasons)])];
    if (made !== null && all.length === 0) return made;
    return cpuNode(name, dsl, context, all);
  }
}

/** Every CPU node of a plan with its reasons, inputs first. */
export const cpuNodes = (plan: Plan): readonly Cpu[] => postorder(plan).filter((node) => node.kind === "cpu");
