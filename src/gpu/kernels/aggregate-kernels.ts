/** The dispatches of aggregation over rows: into registers, workgroup memory or device memory. */

import type { Access, Kernel } from "../kernel.ts";
import type { RowProgram } from "../row-program.ts";
import { link } from "../wgsl/library.ts";
import { emission, supportWgsl } from "./aggregate-emit.ts";
import type { Memory } from "./aggregate-slot-text.ts";
import type { Layout } from "./aggregate-slots.ts";

export const WORKGROUP = 256;

/** Words of workgroup memory for entries: WebGPU's guaranteed 16 KiB less room for a flag. */
export const SHARED_WORDS = 4064;

/** How the kernel for few groups is laid out on a device. */
export interface SharedShape {
  /** Words of workgroup memory for entries. */
  readonly words: number;
  /** Entries of each group in a workgroup: a power of two, 0 if the groups do not fit. */
  readonly replicas: number;
  /** Rows that a thread takes in a round: loads of one hide behind the others. */
  readonly roundRows: number;
}

/** Odd, so that entries that lie side by side start in different banks. */
export const sharedStride = (layout: Layout): number => layout.stride | 1;

/** What of a batch decides a kernel over rows. */
export interface RowSource {
  readonly program: RowProgram;
  readonly ids: boolean;
  readonly mask: number | null;
}

/**
 * Family words behind the program's arguments, in two vec4:
 * rows, groups, number of the first row, threads in the dispatch | groups that rows go to, replicas, rounds of the loop, first entry that
 * workgroups write.
 */
export const ROW_PARAMS = 8;

interface RowKernel {
  readonly name: string;
  /** What decides the WGSL besides source and layout. */
  readonly variant?: string;
  readonly source: RowSource;
  readonly layout: Layout;
  readonly memories: readonly Memory[];
  /** Made for kernels that are compiled alone. */
  readonly text: (emit: Emission) => { readonly declarations?: string; readonly body: string };
}

/** bindings: program columns (read) | ids, one word for each row (read, if any) | state (read_write) */
const rowKernel = ({ name, variant, source, layout, memories, text }: RowKernel): Kernel => {
  const { program, ids, mask } = source;
  const first = program.columns.length;
  const words = program.argWords / 4;
  const bindings: readonly Access[] = [...program.columns.map(() => "read" as const), ...(ids ? (["read"] as const) : []), "read_write"];
  const wgsl = () => {
    const { declarations, body } = text(emission(layout));
    return link(`
${program.wgsl}
${ids ? `@group(0) @binding(${first}) var<storage, read> ids: array<u32>;` : ""}
@group(0) @binding(${bindings.length - 1}) var<storage, read_write> S: array<atomic<u32>>;
@group(0) @binding(${bindings.length}) var<uniform> P: array<vec4<u32>, ${words + 2}>;
${supportWgsl(layout, memories)}
fn takes_part(row: u32) -> bool {
  ${ids ? `if (ids[row] >= P[${words}].y) { return false; }` : ""}
  ${mask === null ? "return true;" : `let kept = out_${mask}(row);\n  return kept.v && kept.ok;`}
}
${declarations ?? ""}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let group = group_id(wid, nwg);
  let rows = P[${words}].x;
  let groups = P[${words}].y;
  let base = P[${words}].z;
  let threads = P[${words}].w;
  let targets = P[${words + 1}].x;
  let replicas = P[${words + 1}].y;
  let rounds = P[${words + 1}].z;
  let written = P[${words + 1}].w;
  ${body}
}`);
  };
  return {
    name,
    key: `${variant ?? ""};${ids ? "ids" : ""};${mask ?? ""};${layout.key};${program.key}`,
    wgsl,
    bindings,
    params: program.argWords + ROW_PARAMS,
    workgroup: WORKGROUP,
  };
};

const load = (layout: Layout): string => layout.inputs.map((k) => `let v${k} = out_${k}(row);`).join("\n    ");

type Emission = ReturnType<typeof emission>;

/** Word i of the entry in workgroup memory that starts at `origin`. */
const atOrigin = (i: number): string => `atomicLoad(&W[origin + ${i}u])`;

/** `realign_entry`, where entries have pending words. */
const realignEntry = (emit: Emission, layout: Layout): string =>
  layout.pending ? `fn realign_entry(at: u32, nwg: vec3<u32>) {\n    ${emit.realign("W")}\n}` : "";

/** Adds the replicas of each of the `targets` entries in workgroup memory to its first one. */
const joinReplicas = (emit: Emission, layout: Layout): string => {
  const stride = sharedStride(layout);
  return `${
    layout.pending
      ? `for (var e = lid; e < targets * replicas; e += ${WORKGROUP}u) {
    let origin = e * ${stride}u;
    let at = e / replicas * replicas * ${stride}u;
    var raised = false;
    ${emit.raiseEntry("W", atOrigin, false)}
  }
  workgroupBarrier();
  for (var g = lid; g < targets; g += ${WORKGROUP}u) { realign_entry(g * replicas * ${stride}u, nwg); }
  workgroupBarrier();`
      : ""
  }
  for (var e = lid; e < targets * replicas; e += ${WORKGROUP}u) {
    let origin = e * ${stride}u;
    let at = e / replicas * replicas * ${stride}u;
    if (at != origin) {
    ${emit.addEntry("W", atOrigin)}
    }
  }
  workgroupBarrier();`;
};

/**
 * Everything goes to group 0. Each thread strides over the rows with its entry in registers; the 256 entries of a workgroup meet in
 * `replicas` (a power of two) entries in workgroup memory, so that fewer of them wait for one another, and those in the first. Workgroup w
 * writes entry `written + w` of the state.
 *
 *     registers (256 x stride) -> W (replicas x sharedStride) -> S[(written + w) * stride ..]
 */
export function privateKernel(source: RowSource, layout: Layout, replicas: number): Kernel {
  const stride = sharedStride(layout);
  const register = (i: number): string => `r${i}`;
  return rowKernel({
    name: "aggregate-all",
    variant: `${replicas}`,
    source,
    layout,
    memories: ["W"],
    text: (emit) => ({
      declarations: `var<workgroup> W: array<atomic<u32>, ${stride * replicas}>;
${replicas > 1 ? realignEntry(emit, layout) : ""}`,
      body: `
  ${emit.registers}
  for (var row = group * ${WORKGROUP}u + lid; row < rows; row += threads) {
    if (!takes_part(row)) { continue; }
    let number = base + row;
    ${load(layout)}
    ${emit.fold}
  }
  ${emit.settle}
  {
    let at = (lid & (replicas - 1u)) * ${stride}u;
    ${
      layout.pending
        ? `${emit.raiseEntry("W", register, true)}
    workgroupBarrier();`
        : ""
    }
    ${emit.addEntry("W", register)}
  }
  workgroupBarrier();
  ${replicas > 1 ? joinReplicas(emit, layout) : ""}
  for (var i = lid; i < ${layout.stride}u; i += ${WORKGROUP}u) { atomicStore(&S[(written + group) * ${layout.stride}u + i], atomicLoad(&W[i])); }`,
    }),
  });
}

/**
 * Few groups: every workgroup has `replicas` (a power of two) entries of each group in workgroup memory; lanes spread over the replicas.
 * A round takes `roundRows` rows for each thread: pending words are raised, entries realigned if any was, then rows are added. In the
 * end replicas are added to the first one, and workgroup w writes entry `written + w * targets + g` of the state.
 *
 *     rows -> W[(id * replicas + lane % replicas) * sharedStride ..] -> W[id * replicas * sharedStride ..] -> S[(written + ..) * stride ..]
 */
export function sharedKernel(source: RowSource, layout: Layout, { words, replicas, roundRows }: SharedShape): Kernel {
  const stride = sharedStride(layout);
  const parameters = layout.inputs.map((k) => `, v${k}: Out_${k}`).join("");
  const values = (j: number): string => layout.inputs.map((k) => `, v${k}_${j}`).join("");
  const each = (text: (j: number) => string): string => Array.from({ length: roundRows }, (_, j) => text(j)).join("\n    ");
  return rowKernel({
    name: "aggregate-few",
    variant: `${words},${roundRows}${replicas > 1 ? ",replicas" : ""}`,
    source,
    layout,
    memories: ["W"],
    text: (emit) => ({
      declarations: `var<workgroup> W: array<atomic<u32>, ${words}>;
${layout.pending ? "var<workgroup> dirty: u32;" : ""}
fn raise_row(at: u32, number: u32${parameters}) -> bool {
    var raised = false;
    ${emit.raise("W", false)}
    return raised;
}
fn add_row(at: u32, number: u32${parameters}) {
    ${emit.add("W")}
}
${realignEntry(emit, layout)}`,
      body: `
  let lane = lid & (replicas - 1u);
  for (var round = 0u; round < rounds; round++) {
    ${each(
      (j) => `let row${j} = (round * ${roundRows}u + ${j}u) * threads + group * ${WORKGROUP}u + lid;
    var live${j} = false;
    if (row${j} < rows) { live${j} = takes_part(row${j}); }
    var at${j} = 0u;
    ${layout.inputs.map((k) => `var v${k}_${j}: Out_${k};`).join(" ")}
    if (live${j}) {
      at${j} = (${source.ids ? `ids[row${j}]` : "0u"} * replicas + lane) * ${stride}u;
      ${layout.inputs.map((k) => `v${k}_${j} = out_${k}(row${j});`).join("\n      ")}
    }`,
    )}
    ${
      layout.pending
        ? `var raised = false;
    ${each((j) => `if (live${j}) { raised = raise_row(at${j}, base + row${j}${values(j)}) || raised; }`)}
    if (raised) { dirty = 1u; }
    if (workgroupUniformLoad(&dirty) != 0u) {
      for (var e = lid; e < targets * replicas; e += ${WORKGROUP}u) { realign_entry(e * ${stride}u, nwg); }
      if (lid == 0u) { dirty = 0u; }
      workgroupBarrier();
    }`
        : ""
    }
    ${each((j) => `if (live${j}) { add_row(at${j}, base + row${j}${values(j)}); }`)}
  }
  workgroupBarrier();
  ${replicas > 1 ? joinReplicas(emit, layout) : ""}
  for (var g = lid; g < targets; g += ${WORKGROUP}u) {
    let origin = g * replicas * ${stride}u;
    let to = (written + group * targets + g) * ${layout.stride}u;
    for (var i = 0u; i < rolled(${layout.stride}u, nwg); i++) { atomicStore(&S[to + i], atomicLoad(&W[origin + i])); }
  }`,
    }),
  });
}

/** What is done with rows or entries: pending words are raised, at once with the rest of an entry to which nothing was added yet, or they are added. */
export type Step = "raise" | "raise-empty" | "add";

/** Many groups: each thread takes one row to its group's entry in device memory. Raising comes first where slots have pending words. */
export function manyKernel(source: RowSource, layout: Layout, step: Step): Kernel {
  return rowKernel({
    name: `aggregate-many-${step}`,
    source,
    layout,
    memories: ["S"],
    text: (emit) => ({
      body: `
  let row = group * ${WORKGROUP}u + lid;
  if (row >= rows || !takes_part(row)) { return; }
  let number = base + row;
  let at = ${source.ids ? "ids[row]" : "0u"} * ${layout.stride}u;
  ${load(layout)}
  var raised = false;
  ${step === "add" ? emit.add("S") : emit.raise("S", step === "raise-empty")}`,
    }),
  });
}
