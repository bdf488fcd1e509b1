/** Plans as bytes and back, for other processes: the FlatBuffer of plan.fbs, sealed by a checksum. */

import { type Expr, exprChildren } from "../expr.ts";
import { children, expressions, type Plan } from "../plan.ts";
import { CheckedBuffer, corrupt } from "./checked-buffer.ts";
import { readExpr, writeExpr } from "./exprs.ts";
import * as wire from "./generated/index.ts";
import { readNode, writeNode } from "./nodes.ts";
import { PlanReader } from "./reader.ts";
import { seal, unseal } from "./seal.ts";
import { PlanWriter } from "./writer.ts";

/** Of the bytes; a change to plan.fbs that old readers would misread takes the next number. */
export const WIRE_VERSION = 1;

/**
 * The same plan gives the same bytes. Nodes and expressions that are reached twice are written once.
 * @throws InvalidPlanError for strings that are not Unicode.
 */
export function encodePlan(plan: Plan): Uint8Array {
  const writer = new PlanWriter();
  postOrder(plan, children, writer.nodes, (node) => {
    for (const expr of expressions(node)) postOrder<Expr>(expr, exprChildren, writer.exprs, (e) => writeExpr(writer, e));
    writeNode(writer, node);
  });
  return seal(writer.finish(WIRE_VERSION));
}

/**
 * An equal plan; what was one object is one object again.
 * @throws InvalidPlanError for bytes that are damaged, of another version, or never were a plan.
 */
export function decodePlan(bytes: Uint8Array): Plan {
  const buffer = new CheckedBuffer(unseal(bytes));
  if (!wire.Plan.bufferHasIdentifier(buffer)) corrupt("they do not begin like one");
  const root = wire.Plan.getRootAsPlan(buffer);
  if (root.version() !== WIRE_VERSION) corrupt(`they are of version ${root.version()}, only version ${WIRE_VERSION} is understood`);
  const reader = new PlanReader();
  for (let i = 0; i < root.dtypesLength(); i += 1) reader.dtypes.push(reader.dtypeOf(reader.present(root.dtypes(i), "a dtype")));
  for (let i = 0; i < root.exprsLength(); i += 1) reader.exprs.push(readExpr(reader, root.exprs(i)));
  for (let i = 0; i < root.nodesLength(); i += 1) reader.nodes.push(readNode(reader, root.nodes(i)));
  return reader.present(reader.nodes.at(-1), "the root");
}

/** Visits what is not in `done` yet, children first; `visit` adds to it. Deep trees take no stack. */
function postOrder<T>(root: T, below: (item: T) => readonly T[], done: { has(item: T): boolean }, visit: (item: T) => void): void {
  const path = [{ item: root, rest: below(root).values() }];
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const next = done.has(top.item) ? { done: true as const } : top.rest.next();
    if (next.done === true) {
      if (!done.has(top.item)) visit(top.item);
      path.pop();
    } else path.push({ item: next.value, rest: below(next.value).values() });
  }
}
