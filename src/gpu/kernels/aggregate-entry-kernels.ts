/** The dispatches of aggregation over entries: they are realigned, and added to those of the groups. */

import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { emission, supportWgsl } from "./aggregate-emit.ts";
import { type Step, WORKGROUP } from "./aggregate-kernels.ts";
import type { Layout } from "./aggregate-slots.ts";

interface EntryKernel {
  readonly name: string;
  readonly layout: Layout;
  /** Names of the buffers that are read. */
  readonly reads?: readonly string[];
  /** Text is made for kernels that are compiled alone. */
  readonly body: () => string;
}

/** bindings: what is read (read) | state (read_write); params: threads that have work, groups. */
const entryKernel = ({ name, layout, reads = [], body }: EntryKernel): Kernel => ({
  name,
  key: [...reads, layout.key].join(";"),
  wgsl: () =>
    link(`
${reads.map((buffer, i) => `@group(0) @binding(${i}) var<storage, read> ${buffer}: array<u32>;`).join("\n")}
@group(0) @binding(${reads.length}) var<storage, read_write> S: array<atomic<u32>>;
@group(0) @binding(${reads.length + 1}) var<uniform> P: array<vec4<u32>, 1>;
${supportWgsl(layout, ["S"])}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let i = group_id(wid, nwg) * ${WORKGROUP}u + lid;
  if (i >= P[0].x) { return; }
  ${body()}
}`),
  bindings: [...reads.map(() => "read" as const), "read_write"],
  params: 2,
  workgroup: WORKGROUP,
});

/** One thread for each group makes its entry fit its pending words. */
export const realignKernel = (layout: Layout): Kernel =>
  entryKernel({
    name: "aggregate-realign",
    layout,
    body: () => `let at = i * ${layout.stride}u;
  ${emission(layout).realign("S")}`,
  });

/**
 * One workgroup for each group that rows went to makes one entry of the group's own and the partial ones in workgroup memory.
 *
 *     binding: state (read_write) | params: partial entries of each group, groups, groups that rows went to, 1 if their own entries are empty
 */
export const mergeKernel = (layout: Layout): Kernel => {
  const { stride, pending } = layout;
  const wgsl = (): string => {
    const emit = emission(layout);
    const word = (k: number): string => `S[origin + ${k}u]`;
    const each = (text: string): string => `for (var k = lid; k < entries; k += ${WORKGROUP}u) {
    let origin = select((P.y + (k - own) * P.z + target_group) * ${stride}u, target_group * ${stride}u, k < own);
    ${text}
  }`;
    return link(`
@group(0) @binding(0) var<storage, read_write> S: array<u32>;
@group(0) @binding(1) var<uniform> P: vec4<u32>;
var<workgroup> W: array<atomic<u32>, ${stride}>;
${supportWgsl(layout, ["W"])}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let target_group = group_id(wid, nwg);
  if (target_group >= P.z) { return; }
  let own = 1u - P.w;
  let entries = P.x + own;
  let at = 0u;
  ${
    pending
      ? `${each(emit.raiseEntry("W", word, true))}
  workgroupBarrier();`
      : ""
  }
  ${each(emit.addEntry("W", word))}
  workgroupBarrier();
  storageBarrier();
  for (var i = lid; i < ${stride}u; i += ${WORKGROUP}u) { S[target_group * ${stride}u + i] = atomicLoad(&W[i]); }
}`);
  };
  return { name: "aggregate-merge", key: layout.key, wgsl, bindings: ["read_write"], params: 4, workgroup: WORKGROUP };
};

/** One thread for each entry of another state takes it to its group's entry. Raising comes first where slots have pending words. */
export const absorbKernel = (layout: Layout, ids: boolean, step: Step): Kernel =>
  entryKernel({
    name: `aggregate-absorb-${step}`,
    layout,
    reads: ids ? ["E", "ids"] : ["E"],
    body: () => {
      const emit = emission(layout);
      const word = (k: number): string => `E[origin + ${k}u]`;
      return `let to = ${ids ? "ids[i]" : "0u"};
  if (to >= P[0].y) { return; }
  let at = to * ${layout.stride}u;
  let origin = i * ${layout.stride}u;
  var raised = false;
  ${step === "add" ? emit.addEntry("S", word) : emit.raiseEntry("S", word, step === "raise-empty")}`;
    },
  });
