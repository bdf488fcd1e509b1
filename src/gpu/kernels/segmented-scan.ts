/** Running sums, products and extremes of the values of each segment, in its order: an inclusive scan that starts anew with every segment. */

import { InternalError } from "../../errors.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf, storageOf } from "../../ir/dtype.ts";
import { bitmapWords, type Column, columnWords, valueWords } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { columnsProgram, type RowProgram, WGSL_TYPE } from "../row-program.ts";
import { link } from "../wgsl/library.ts";
import type { ScanOperation } from "./segmented-scan-operations.ts";
import { operationOf } from "./segmented-scan-operations.ts";
import type { Segments } from "./segments.ts";

export type ScanName = "cum_sum" | "cum_prod" | "cum_min" | "cum_max" | "cum_linear";

/** What the kernels over the rows depend on. */
interface Scan {
  readonly program: RowProgram;
  readonly op: ScanOperation;
  /** Whether positions are other than row numbers, or in several segments. */
  readonly placed: boolean;
}

/** Invocations of a workgroup. */
const LANES = 64;
/** Positions of an invocation, one after the other. Odd, so that the lanes of a subgroup read different banks of workgroup memory. */
const itemsOf = (program: RowProgram): number => (program.outputs.length === 1 ? 15 : 7);
/** Steps of a workgroup, one after the other: LANES * items positions each. */
const STEPS = 4;
const tileOf = (program: RowProgram): number => STEPS * LANES * itemsOf(program);

/** Invocations of the only workgroup that combines tiles. */
const TILE_LANES = 256;

/*
 * An element is a state with two facts: `some`, that a value went in, and `head`, that a segment starts inside. In memory a list of
 * elements is a plane of words for the facts (1: some, 2: head), then a plane for each word of the state.
 *
 *     reduce   tile by tile: prefixes[lane of a step] = the combination of what the tile has before it; sums[tile]
 *     carry    one workgroup: carries[tile] = the combination of the tiles before it
 *     apply    tile by tile, from carry and prefix on
 *
 * The positions of a step are read and written one behind the other, and pass through workgroup memory to and from the lanes that
 * combine `items` of them each. The tree is the same for the same number of rows on every device. Variables inside loops are cleared
 * by name: Dawn leaves in them what the round before stored.
 */
const element = (op: ScanOperation): string => `
struct Element { some: bool, head: bool, s: ${op.state} }
fn join(a: Element, b: Element) -> Element {
  if (b.head || !a.some) { return Element(b.some, a.head || b.head, b.s); }
  if (!b.some) { return Element(true, a.head, a.s); }
  return Element(true, a.head, combine(a.s, b.s));
}
${op.combine}`;

/** `put_LIST` into a list of `count` elements. */
const put = (op: ScanOperation, list: string): string => `
fn put_${list}(at: u32, count: u32, e: Element) {
  ${list}[at] = select(0u, 1u, e.some) | select(0u, 2u, e.head);
  ${op.pack.map((word, k) => `${list}[at + ${k + 1}u * count] = ${word("e.s")};`).join("\n  ")}
}`;

/** `get_LIST` from a list of `count` elements. */
const get = (op: ScanOperation, list: string): string => `
fn get_${list}(at: u32, count: u32) -> Element {
  let facts = ${list}[at];
  return Element((facts & 1u) != 0u, (facts & 2u) != 0u, ${op.unpack((k) => `${list}[at + ${k + 1}u * count]`)});
}`;

/** Workgroup memory for the elements of all invocations. */
const lanesOf = (op: ScanOperation, count: number): string => `
var<workgroup> lanes: array<u32, ${count * (1 + op.pack.length)}>;
${put(op, "lanes")}
${get(op, "lanes")}`;

/** Combines the elements of all invocations: `lanes` become the combinations of those up to each, `before` of those before this one. */
const scanLanes = (count: number): string => `
  put_lanes(lane, ${count}u, mine);
  for (var step = rolled(1u, nwg); step < ${count}u; step <<= 1u) {
    workgroupBarrier();
    var left = Element();
    if (lane >= step) { left = get_lanes(lane - step, ${count}u); }
    workgroupBarrier();
    if (lane >= step) { mine = join(left, mine); put_lanes(lane, ${count}u, mine); }
  }
  workgroupBarrier();
  var before = Element();
  if (lane > 0u) { before = get_lanes(lane - 1u, ${count}u); }`;

const HEADER = "@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32";

const raw = (type: string): string => (type === "i32" ? "u32" : type);

interface Bound {
  readonly name: string;
  readonly access: "read" | "read_write";
  readonly type: "u32" | "vec2<u32>";
}

const WORDS = { access: "read", type: "u32" } as const;

/** A kernel over the rows: the program's columns, order and segment where rows are placed, then its own buffers. */
const rowKernel = ({ program, op, placed }: Scan, name: string, buffers: readonly Bound[], wgsl: string): Kernel => {
  const at = program.columns.length;
  const bound = [...(placed ? ["order", "segment"] : []).map((list): Bound => ({ name: list, ...WORDS })), ...buffers];
  return {
    name,
    key: `${name}(${op.key}${placed ? "" : ", whole"}|${program.key})`,
    bindings: [...program.columns.map(() => "read" as const), ...bound.map(({ access }) => access)],
    params: program.argWords + 4,
    workgroup: LANES,
    wgsl: () =>
      link(`
${program.wgsl}
${bound.map((b, i) => `@group(0) @binding(${at + i}) var<storage, ${b.access}> ${b.name}: array<${b.type}>;`).join("\n")}
@group(0) @binding(${at + bound.length}) var<uniform> P: array<vec4<u32>, ${program.argWords / 4 + 1}>;
${wgsl}`),
  };
};

/** `stage` brings the positions of a step to workgroup memory, `item` is the k-th of them. `own`: rows, 1 from the end. */
const staging = ({ program, op, placed }: Scan): string => {
  const types = program.outputs.map(({ physical }) => WGSL_TYPE[physical]);
  const size = LANES * itemsOf(program);
  const value = (k: number): string => `bitcast<${types[k]}>(staged_${k}[k])`;
  const head = placed ? "i == 0u || segment[p] != segment[place(max(i, 1u) - 1u, own)]" : "i == 0u";
  return `
${types.map((type, k) => `var<workgroup> staged_${k}: array<${raw(type)}, ${size}>;`).join("\n")}
var<workgroup> facts: array<u32, ${size}>;
fn place(i: u32, own: vec4<u32>) -> u32 { return select(i, own.x - 1u - i, own.y != 0u); }
fn row_at(p: u32) -> u32 { return ${placed ? "order[p]" : "p"}; }
fn stage(first: u32, lane: u32, own: vec4<u32>) {
  for (var k = lane; k < ${size}u; k += ${LANES}u) {
    let i = first + k;
    var found = 0u;
    if (i < own.x) {
      let p = place(i, own);
      let row = row_at(p);
      let o = out_0(row);
      staged_0[k] = bitcast<${raw(types[0] ?? "")}>(o.v);
      ${types.length > 1 ? "staged_1[k] = out_1(row).v;" : ""}
      found = u32(o.ok) | (u32(${head}) << 1u);
    }
    facts[k] = found;
  }
}
fn item(k: u32) -> Element {
  return Element((facts[k] & 1u) != 0u, (facts[k] & 2u) != 0u, ${op.load(value(0), value(1))});
}`;
};

/** Runs `body` for every step of the workgroup's tile that has positions; its first is `first`, and the lane's prefix is number `at`. */
const steps = (program: RowProgram, body: string): string => {
  const size = LANES * itemsOf(program);
  return `
  let own = P[${program.argWords / 4}];
  let tile = group_id(wid, nwg);
  for (var s = 0u; s < rolled(${STEPS}u, nwg); s++) {
    let first = (tile * ${STEPS}u + s) * ${size}u;
    if (first >= own.x) { break; }
    let at = (tile * ${STEPS}u + s) * ${LANES}u + lane;
    stage(first, lane, own);
    workgroupBarrier();
${body}
  }`;
};

const items = (program: RowProgram, body: string): string =>
  `for (var k = lane * ${itemsOf(program)}u; k < (lane + 1u) * rolled(${itemsOf(program)}u, nwg); k++) { ${body} }`;

/* rows -> prefixes, sums; own parameters: rows, from the end, tiles, prefixes. */
const reduceKernel = (scan: Scan): Kernel =>
  rowKernel(
    scan,
    "segmented-scan-reduce",
    [
      { name: "prefixes", access: "read_write", type: "u32" },
      { name: "sums", access: "read_write", type: "u32" },
    ],
    `
${element(scan.op)}
${lanesOf(scan.op, LANES)}
${put(scan.op, "prefixes")}
${put(scan.op, "sums")}
${staging(scan)}
@compute @workgroup_size(${LANES})
fn main(${HEADER}) {
  var whole: Element;
${steps(
  scan.program,
  `
    var mine = Element();
    ${items(scan.program, "mine = join(mine, item(k));")}
${scanLanes(LANES)}
    put_prefixes(at, own.w, join(whole, before));
    whole = join(whole, get_lanes(${LANES - 1}u, ${LANES}u));`,
)}
  if (lane == 0u && tile < own.z) { put_sums(tile, own.z, whole); }
}`,
  );

/* sums -> carries: for each tile the combination of those before it; P = tiles. One workgroup. */
const carryKernel = (op: ScanOperation): Kernel => ({
  name: "segmented-scan-carry",
  key: `carry(${op.key})`,
  bindings: ["read", "read_write"],
  params: 1,
  workgroup: TILE_LANES,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> sums: array<u32>;
@group(0) @binding(1) var<storage, read_write> carries: array<u32>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>;
${element(op)}
${lanesOf(op, TILE_LANES)}
${get(op, "sums")}
${put(op, "carries")}
@compute @workgroup_size(${TILE_LANES})
fn main(@builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let tiles = P[0].x;
  let share = (tiles + ${TILE_LANES - 1}u) / ${TILE_LANES}u;
  let start = lane * share;
  let to = min(start + share, tiles);
  var mine: Element;
  for (var i = start; i < to; i++) { mine = join(mine, get_sums(i, tiles)); }
${scanLanes(TILE_LANES)}
  for (var i = start; i < to; i++) {
    put_carries(i, tiles, before);
    before = join(before, get_sums(i, tiles));
  }
}`),
});

/* rows, prefixes, carries (where there are several tiles) -> values; own parameters as of the reduction. */
const applyKernel = (scan: Scan, wide: boolean): Kernel =>
  rowKernel(
    scan,
    "segmented-scan-apply",
    [
      { name: "prefixes", ...WORDS },
      { name: "carries", ...WORDS },
      { name: "values", access: "read_write", type: wide ? "vec2<u32>" : "u32" },
    ],
    `
${element(scan.op)}
${get(scan.op, "prefixes")}
${get(scan.op, "carries")}
${staging(scan)}
@compute @workgroup_size(${LANES})
fn main(${HEADER}) {
${steps(
  scan.program,
  `
    var upto = get_prefixes(at, own.w);
    if (own.z > 1u) { upto = join(get_carries(tile, own.z), upto); }
    ${items(scan.program, `upto = join(upto, item(k)); staged_0[k] = ${scan.op.store("upto.s")};`)}
    workgroupBarrier();
    let end = min(${LANES * itemsOf(scan.program)}u, own.x - first);
    for (var k = lane; k < end; k += ${LANES}u) { values[row_at(place(first + k, own))] = staged_0[k]; }`,
)}
}`,
  );

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
  const { rows, order, segment, whole } = segments;
  const [column] = columns;
  if (column === undefined) throw new InternalError(`${name} of no column`);
  const program = columnsProgram(columns);
  const op = operationOf(name, physicalOf(dtype));
  const scan: Scan = { program, op, placed: !whole };
  const nullable = column.validityOffset !== null;
  const buffer = device.alloc(columnWords(dtype, rows, nullable), "running values");
  const validityOffset = nullable ? valueWords(dtype, rows) : null;
  if (column.validityOffset !== null && validityOffset !== null)
    device.copy(column.buffer, column.validityOffset, buffer, validityOffset, bitmapWords(rows));
  const tiles = Math.ceil(rows / tileOf(program));
  const prefixCount = Math.ceil(rows / (LANES * itemsOf(program))) * LANES;
  const inputs = [...program.columns.map((c) => c.buffer), ...(whole ? [] : [order, segment])];
  const params = [...program.args, rows, fromEnd ? 1 : 0, tiles, prefixCount];
  const elementWords = 1 + op.pack.length;
  const prefixes = device.alloc(prefixCount * elementWords, "scan prefixes");
  const sums = device.alloc(tiles * elementWords, "scan sums");
  const carries = device.alloc(tiles * elementWords, "scan carries");
  device.launch({ kernel: reduceKernel(scan), bindings: [...inputs, prefixes, sums], params, workgroups: tiles });
  if (tiles > 1) device.launch({ kernel: carryKernel(op), bindings: [sums, carries], params: [tiles], workgroups: 1 });
  sums.release();
  const kernel = applyKernel(scan, storageOf(dtype) === "w2");
  device.launch({ kernel, bindings: [...inputs, prefixes, carries, buffer], params, workgroups: tiles });
  prefixes.release();
  carries.release();
  return { dtype, length: rows, buffer, validityOffset, dictionary: null };
}
