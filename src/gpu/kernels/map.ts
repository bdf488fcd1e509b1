/** Writes the outputs of a row program as columns, or a predicate as a bitmap, in one dispatch. */

import { InternalError } from "../../errors.ts";
import type { DType } from "../../ir/dtype.ts";
import { storageOf } from "../../ir/dtype.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Column } from "../column.ts";
import { bitmapWords, columnWords, valueWords } from "../column.ts";
import type { Compiled } from "../compile/compile.ts";
import type { Device } from "../device.ts";
import type { Dictionary } from "../dictionary.ts";
import type { Kernel } from "../kernel.ts";
import type { RowProgram } from "../row-program.ts";
import { link } from "../wgsl/library.ts";
import { MARKED_BLOCK, type MarkedBlocks } from "./compact.ts";

const WORKGROUP = 256;

interface Target {
  readonly dtype: DType;
  readonly dictionary: Dictionary | null;
  readonly nullable: boolean;
}

/**
 * One thread for each row, 256 rows for each workgroup, so that a workgroup owns 8 whole words of every bitmap.
 *
 *     bindings: program columns (read) | outputs (read_write): [values][validity]
 *     params:   program args | validity offset of each output
 *
 * Bits are collected in workgroup memory (one atomic word for 32 rows) and written after a barrier.
 */
function mapKernel({ program }: Compiled, outputs: readonly number[], targets: readonly Target[]): Kernel {
  return {
    name: "map",
    key: `map(${outputs.join(",")};${targets.map((t) => `${storageOf(t.dtype)}${t.nullable ? "?" : ""}`).join(",")};${program.key})`,
    wgsl: () => link(mapText(program, outputs, targets)),
    bindings: [...program.columns.map(() => "read" as const), ...targets.map(() => "read_write" as const)],
    params: program.argWords + targets.length,
    workgroup: WORKGROUP,
  };
}

function mapText(program: RowProgram, outputs: readonly number[], targets: readonly Target[]): string {
  const first = program.columns.length;
  const bitmaps = targets.flatMap((t, i) => [
    ...(storageOf(t.dtype) === "bits" ? [{ i, part: "value" }] : []),
    ...(t.nullable ? [{ i, part: "ok" }] : []),
  ]);
  const slot = (i: number, part: string) => bitmaps.findIndex((b) => b.i === i && b.part === part);
  const wide = (i: number) => storageOf(targets[i]?.dtype ?? { kind: "Null" }) === "w2";
  const offset = (i: number) => `P[${(program.argWords + i) >> 2}].${"xyzw".charAt((program.argWords + i) & 3)}`;
  const stores = targets.map((t, i) => {
    const o = `r${i}`;
    const lines = [`let ${o} = out_${outputs[i]}(row);`];
    if (storageOf(t.dtype) === "bits")
      lines.push(`if (${o}.v${t.nullable ? ` && ${o}.ok` : ""}) { atomicOr(&bits[${slot(i, "value") * 8}u + word], bit); }`);
    else lines.push(`o${i}[row] = ${program.outputs[outputs[i] ?? 0]?.physical === "i32" ? `bitcast<u32>(${o}.v)` : `${o}.v`};`);
    if (t.nullable) lines.push(`if (${o}.ok) { atomicOr(&bits[${slot(i, "ok") * 8}u + word], bit); }`);
    return lines.join("\n    ");
  });
  const flush = bitmaps.map(({ i, part }, s) => {
    const at = part === "value" ? "0u" : offset(i);
    if (wide(i))
      return `if (lid < 4u && group * 8u + 2u * lid < ((P[0].x + 31u) >> 5u)) { o${i}[(${at} >> 1u) + group * 4u + lid] = vec2<u32>(atomicLoad(&bits[${s * 8}u + 2u * lid]), atomicLoad(&bits[${s * 8}u + 2u * lid + 1u])); }`;
    return `if (lid < 8u && group * 8u + lid < ((P[0].x + 31u) >> 5u)) { o${i}[${at} + group * 8u + lid] = atomicLoad(&bits[${s * 8}u + lid]); }`;
  });
  return `
${program.wgsl}
${targets.map((_, i) => `@group(0) @binding(${first + i}) var<storage, read_write> o${i}: array<${wide(i) ? "vec2<u32>" : "u32"}>;`).join("\n")}
@group(0) @binding(${first + targets.length}) var<uniform> P: array<vec4<u32>, ${Math.ceil((program.argWords + targets.length) / 4)}>;
${bitmaps.length > 0 ? `var<workgroup> bits: array<atomic<u32>, ${bitmaps.length * 8}>;` : ""}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let group = group_id(wid, nwg);
  let row = group * ${WORKGROUP}u + lid;
  ${bitmaps.length > 0 ? "let word = lid >> 5u;\n  let bit = 1u << (lid & 31u);" : ""}
  if (row < P[0].x) {
    ${stores.join("\n    ")}
  }
  ${bitmaps.length > 0 ? `workgroupBarrier();\n  ${flush.join("\n  ")}` : ""}
}`;
}

/** Runs the program for `rows` rows and returns its outputs `from .. to` as columns owned by the caller. */
export function map(device: Device, compiled: Compiled, rows: number, from = 0, to = compiled.outputs.length): readonly Column[] {
  const outputs = Array.from({ length: to - from }, (_, i) => from + i);
  const targets = outputs.map((k): Target => {
    const output = compiled.outputs[k];
    const value = compiled.program.outputs[k];
    if (output === undefined || value === undefined) throw new InternalError(`the program has no output ${k}`);
    return { ...output, nullable: value.nullable };
  });
  const columns = targets.map((t): Column => {
    const buffer = device.alloc(columnWords(t.dtype, rows, t.nullable), "map");
    return {
      dtype: t.dtype,
      length: rows,
      buffer,
      validityOffset: t.nullable ? valueWords(t.dtype, rows) : null,
      dictionary: t.dictionary,
    };
  });
  if (rows > 0) {
    device.launch({
      kernel: mapKernel(compiled, outputs, targets),
      bindings: [...compiled.program.columns.map((c) => c.buffer), ...columns.map((c) => c.buffer)],
      params: [...compiled.program.args, ...columns.map((c) => c.validityOffset ?? 0)],
      workgroups: Math.ceil(rows / WORKGROUP),
    });
  }
  return columns;
}

/**
 * One thread for each row, or for a row of each 256 of a block: its bits are collected in workgroup memory and counted there.
 *
 *     bindings: program columns (read) | bitmap (read_write) | marked rows of each block (read_write), where they are counted
 *     params:   program args
 */
const maskKernel = ({ program }: Compiled, output: number, counted: boolean): Kernel => ({
  name: "mask",
  key: `mask(${output};${counted};${program.key})`,
  wgsl: () => link(maskText(program, output, counted)),
  bindings: [...program.columns.map(() => "read" as const), "read_write", ...(counted ? (["read_write"] as const) : [])],
  params: program.argWords,
  workgroup: WORKGROUP,
});

function maskText(program: RowProgram, output: number, counted: boolean): string {
  const at = program.columns.length;
  const block = counted ? MARKED_BLOCK : WORKGROUP;
  return `
${program.wgsl}
@group(0) @binding(${at}) var<storage, read_write> rowsKept: array<u32>;
${counted ? `@group(0) @binding(${at + 1}) var<storage, read_write> counts: array<u32>;\nvar<workgroup> marked: atomic<u32>;` : ""}
@group(0) @binding(${at + (counted ? 2 : 1)}) var<uniform> P: array<vec4<u32>, ${program.argWords / 4}>;
var<workgroup> bits: array<atomic<u32>, ${block / 32}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let group = group_id(wid, nwg);
  let first = group * ${block}u;
  for (var own = lid; own < ${block}u; own += ${WORKGROUP}u) {
    if (first + own < P[0].x) {
      let r = out_${output}(first + own);
      if (r.v && r.ok) { atomicOr(&bits[own >> 5u], 1u << (lid & 31u)); }
    }
  }
  workgroupBarrier();
  let word = (first >> 5u) + lid;
  if (lid < ${block / 32}u && word < ((P[0].x + 31u) >> 5u)) {
    let kept = atomicLoad(&bits[lid]);
    rowsKept[word] = kept;
    ${counted ? "atomicAdd(&marked, countOneBits(kept));" : ""}
  }
  ${counted ? "workgroupBarrier();\n  if (lid == 0u && first < P[0].x) { counts[group] = atomicLoad(&marked); }" : ""}
}`;
}

/** The rows for which the boolean output `output` is true and not null, as a bitmap; bits beyond `rows` are 0. */
export function mask(device: Device, compiled: Compiled, rows: number, output = 0): DeviceBuffer {
  const bits = maskBuffer(device, rows);
  launchMask(device, compiled, rows, output, bits, null);
  return bits;
}

/** As `mask`, with the rows of each block counted in the same dispatch: for those that are brought together. */
export function markedBlocks(device: Device, compiled: Compiled, rows: number): MarkedBlocks {
  const bits = maskBuffer(device, rows);
  const counts = device.alloc(Math.ceil(rows / MARKED_BLOCK), "mask counts");
  launchMask(device, compiled, rows, 0, bits, counts);
  return { bits, counts, rows };
}

const maskBuffer = (device: Device, rows: number): DeviceBuffer => device.alloc(Math.max(4, bitmapWords(rows)), "mask");

const launchMask = (
  device: Device,
  compiled: Compiled,
  rows: number,
  output: number,
  bits: DeviceBuffer,
  counts: DeviceBuffer | null,
): void => {
  const { columns, args } = compiled.program;
  device.launch({
    kernel: maskKernel(compiled, output, counts !== null),
    bindings: [...columns.map((c) => c.buffer), bits, ...(counts === null ? [] : [counts])],
    params: args,
    workgroups: Math.ceil(rows / (counts === null ? WORKGROUP : MARKED_BLOCK)),
  });
};
