/** Running sums, products and extremes of the values of each segment, in its order: an inclusive scan that starts anew with every segment. */

import { InternalError } from "../../errors.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf, storageOf } from "../../ir/dtype.ts";
import { bitmapWords, type Column, columnWords, valueWords } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { columnsProgram, type RowProgram } from "../row-program.ts";
import { link } from "../wgsl/library.ts";
import type { ScanOperation } from "./segmented-scan-operations.ts";
import { operationOf } from "./segmented-scan-operations.ts";
import type { Segments } from "./segments.ts";

export type ScanName = "cum_sum" | "cum_prod" | "cum_min" | "cum_max" | "cum_linear";

const WORKGROUP = 256;
/** Positions of an invocation, one after the other. */
const ITEMS = 8;
const TILE = WORKGROUP * ITEMS;

/*
 * An element is a state with two facts: `some`, that a value went in, and `head`, that a segment starts inside. Its words in `sums`:
 * the facts (1: some, 2: head), then the state. A tile is reduced (reduce), the tiles before each are combined (carry, one
 * workgroup), and each tile is scanned from there (apply). The tree is the same for the same number of rows on every device.
 */
const element = (op: ScanOperation): string => {
  const words = 1 + op.pack.length;
  return `
struct Element { some: bool, head: bool, s: ${op.state} }
fn join(a: Element, b: Element) -> Element {
  if (b.head || !a.some) { return Element(b.some, a.head || b.head, b.s); }
  if (!b.some) { return Element(true, a.head, a.s); }
  return Element(true, a.head, combine(a.s, b.s));
}
fn unpack(at: u32) -> Element {
  let base = at * ${words}u;
  let facts = sums[base];
  return Element((facts & 1u) != 0u, (facts & 2u) != 0u, ${op.unpack((k) => `sums[base + ${k + 1}u]`)});
}
${op.combine}`;
};

const store = (op: ScanOperation, target: string): string => {
  const words = 1 + op.pack.length;
  return `fn put(at: u32, e: Element) {
  let base = at * ${words}u;
  ${target}[base] = select(0u, 1u, e.some) | select(0u, 2u, e.head);
  ${op.pack.map((word, k) => `${target}[base + ${k + 1}u] = ${word("e.s")};`).join("\n  ")}
}`;
};

/** Combines the elements of all invocations: `mine` becomes the combination of those up to this one, `before` of those before it. */
const SCAN_LANES = `
  lanes[lane] = mine;
  for (var step = rolled(1u, nwg); step < ${WORKGROUP}u; step <<= 1u) {
    workgroupBarrier();
    var left: Element;
    if (lane >= step) { left = lanes[lane - step]; }
    workgroupBarrier();
    if (lane >= step) { mine = join(left, mine); lanes[lane] = mine; }
  }
  workgroupBarrier();
  var before: Element;
  if (lane > 0u) { before = lanes[lane - 1u]; }`;

const HEADER = "@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32";

/** Position of the i-th element of the scan, and whether a segment starts with it. `own`: rows, 1 from the end. */
const load = (op: ScanOperation): string => `
fn place(i: u32, own: vec4<u32>) -> u32 { return select(i, own.x - 1u - i, own.y != 0u); }
fn item(i: u32, own: vec4<u32>) -> Element {
  let p = place(i, own);
  let o = out_0(order[p]);
  let head = i == 0u || segment[p] != segment[place(max(i, 1u) - 1u, own)];
  var s: ${op.state};
  if (o.ok) { s = ${op.load("o.v", "out_1(order[p]).v")}; }
  return Element(o.ok, head, s);
}`;

/* program, order, segment -> sums; own parameters: rows, from the end. */
const reduceKernel = (program: RowProgram, op: ScanOperation): Kernel => {
  const at = program.columns.length;
  const own = program.argWords / 4;
  return {
    name: "segmented-scan-reduce",
    key: `reduce(${op.key}|${program.key})`,
    bindings: [...program.columns.map(() => "read" as const), "read", "read", "read_write"],
    params: program.argWords + 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
${program.wgsl}
@group(0) @binding(${at}) var<storage, read> order: array<u32>;
@group(0) @binding(${at + 1}) var<storage, read> segment: array<u32>;
@group(0) @binding(${at + 2}) var<storage, read_write> sums: array<u32>;
@group(0) @binding(${at + 3}) var<uniform> P: array<vec4<u32>, ${own + 1}>;
var<workgroup> lanes: array<Element, ${WORKGROUP}>;
${element(op)}
${store(op, "sums")}
${load(op)}
@compute @workgroup_size(${WORKGROUP})
fn main(${HEADER}) {
  let own = P[${own}];
  let tile = group_id(wid, nwg);
  let start = tile * ${TILE}u + lane * ${ITEMS}u;
  var mine: Element;
  for (var k = 0u; k < rolled(${ITEMS}u, nwg); k++) { if (start + k < own.x) { mine = join(mine, item(start + k, own)); } }
${SCAN_LANES}
  if (lane == ${WORKGROUP - 1}u && tile * ${TILE}u < own.x) { put(tile, mine); }
}`),
  };
};

/* sums -> carries: for each tile the combination of those before it; P = tiles. One workgroup. */
const carryKernel = (op: ScanOperation): Kernel => ({
  name: "segmented-scan-carry",
  key: `carry(${op.key})`,
  bindings: ["read", "read_write"],
  params: 1,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> sums: array<u32>;
@group(0) @binding(1) var<storage, read_write> carries: array<u32>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>;
var<workgroup> lanes: array<Element, ${WORKGROUP}>;
${element(op)}
${store(op, "carries")}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let share = (P[0].x + ${WORKGROUP - 1}u) / ${WORKGROUP}u;
  let start = lane * share;
  let to = min(start + share, P[0].x);
  var mine: Element;
  for (var i = start; i < to; i++) { mine = join(mine, unpack(i)); }
${SCAN_LANES}
  for (var i = start; i < to; i++) {
    put(i, before);
    before = join(before, unpack(i));
  }
}`),
});

/* program, order, segment, sums (carries, where there are any) -> values; own parameters: rows, from the end, 1 with carries. */
const applyKernel = (program: RowProgram, op: ScanOperation, wide: boolean): Kernel => {
  const at = program.columns.length;
  const own = program.argWords / 4;
  return {
    name: "segmented-scan-apply",
    key: `apply(${op.key}|${program.key})`,
    bindings: [...program.columns.map(() => "read" as const), "read", "read", "read", "read_write"],
    params: program.argWords + 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
${program.wgsl}
@group(0) @binding(${at}) var<storage, read> order: array<u32>;
@group(0) @binding(${at + 1}) var<storage, read> segment: array<u32>;
@group(0) @binding(${at + 2}) var<storage, read> sums: array<u32>;
@group(0) @binding(${at + 3}) var<storage, read_write> values: array<${wide ? "vec2<u32>" : "u32"}>;
@group(0) @binding(${at + 4}) var<uniform> P: array<vec4<u32>, ${own + 1}>;
var<workgroup> lanes: array<Element, ${WORKGROUP}>;
${element(op)}
${load(op)}
@compute @workgroup_size(${WORKGROUP})
fn main(${HEADER}) {
  let own = P[${own}];
  let tile = group_id(wid, nwg);
  let start = tile * ${TILE}u + lane * ${ITEMS}u;
  var mine: Element;
  for (var k = 0u; k < rolled(${ITEMS}u, nwg); k++) { if (start + k < own.x) { mine = join(mine, item(start + k, own)); } }
${SCAN_LANES}
  if (own.z != 0u && tile * ${TILE}u < own.x) { before = join(unpack(tile), before); }
  for (var k = 0u; k < rolled(${ITEMS}u, nwg); k++) {
    if (start + k < own.x) {
      before = join(before, item(start + k, own));
      if (before.some) { values[order[place(start + k, own)]] = ${op.store("before.s")}; }
    }
  }
}`),
  };
};

/**
 * For each row the values of its segment up to it, or from it on with `fromEnd`, combined; null where its own value is, in the first
 * column. `dtype`: of the result, whose physical type is the columns'. The result belongs to the caller.
 */
export function segmentedScan(
  device: Device,
  name: ScanName,
  columns: readonly Column[],
  segments: Segments,
  dtype: DType,
  fromEnd: boolean,
): Column {
  const { rows, order, segment } = segments;
  const [column] = columns;
  if (column === undefined) throw new InternalError(`${name} of no column`);
  const program = columnsProgram(columns);
  const op = operationOf(name, physicalOf(dtype));
  const nullable = column.validityOffset !== null;
  const buffer = device.alloc(columnWords(dtype, rows, nullable), "running values");
  const validityOffset = nullable ? valueWords(dtype, rows) : null;
  if (column.validityOffset !== null && validityOffset !== null)
    device.copy(column.buffer, column.validityOffset, buffer, validityOffset, bitmapWords(rows));
  const tiles = Math.ceil(rows / TILE);
  const inputs = [...program.columns.map((c) => c.buffer), order, segment];
  const own = [rows, fromEnd ? 1 : 0, tiles > 1 ? 1 : 0, 0];
  const params = [...program.args, ...own];
  const words = tiles * (1 + op.pack.length);
  const carries = device.alloc(words, "scan carries");
  if (tiles > 1) {
    const sums = device.alloc(words, "scan sums");
    device.launch({ kernel: reduceKernel(program, op), bindings: [...inputs, sums], params, workgroups: tiles });
    device.launch({ kernel: carryKernel(op), bindings: [sums, carries], params: [tiles], workgroups: 1 });
    sums.release();
  }
  const kernel = applyKernel(program, op, storageOf(dtype) === "w2");
  device.launch({ kernel, bindings: [...inputs, carries, buffer], params, workgroups: tiles });
  carries.release();
  return { dtype, length: rows, buffer, validityOffset, dictionary: null };
}
