/** Values of fixed width out of uncompressed pages of Parquet files: plain ones, and indices of a dictionary as runs and packed bits. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";

/** Rows of a page, and where their values go. */
export interface PageRows {
  /** The page's first byte and how many there are: definition levels, where it has them, and the values. */
  readonly at: number;
  readonly bytes: number;
  /** Values of the page; all of them are present. */
  readonly values: number;
  /** The page's rows that are wanted. */
  readonly skip: number;
  readonly count: number;
  /** Where the first of them goes, counted in rows. */
  readonly row: number;
  /** Definition levels stand in front, with their length in four bytes. */
  readonly hasLevels: boolean;
  /** What the values are indices of; null: plain values. */
  readonly dictionary: PageDictionary | null;
}

/** `values`: so many values from a byte on. `codes`: an index stands for the number `first` + index, below `first` + `count`. */
export type PageDictionary =
  | { readonly kind: "values"; readonly at: number; readonly count: number }
  | { readonly kind: "codes"; readonly first: number; readonly count: number };

const WORKGROUP = 128;
/** Rows of a workgroup: more than that are shared by several, each of which looks at the runs in front of its rows. */
const ROWS = 1 << 15;

/** Runs that one invocation finds before all of them unpack. */
const RUNS = 64;
const SEARCH = [32, 16, 8, 4, 2, 1];
/** Of the first value of a run: pages have fewer values. */
const FIRST = 0x7fffffff;

const KINDS = { plain: 0, values: 1, codes: 2 } as const;
const HAS_LEVELS = 4;
const ENTRY_WORDS = 9;

/**
 * One workgroup for each entry; how runs are read is in Apache Parquet's "Encodings", under "Run Length Encoding / Bit-Packing Hybrid".
 *
 *     bindings: content (read) | entries (read) | target (read_write) | failures (read_write)
 *     entries:  byte, bytes, values, first row, rows, row of the target, kind, byte or number of the dictionary, its values
 *     params:   entries
 */
const kernelOf = (words: 1 | 2): Kernel => ({
  name: "page-values",
  key: `${words}`,
  bindings: ["read", "read", "read_write", "read_write"],
  params: 1,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> content: array<u32>;
@group(0) @binding(1) var<storage, read> entries: array<u32>;
@group(0) @binding(2) var<storage, read_write> target_words: array<${words === 2 ? "vec2<u32>" : "u32"}>;
@group(0) @binding(3) var<storage, read_write> failures: array<atomic<u32>>;
@group(0) @binding(4) var<uniform> P: array<vec4<u32>, 1>;
fn fail() { atomicOr(&failures[0], 1u); }
/** The 32 bits from bit \`bit\` of byte \`at\` on. */
fn bits_at(at: u32, bit: u32) -> u32 {
  let shifted = (at & 3u) * 8u + bit;
  let word = (at >> 2u) + (shifted >> 5u);
  let shift = shifted & 31u;
  let low = content[word] >> shift;
  return select(low | (content[word + 1u] << (32u - shift)), low, shift == 0u);
}
fn byte_at(at: u32) -> u32 { return (content[at >> 2u] >> ((at & 3u) * 8u)) & 255u; }
struct Run { packed: bool, length: u32, start: u32 }
/** Runs in the lists, the values that they hold, and whether there are no others. */
struct Batch { runs: u32, first: u32, behind: u32, is_last: u32 }
var<workgroup> batch: Batch;
/** The first value of each run, the highest bit set for packed ones; its first byte. */
var<workgroup> firsts: array<u32, ${RUNS}>;
var<workgroup> places: array<u32, ${RUNS}>;
/** The run whose head stands at \`at\`; of length 0 where there is none before \`end\`. */
fn run_at(at: u32, end: u32) -> Run {
  var head = 0u;
  for (var i = 0u; i < 5u && at + i < end; i++) {
    let byte = byte_at(at + i);
    head |= (byte & 127u) << (7u * i);
    if (byte < 128u) { return Run((head & 1u) == 1u, select(head >> 1u, min(head >> 1u, 1u << 28u) * 8u, (head & 1u) == 1u), at + i + 1u); }
  }
  return Run(false, 0u, at);
}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let entry = group_id(wid, nwg);
  if (entry >= P[0].x) { return; }
  let e = entry * ${ENTRY_WORDS}u;
  var at = entries[e];
  let end = at + entries[e + 1u];
  let skip = entries[e + 3u];
  let count = entries[e + 4u];
  let row = entries[e + 5u];
  let kind = entries[e + 6u] & 3u;
  let dictionary = entries[e + 7u];
  let known = entries[e + 8u];
  if ((entries[e + 6u] & ${HAS_LEVELS}u) != 0u) {
    // Only levels of one run of ones: every value is present.
    let levels = run_at(at + 4u, end);
    let bytes = bits_at(at, 0u);
    if (bytes > end - at - 4u || levels.packed || levels.length < entries[e + 2u] || byte_at(levels.start) != 1u) { fail(); return; }
    at += 4u + bytes;
  }
  if (kind == ${KINDS.plain}u) {
    if ((end - at) / ${4 * words}u < skip + count) { fail(); return; }
    for (var i = lid; i < count; i += ${WORKGROUP}u) { put(row + i, at + (skip + i) * ${4 * words}u); }
    return;
  }
  let width = byte_at(at);
  if (at >= end || width > 32u) { fail(); return; }
  let mask = select((1u << (width & 31u)) - 1u, 0xffffffffu, width == 32u);
  let wanted = skip + count;
  // Where the next run starts, and what is in front of it: invocation 0 knows.
  at += 1u;
  var done = 0u;
  loop {
    if (lid == 0u) { batch = next_runs(&at, end, &done, width, skip, wanted); }
    let b = workgroupUniformLoad(&batch);
    for (var i = b.first + lid; i < b.behind; i += ${WORKGROUP}u) {
      var r = 0u;
${SEARCH.map((step) => `      if (r + ${step}u < b.runs && (firsts[r + ${step}u] & ${FIRST}u) <= i) { r += ${step}u; }`).join("\n")}
      let head = firsts[r];
      let index = bits_at(places[r], select(0u, (i - (head & ${FIRST}u)) * width, head > ${FIRST}u)) & mask;
      if (index >= known) { fail(); }
      else if (kind == ${KINDS.codes}u) { put_code(row + i - skip, dictionary + index); }
      else { put(row + i - skip, dictionary + index * ${4 * words}u); }
    }
    if (b.is_last != 0u) { break; }
    workgroupBarrier();
  }
}
/** Puts runs from \`at\` on into the lists, those that end before value \`skip\` left out, and goes on to the runs behind them. */
fn next_runs(at: ptr<function, u32>, end: u32, done: ptr<function, u32>, width: u32, skip: u32, wanted: u32) -> Batch {
  let size = (width + 7u) / 8u;
  var first = 0u;
  var runs = 0u;
  while (runs < ${RUNS}u && *done < wanted) {
    var run = Run(false, wanted, *at);
    if (width > 0u) { run = run_at(*at, end); }
    let length = min(run.length, wanted - *done);
    let bytes = select(size, (length * width + 7u) / 8u, run.packed);
    if (length == 0u || run.start > end || bytes > end - run.start) {
      fail();
      return Batch(runs, first, select(*done, 0u, runs == 0u), 1u);
    }
    if (*done + length > skip) {
      if (runs == 0u) { first = max(*done, skip); }
      firsts[runs] = *done | select(0u, ${FIRST + 1}u, run.packed);
      places[runs] = run.start;
      runs += 1u;
    }
    *at = run.start + select(size, (run.length / 8u) * width, run.packed);
    *done += length;
  }
  return Batch(runs, first, *done, select(0u, 1u, *done >= wanted));
}
${
  words === 2
    ? `fn put(row: u32, at: u32) { target_words[row] = vec2<u32>(bits_at(at, 0u), bits_at(at + 4u, 0u)); }
fn put_code(row: u32, code: u32) {}`
    : `fn put(row: u32, at: u32) { target_words[row] = bits_at(at, 0u); }
fn put_code(row: u32, code: u32) { target_words[row] = code; }`
}`),
});

const KERNELS = { 1: kernelOf(1), 2: kernelOf(2) } as const;

/**
 * Records the copy of values of `words` words each out of `content`, uncompressed pages at any bytes, to their rows of `target`. Word 0 of
 * `failures` is raised where a page is not what its entry says, has a null, or an index beyond its dictionary; the rows of such a page hold
 * anything then.
 */
export function unpackPages(
  device: Device,
  { content, pages, words, target, failures }: PagesOfColumn & { readonly content: DeviceBuffer; readonly failures: DeviceBuffer },
): void {
  const parts = pages.flatMap(inParts);
  if (parts.length === 0) return;
  const entries = device.alloc(parts.length * ENTRY_WORDS, "pages");
  device.write(entries, 0, Uint32Array.from(parts.flatMap(entryOf)));
  device.launch({
    kernel: KERNELS[words],
    bindings: [content, entries, target, failures],
    params: [parts.length],
    workgroups: parts.length,
  });
  entries.release();
}

/** Pages of a column, of values of so many words. */
export interface PagesOfColumn {
  readonly pages: readonly PageRows[];
  readonly words: 1 | 2;
  readonly target: DeviceBuffer;
}

function inParts(page: PageRows): readonly PageRows[] {
  const parts: PageRows[] = [];
  for (let from = 0; from < page.count; from += ROWS)
    parts.push({ ...page, skip: page.skip + from, count: Math.min(ROWS, page.count - from), row: page.row + from });
  return parts;
}

function entryOf({ at, bytes, values, skip, count, row, hasLevels, dictionary }: PageRows): readonly number[] {
  const kind = KINDS[dictionary?.kind ?? "plain"] | (hasLevels ? HAS_LEVELS : 0);
  const start = dictionary === null ? 0 : dictionary.kind === "codes" ? dictionary.first : dictionary.at;
  return [at, bytes, values, skip, count, row, kind, start, dictionary?.count ?? 0];
}
