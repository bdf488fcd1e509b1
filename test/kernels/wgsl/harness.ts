/** Evaluates WGSL expressions over rows of test values on the device, and compares the results with a reference, bit for bit. */

import assert from "node:assert/strict";
import { create, globals } from "webgpu";
import { link } from "../../../src/gpu/wgsl/library.ts";

Object.assign(globalThis, globals);

export interface Input {
  readonly name: string;
  /** WGSL type of the variable that an expression sees. */
  readonly type: "u32" | "i32" | "bool" | "vec2<u32>";
  readonly words: Uint32Array;
}

export interface Output {
  /** A WGSL expression over the names of the inputs. */
  readonly wgsl: string;
  readonly type: "u32" | "i32" | "bool" | "vec2<u32>" | "vec4<u32>";
}

/** Words of a row: an i32, u32, f32 bits or bool (0 or 1) is one, vectors are low word first. */
const widthOf = (type: Output["type"]): number => (type === "vec4<u32>" ? 4 : type === "vec2<u32>" ? 2 : 1);
const WORKGROUP = 64;

const load = ({ type }: Input, binding: number): string => {
  if (type === "vec2<u32>") return `vec2<u32>(in_${binding}[2u * row], in_${binding}[2u * row + 1u])`;
  if (type === "i32") return `bitcast<i32>(in_${binding}[row])`;
  return type === "bool" ? `in_${binding}[row] != 0u` : `in_${binding}[row]`;
};

const store = ({ wgsl, type }: Output, base: number): string => {
  const width = widthOf(type);
  if (width > 1) {
    const words = ["x", "y", "z", "w"].slice(0, width);
    return `{ let v = ${wgsl}; ${words.map((word, i) => `out[${base + i}u + ${width}u * row] = v.${word};`).join(" ")} }`;
  }
  return `out[${base}u + row] = ${type === "i32" ? `bitcast<u32>(${wgsl})` : `u32(${wgsl})`};`;
};

/** A device of the default adapter that evaluates expressions; `close` it when done. */
export class Evaluator {
  // The GPU object must outlive the device.
  readonly #gpu: GPU;
  readonly #device: GPUDevice;

  private constructor(gpu: GPU, device: GPUDevice) {
    this.#gpu = gpu;
    this.#device = device;
  }

  static async open(): Promise<Evaluator> {
    const gpu = create([]);
    const adapter = await gpu.requestAdapter();
    assert.ok(adapter, "no WebGPU adapter");
    const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
    const requiredLimits = { maxStorageBufferBindingSize, maxBufferSize };
    return new Evaluator(gpu, await adapter.requestDevice({ requiredLimits }));
  }

  close(): void {
    this.#device.destroy();
    assert.ok(this.#gpu);
  }

  /**
   * One array of words for each output; `functions` is WGSL that the outputs call.
   *
   *     in_0 .. in_k  one buffer an input, 1 or 2 words a row      out  [ output 0: rows x width ][ output 1 ] ...
   *     workgroup     64 rows, a thread each; workgroups folded into y
   */
  async evaluate(rows: number, inputs: readonly Input[], outputs: readonly Output[], functions = ""): Promise<readonly Uint32Array[]> {
    const device = this.#device;
    const bases: number[] = [];
    let words = 0;
    for (const output of outputs) {
      bases.push(words);
      words += rows * widthOf(output.type);
    }
    const code = link(`
${functions}
${inputs.map((_, i) => `@group(0) @binding(${i}) var<storage, read> in_${i}: array<u32>;`).join("\n")}
@group(0) @binding(${inputs.length}) var<storage, read_write> out: array<u32>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (row >= ${rows}u) { return; }
${inputs.map((input, i) => `  let ${input.name} = ${load(input, i)};`).join("\n")}
${outputs.map((output, i) => `  ${store(output, bases[i] ?? 0)}`).join("\n")}
}`);
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code });
    const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
    const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const uploads = inputs.map((input) => {
      const buffer = device.createBuffer({ size: input.words.byteLength, usage: STORAGE | COPY_DST });
      device.queue.writeBuffer(buffer, 0, new Uint32Array(input.words));
      return buffer;
    });
    const size = words * 4;
    const result = device.createBuffer({ size, usage: STORAGE | COPY_SRC });
    const staging = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    const entries = [...uploads, result].map((buffer, binding) => ({ binding, resource: { buffer } }));
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    const workgroups = Math.ceil(rows / WORKGROUP);
    const wide = Math.min(workgroups, 65_535);
    pass.dispatchWorkgroups(wide, Math.ceil(workgroups / wide));
    pass.end();
    encoder.copyBufferToBuffer(result, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const all = new Uint32Array(staging.getMappedRange().slice(0));
    for (const buffer of [...uploads, result, staging]) buffer.destroy();
    const error = await device.popErrorScope();
    assert.equal(error?.message, undefined);
    return outputs.map((output, i) => all.subarray(bases[i], (bases[i] ?? 0) + rows * widthOf(output.type)));
  }
}

const hex = (words: Uint32Array, row: number, width: number): string =>
  `0x${[...words.subarray(row * width, row * width + width)]
    .reverse()
    .map((word) => word.toString(16).padStart(8, "0"))
    .join("_")}`;

/** Fails with the first rows whose words differ; `where`, if given, leaves out rows of 0. */
export const assertSameWords = (
  what: string,
  actual: Uint32Array,
  expected: Uint32Array,
  inputs: readonly Input[],
  where?: Uint8Array | Uint32Array,
): void => {
  assert.equal(actual.length, expected.length, `${what}: length`);
  const rows = (inputs[0]?.words.length ?? 0) / widthOf(inputs[0]?.type ?? "u32");
  const width = actual.length / rows;
  const wrong: string[] = [];
  let count = 0;
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] === expected[i]) continue;
    const row = Math.floor(i / width);
    if (where !== undefined && where[row] === 0) continue;
    count++;
    if (wrong.length < 8) {
      const operands = inputs.map((input) => `${input.name} = ${hex(input.words, row, widthOf(input.type))}`);
      wrong.push(`  row ${row}: ${operands.join(", ")}: got ${hex(actual, row, width)}, expected ${hex(expected, row, width)}`);
    }
  }
  assert.equal(count, 0, `${what}: ${count} words differ\n${wrong.join("\n")}`);
};
