/** Every rule of the optimizer, in the order in which they run; a rule may run again after those that make work for it. */

import { commonConjuncts } from "./common-conjuncts.ts";
import { commonSubexpression } from "./common-subexpression.ts";
import { commonSubplan } from "./common-subplan.ts";
import { constantFolding } from "./constant-folding.ts";
import { equiJoin } from "./equi-join.ts";
import { integerComparison } from "./integer-comparison.ts";
import { predicatePushdown } from "./predicate-pushdown.ts";
import { projectMerge } from "./project-merge.ts";
import { projectionPushdown } from "./projection-pushdown.ts";
import type { Rule } from "./rule.ts";
import { slicePushdown } from "./slice-pushdown.ts";

export const RULES: readonly Rule[] = [
  // What is shared is known before anything moves: filters, slices and columns stop at shared nodes.
  commonSubplan,
  // Literals are folded before the comparisons with them are looked at.
  constantFolding,
  integerComparison,
  // Conditions are taken apart before they move.
  commonConjuncts,
  predicatePushdown,
  // Joins get the equalities that stayed above them as keys.
  equiJoin,
  slicePushdown,
  // Which columns are read is final now.
  projectionPushdown,
  projectMerge,
  // Expressions are in their final nodes now.
  commonSubexpression,
  // What became equal, narrowed frames above all, is shared again.
  commonSubplan,
];
