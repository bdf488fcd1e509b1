/** Runs the rules over a translated plan. */

import { ConfigError } from "../../errors.ts";
import type { Plan } from "../plan.ts";
import { verify } from "../verify.ts";
import { RULES } from "./rules.ts";

export interface OptimizeOptions {
  /** Names of rules that are left out. */
  readonly disabled?: ReadonlySet<string>;
  /** Verifies the plan after each rule: for tests. */
  readonly verifyEach?: boolean;
}

/** A plan with the same result that is cheaper to run. @throws ConfigError if `disabled` names no rule. */
export function optimize(plan: Plan, { disabled = new Set(), verifyEach = false }: OptimizeOptions = {}): Plan {
  const known = new Set(RULES.map((rule) => rule.name));
  for (const name of disabled)
    if (!known.has(name)) throw new ConfigError(`there is no optimizer rule ${JSON.stringify(name)}, only ${[...known].join(", ")}`);
  let optimized = plan;
  for (const rule of RULES) {
    if (disabled.has(rule.name)) continue;
    optimized = rule.apply(optimized);
    if (verifyEach) verify(optimized, rule.name);
  }
  return optimized;
}
