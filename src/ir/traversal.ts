/** Walks over plans: without recursion, and every shared node once, so that sharing survives and depth is no limit. */

import type { Plan } from "./plan.ts";
import { children, withChildren } from "./plan.ts";

/** Every node once, inputs before the nodes that read them; the root is last. */
export function postorder(root: Plan): readonly Plan[] {
  const order: Plan[] = [];
  const done = new Set<Plan>();
  const pending: Plan[] = [root];
  for (let node = pending.at(-1); node !== undefined; node = pending.at(-1)) {
    const missing = done.has(node) ? [] : children(node).filter((child) => !done.has(child));
    if (missing.length > 0) {
      pending.push(...missing.reverse());
      continue;
    }
    pending.pop();
    if (done.has(node)) continue;
    done.add(node);
    order.push(node);
  }
  return order;
}

/** For each node the number of edges that lead to it; 0 for the root. A node with more than one is shared. */
export function countParents(root: Plan): ReadonlyMap<Plan, number> {
  const counts = new Map<Plan, number>([[root, 0]]);
  for (const node of postorder(root)) {
    for (const child of children(node)) counts.set(child, (counts.get(child) ?? 0) + 1);
  }
  return counts;
}

/** `f` sees every node once, over inputs that are already rewritten, and as it was; a shared node is rewritten to one shared node. */
export function rewriteBottomUp(root: Plan, f: (node: Plan, original: Plan) => Plan): Plan {
  const rewritten = new Map<Plan, Plan>();
  const of = (node: Plan): Plan => rewritten.get(node) ?? node;
  for (const node of postorder(root)) rewritten.set(node, f(withChildren(node, children(node).map(of)), node));
  return of(root);
}

/**
 * `f` sees every node before its inputs, which are still the original ones, and the rewriting goes on in the inputs of what it returns:
 * nodes that it made below itself are seen again. A shared node is rewritten to one shared node. What `f` returns is the node itself or a
 * new one, without the node among its inputs.
 */
export function rewriteTopDown(root: Plan, f: (node: Plan) => Plan): Plan {
  const replaced = new Map<Plan, Plan>();
  const done = new Map<Plan, Plan>();
  const pending: Plan[] = [root];
  for (let node = pending.at(-1); node !== undefined; node = pending.at(-1)) {
    if (done.has(node)) {
      pending.pop();
      continue;
    }
    const replacement: Plan = replaced.get(node) ?? f(node);
    replaced.set(node, replacement);
    const inputs = children(replacement);
    const missing = inputs.filter((child) => !done.has(child));
    if (missing.length > 0) {
      pending.push(...missing.reverse());
      continue;
    }
    pending.pop();
    done.set(
      node,
      withChildren(
        replacement,
        inputs.map((child) => done.get(child) ?? child),
      ),
    );
  }
  return done.get(root) ?? root;
}
