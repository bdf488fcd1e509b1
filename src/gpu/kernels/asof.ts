/** As-of search: for each asking row the row with the nearest key before it, after it or on either side, within its group. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Column } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";

const WORKGROUP = 256;
const NONE = 0xffffffff;

export type AsofStrategy = "backward" | "forward" | "nearest";
type KeyKind = "i64" | "f64";

/** Rows with a key and, where there are groups, the group of each: 0xFFFFFFFF for rows that match nothing. */
export interface KeyedRows {
  /** Int64 or Float64. */
  readonly keys: Column;
  readonly groups: DeviceBuffer | null;
}

const HEAD = `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lid;
  if (row >= P[0].x) { return; }`;

/** keys | [groups] -> flag[0] = 1 where a key is null or NaN, or less than the one before it in its group. P = rows, validity. */
const checkKernel = (kind: KeyKind, grouped: boolean): Kernel => ({
  name: "asof-check",
  key: `asof-check(${kind},${grouped})`,
  bindings: ["read", ...(grouped ? (["read"] as const) : []), "read_write"],
  params: 2,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> keys: array<vec2<u32>>;
${grouped ? "@group(0) @binding(1) var<storage, read> groups: array<u32>;" : ""}
@group(0) @binding(${grouped ? 2 : 1}) var<storage, read_write> flag: array<atomic<u32>>;
@group(0) @binding(${grouped ? 3 : 2}) var<uniform> P: array<vec4<u32>, 1>;
${HEAD}
  ${grouped ? `if (groups[row] == ${NONE}u) { return; }` : ""}
  let at = P[0].y + (row >> 5u);
  var odd = P[0].y != ${NONE}u && ((keys[at >> 1u][at & 1u] >> (row & 31u)) & 1u) == 0u;
  ${kind === "f64" ? "odd = odd || f64_is_nan(keys[row]);" : ""}
  if (row > 0u${grouped ? " && groups[row - 1u] == groups[row]" : ""}) { odd = odd || u64_lt(${kind}_order(keys[row]), ${kind}_order(keys[row - 1u])); }
  if (odd) { atomicStore(&flag[0], 1u); }
}`),
});

/** How far two keys are from one another, and whether one distance is less than another. */
const DISTANCE: Readonly<Record<KeyKind, string>> = {
  i64: `
fn distance_(above: vec2<u32>, below: vec2<u32>) -> vec2<u32> { return u64_sub(i64_order(above), i64_order(below)); }
fn closer(a: vec2<u32>, b: vec2<u32>) -> bool { return u64_lt(a, b); }`,
  f64: `
fn distance_(above: vec2<u32>, below: vec2<u32>) -> vec2<u32> { return f64_add(above, f64_neg(below)); }
fn closer(a: vec2<u32>, b: vec2<u32>) -> bool { return f64_lt(a, b); }`,
};

/**
 * WGSL `least(group, key, beyond)`: the first position whose (group, key) is at least, or beyond, that asked, the key as its order. Over
 * `sorted`, of P[0].y rows that ascend by group, then by key, and `sortedGroups` where there are groups.
 */
export const leastPosition = (kind: KeyKind, grouped: boolean): string => `
fn least(group: u32, key: vec2<u32>, beyond: bool) -> u32 {
  var lo = 0u;
  var hi = P[0].y;
  while (lo < hi) {
    let mid = lo + (hi - lo) / 2u;
    let own = ${kind}_order(sorted[mid]);
    var less = u64_lt(own, key) || (beyond && u64_eq(own, key));
    ${grouped ? "let other = sortedGroups[mid];\n    if (other != group) { less = other < group; }" : ""}
    if (less) { lo = mid + 1u; } else { hi = mid; }
  }
  return lo;
}`;

interface Search {
  readonly kind: KeyKind;
  readonly grouped: boolean;
  readonly strategy: AsofStrategy;
  readonly allowEqual: boolean;
  readonly limited: boolean;
}

/**
 * asked | sorted | [asked groups | sorted groups] -> found: a position in `sorted`, or NONE. P = asked rows, sorted rows, tolerance low, high.
 * `sorted` ascends by group, then by key.
 */
const searchKernel = ({ kind, grouped, strategy, allowEqual, limited }: Search): Kernel => {
  const before = strategy !== "forward";
  const after = strategy !== "backward";
  return {
    name: "asof-search",
    key: `asof-search(${kind},${grouped},${strategy},${allowEqual},${limited})`,
    bindings: ["read", "read", ...(grouped ? (["read", "read"] as const) : []), "read_write"],
    params: 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
@group(0) @binding(0) var<storage, read> asked: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> sorted: array<vec2<u32>>;
${grouped ? "@group(0) @binding(2) var<storage, read> askedGroups: array<u32>;\n@group(0) @binding(3) var<storage, read> sortedGroups: array<u32>;" : ""}
@group(0) @binding(${grouped ? 4 : 2}) var<storage, read_write> found: array<u32>;
@group(0) @binding(${grouped ? 5 : 3}) var<uniform> P: array<vec4<u32>, 1>;
${(before && after) || limited ? DISTANCE[kind] : ""}
${leastPosition(kind, grouped)}
fn inside(at: u32, group: u32) -> bool { return at < P[0].y${grouped ? " && sortedGroups[at] == group" : ""}; }
${HEAD}
  let group = ${grouped ? "askedGroups[row]" : "0u"};
  var best = ${NONE}u;
  ${grouped ? `if (group == ${NONE}u) { found[row] = best; return; }` : ""}
  let key = ${kind}_order(asked[row]);
  ${before ? `let below = least(group, key, ${allowEqual}) - 1u; // 0 - 1 is inside no group\n  if (inside(below, group)) { best = below; }` : ""}
  ${after ? `var above = least(group, key, ${!allowEqual});` : ""}
  ${
    strategy === "forward"
      ? "if (inside(above, group)) { best = above; }"
      : after
        ? `if (inside(above, group)) {
    if (best == ${NONE}u || !closer(distance_(asked[row], sorted[best]), distance_(sorted[above], asked[row]))) {
      best = least(group, ${kind}_order(sorted[above]), true) - 1u;
    }
  }`
        : ""
  }
  ${
    limited
      ? `if (best != ${NONE}u) {
    let tolerance = vec2<u32>(P[0].z, P[0].w);
    let later = u64_lt(key, ${kind}_order(sorted[best]));
    let away = distance_(select(asked[row], sorted[best], later), select(sorted[best], asked[row], later));
    if (closer(tolerance, away)) { best = ${NONE}u; }
  }`
      : ""
  }
  found[row] = best;
}`),
  };
};

const kindOf = (keys: Column): KeyKind => (keys.dtype.kind === "Float64" ? "f64" : "i64");

/** One word: 1 unless the keys of each group ascend, without nulls and NaNs. Rows of one group stand together. The caller owns it. */
export function unsortedFlag(device: Device, { keys, groups }: KeyedRows): DeviceBuffer {
  const flag = device.allocZeroed(4, "unsorted flag");
  if (keys.length > 0)
    device.launch({
      kernel: checkKernel(kindOf(keys), groups !== null),
      bindings: [keys.buffer, ...(groups === null ? [] : [groups]), flag],
      params: [keys.length, keys.validityOffset ?? NONE],
      workgroups: Math.ceil(keys.length / WORKGROUP),
    });
  return flag;
}

export interface AsofOptions {
  readonly strategy: AsofStrategy;
  readonly allowEqual: boolean;
  /** The largest distance, in the words of a value of the keys; null for any. */
  readonly tolerance: readonly [low: number, high: number] | null;
}

/**
 * For each row of `asked` the position in `sorted`, whose rows ascend by group, then by key; 0xFFFFFFFF for none. Backward: the last of the
 * nearest; forward: the first; nearest: the last, and the later one of two that are equally far. No nulls. The caller owns the result.
 */
export function asofSearch(
  device: Device,
  asked: KeyedRows,
  sorted: KeyedRows,
  { strategy, allowEqual, tolerance }: AsofOptions,
): DeviceBuffer {
  const found = device.alloc(Math.max(1, asked.keys.length), "as-of rows");
  const groups = asked.groups === null || sorted.groups === null ? [] : [asked.groups, sorted.groups];
  if (asked.keys.length > 0)
    device.launch({
      kernel: searchKernel({ kind: kindOf(asked.keys), grouped: groups.length > 0, strategy, allowEqual, limited: tolerance !== null }),
      bindings: [asked.keys.buffer, sorted.keys.buffer, ...groups, found],
      params: [asked.keys.length, sorted.keys.length, tolerance?.[0] ?? 0, tolerance?.[1] ?? 0],
      workgroups: Math.ceil(asked.keys.length / WORKGROUP),
    });
  return found;
}
