/** Rule: slices move toward the data: into scans, into sorts as their limit, and as a limit into unions and the left side of joins. */

import type { Plan, Scan, Slice, Sort, Union } from "../plan.ts";
import { countParents, rewriteTopDown } from "../traversal.ts";
import type { Rule } from "./rule.ts";

type Shared = (node: Plan) => boolean;

export const slicePushdown: Rule = {
  name: "slice-pushdown",
  apply: (plan) => {
    const parents = countParents(plan);
    const shared: Shared = (node) => (parents.get(node) ?? 0) > 1;
    return rewriteTopDown(plan, (node) => (node.kind === "slice" ? pushed(node, shared) : node));
  },
};

const sliced = (input: Plan, offset: number, length: number | null): Slice => ({
  kind: "slice",
  input,
  offset,
  length,
  schema: input.schema,
});

function pushed(top: Slice, shared: Shared): Plan {
  const { input, offset, length } = merged(top, shared);
  if (offset < 0 || shared(input)) return sliced(input, offset, length);
  if (offset === 0 && length === null) return input;
  switch (input.kind) {
    case "project":
      return { ...input, input: sliced(input.input, offset, length) };
    case "lookup":
      return { ...input, input: sliced(input.input, offset, length) };
    case "row_index":
      return { ...input, offset: input.offset + offset, input: sliced(input.input, offset, length) };
    default:
      return length === null ? sliced(input, offset, length) : limited(input, offset, length, shared);
  }
}

/** A chain of slices that count from the start, as one. */
function merged(top: Slice, shared: Shared): Pick<Slice, "input" | "offset" | "length"> {
  let { input, offset, length } = top;
  while (input.kind === "slice" && offset >= 0 && input.offset >= 0 && !shared(input)) {
    const rest = input.length === null ? null : Math.max(0, input.length - offset);
    length = rest === null ? length : Math.min(rest, length ?? rest);
    offset += input.offset;
    input = input.input;
  }
  return { input, offset, length };
}

function limited(input: Plan, offset: number, length: number, shared: Shared): Plan {
  switch (input.kind) {
    case "scan":
      return intoScan(input, offset, length);
    case "sort":
      return intoSort(input, offset, length);
    case "union":
      return intoUnion(input, offset, length, shared);
    case "join":
      /** Rows come in the order of the left side, and no left row is without one (or, in a cross join, all are). */
      if (input.how !== "left" && input.how !== "cross") break;
      return sliced({ ...input, left: sliced(input.left, 0, offset + length) }, offset, length);
  }
  return sliced(input, offset, length);
}

const intoScan = (scan: Scan, offset: number, length: number): Plan =>
  scan.slice === null ? { ...scan, slice: { offset, length } } : sliced(scan, offset, length);

function intoSort(sort: Sort, offset: number, length: number): Plan {
  const end = offset + length;
  const top: Sort = { ...sort, limit: Math.min(end, sort.limit ?? end) };
  return offset === 0 ? top : sliced(top, offset, length);
}

/** Frames are not worth a copy of their first rows. */
function intoUnion(union: Union, offset: number, length: number, shared: Shared): Plan {
  const inputs = union.inputs.map((input) => (input.kind === "frame" || shared(input) ? input : sliced(input, 0, offset + length)));
  return sliced({ ...union, inputs }, offset, length);
}
