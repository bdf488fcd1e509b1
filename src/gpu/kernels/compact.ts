/** Brings marked rows together, in their order: what a filter keeps. */

import type { DeviceBuffer } from "../buffers.ts";
import { bitmapWords, type Column } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { gather, type TakenAlong, takeAllAlong } from "./gather.ts";
import { exclusiveScan, SCAN_LANES, sumBefore } from "./scan.ts";

/** Rows marked in a bitmap. */
export interface MarkedBlocks {
  /** Bitmap of `rows` bits; bits beyond are 0. */
  readonly bits: DeviceBuffer;
  /** For each block of MARKED_BLOCK rows, those marked in it. */
  readonly counts: DeviceBuffer;
  readonly rows: number;
}

/** Rows that are counted together. */
export const MARKED_BLOCK = 2048;

/** Mask words of a workgroup, one for each invocation. */
const WORKGROUP = 256;
/** Rows of a workgroup. */
const TILE = WORKGROUP * 32;

/** What says how many rows are marked in front of a block: the counts of all blocks, which every workgroup adds up by itself, or their sums. */
type Base = "counts" | "before";

const BASES = {
  counts: { functions: sumBefore("counts", WORKGROUP), base: (block: string) => `sum_before(${block}, t)` },
  before: { functions: "", base: (block: string) => `before[${block}]` },
} as const satisfies Record<Base, { readonly functions: string; readonly base: (block: string) => string }>;

/*
 * bits, counts or before -> rows, or the columns taken along. Each invocation counts one word, the workgroup scans the counts; then the
 * invocations walk over the 8,192 rows 256 at a time, so that neighbours write neighbouring words:
 *
 *     place of row r = marked in front of the workgroup + scanned[r / 32] - bits of word r / 32 from bit r % 32 on
 *
 * P = words of the bitmap.
 */
const scatterKernel = (by: Base, along: TakenAlong | null): Kernel => {
  const bindings = along?.bindings ?? (["read_write"] as const);
  return {
    name: "compact-scatter",
    key: `${by};${along?.key ?? ""}`,
    wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read> bits: array<u32>;
@group(0) @binding(1) var<storage, read> ${by}: array<u32>;
${along === null ? "@group(0) @binding(2) var<storage, read_write> rows: array<u32>;" : along.declarations()}
@group(0) @binding(${2 + bindings.length}) var<uniform> P: vec4<u32>;
var<workgroup> words: array<u32, ${WORKGROUP}>;
${SCAN_LANES}
${BASES[by].functions}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let tile = wid.x + wid.y * nwg.x;
  if (tile * ${WORKGROUP}u >= P.x) { return; }
  let base = ${BASES[by].base(`tile * ${TILE / MARKED_BLOCK}u`)};
  let own = tile * ${WORKGROUP}u + t;
  var word = 0u;
  if (own < P.x) { word = bits[own]; }
  words[t] = word;
  scan_lanes(countOneBits(word), t);
  let below = (1u << (t & 31u)) - 1u;
  for (var k = 0u; k < 32u; k++) {
    let w = k * 8u + (t >> 5u);
    let m = words[w];
    if (((m >> (t & 31u)) & 1u) == 0u) { continue; }
    let at = base + scanned[w] - countOneBits(m & ~below);
    let row = tile * ${TILE}u + k * ${WORKGROUP}u + t;
    ${along === null ? "rows[at] = row;" : along.text("at", ["row"])}
  }
}`,
    bindings: ["read", "read", ...bindings],
    params: 1,
    workgroup: WORKGROUP,
  };
};

/** Blocks up to which workgroups add up the counts in front of them: the work grows with the square. */
const SUMMED_BLOCKS = 1 << 14;

const launchScatter = (
  device: Device,
  { bits, counts, rows }: MarkedBlocks,
  along: TakenAlong | null,
  targets: readonly DeviceBuffer[],
): void => {
  const words = bitmapWords(rows);
  const blocks = Math.ceil(rows / MARKED_BLOCK);
  const launch = (by: Base, ranks: DeviceBuffer): void =>
    device.launch({
      kernel: scatterKernel(by, along),
      bindings: [bits, ranks, ...targets],
      params: [words],
      workgroups: Math.ceil(words / WORKGROUP),
    });
  if (blocks <= SUMMED_BLOCKS) launch("counts", counts);
  else {
    const { offsets, total } = exclusiveScan(device, counts, blocks);
    total.release();
    launch("before", offsets);
    offsets.release();
  }
};

/** How many rows are marked. One round trip. */
export const countMarked = async (device: Device, { counts, rows }: MarkedBlocks): Promise<number> =>
  rows === 0 ? 0 : (await device.read(counts, 0, Math.ceil(rows / MARKED_BLOCK))).reduce((sum, count) => sum + count, 0);

/** The numbers of the marked rows, which are `count`: u32, ascending, owned by the caller. */
export const compactRows = (device: Device, marked: MarkedBlocks, count: number): DeviceBuffer => {
  const rows = device.alloc(count, "selected rows");
  if (count > 0) launchScatter(device, marked, null, [rows]);
  return rows;
};

/** The marked rows, which are `count`, of columns of `marked.rows` rows; in their order, nullable as the columns are, owned by the caller. */
export const compactColumns = (device: Device, marked: MarkedBlocks, columns: readonly Column[], count: number): readonly Column[] => {
  const along = takeAllAlong(device, columns, count, 2);
  if (along !== null) {
    for (const taken of along) launchScatter(device, marked, taken, taken.buffers);
    return along.flatMap(({ targets }) => targets.flat());
  }
  const rows = compactRows(device, marked, count);
  const taken = gather(device, columns, rows, count, false);
  rows.release();
  return taken;
};

/** Gives the buffers back. */
export const releaseMarked = ({ bits, counts }: MarkedBlocks): void => {
  bits.release();
  counts.release();
};
