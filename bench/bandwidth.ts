/** How fast the adapter moves device memory through WebGPU: the yardstick for every kernel of the benchmark. */
import { create } from "webgpu";

export interface Bandwidth {
  readonly adapter: string;
  /** GB/s of a kernel that copies one buffer to another, bytes read plus bytes written. */
  readonly copy: number;
  /** GB/s of a kernel that reads a buffer once and adds it up. */
  readonly read: number;
}

const usualBytes = 1 << 30;
const rounds = 5;
/** One measurement lasts about this long, so that submitting it does not count. */
const targetMs = 20;
const mostRepeats = 64;
const groups = 4096;

/**
 * data: [v0 v1 v2 ... ]          words, 4 to a vector
 *        ^ invocation 0 reads v0, v0 + all, ...; neighbours read neighbours. 4096 workgroups x 256 invocations.
 * sums: one word for each invocation, so that no read can be left out.
 */
const code = `
@group(0) @binding(0) var<storage, read_write> data: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> sums: array<u32>;
const all = ${groups * 256}u;
@compute @workgroup_size(256) fn fill(@builtin(global_invocation_id) id: vec3<u32>) {
  for (var i = id.x; i < arrayLength(&data); i += all) { data[i] = vec4(i, i * 0x9e3779b9u, i ^ 0x5bd1e995u, ~i) * 0x85ebca6bu; }
}
@compute @workgroup_size(256) fn add(@builtin(global_invocation_id) id: vec3<u32>) {
  var sum = vec4<u32>();
  for (var i = id.x; i < arrayLength(&data); i += all) { sum += data[i]; }
  sums[id.x] = sum.x ^ sum.y ^ sum.z ^ sum.w;
}
@group(0) @binding(2) var<storage, read_write> copied: array<vec4<u32>>;
@compute @workgroup_size(256) fn copy(@builtin(global_invocation_id) id: vec3<u32>) {
  for (var i = id.x; i < arrayLength(&data); i += all) { copied[i] = data[i]; }
}`;

/** Best of several measurements over buffers of at most `bytes`, which hold no zeros; null without an adapter. */
export async function measureBandwidth(bytes = usualBytes): Promise<Bandwidth | null> {
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) return null;
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const size = Math.floor(Math.min(bytes, maxBufferSize, maxStorageBufferBindingSize) / 256) * 256;
  const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize: size, maxStorageBufferBindingSize: size } });
  const usage = 0x80 | 0x4 | 0x8; // STORAGE | COPY_SRC | COPY_DST
  const [from, to] = [device.createBuffer({ size, usage }), device.createBuffer({ size, usage })];
  const sums = device.createBuffer({ size: groups * 256 * 4, usage });
  const module = device.createShaderModule({ code });
  const layout = device.createBindGroupLayout({
    entries: [0, 1, 2].map((binding) => ({ binding, visibility: 0x4, buffer: { type: "storage" as const } })),
  });
  const pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [layout] });
  const dispatch = (entryPoint: string) => {
    const pipeline = device.createComputePipeline({ layout: pipelineLayout, compute: { module, entryPoint } });
    const entries = [from, sums, to].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = device.createBindGroup({ layout, entries });
    return (encoder: GPUCommandEncoder): void => {
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(groups);
      pass.end();
    };
  };
  const run = async (work: (encoder: GPUCommandEncoder) => void, repeats: number): Promise<number> => {
    const encoder = device.createCommandEncoder();
    for (let i = 0; i < repeats; i++) work(encoder);
    const commands = encoder.finish();
    const start = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - start;
  };
  const best = async (work: (encoder: GPUCommandEncoder) => void): Promise<number> => {
    await run(work, 1);
    const repeats = Math.max(1, Math.min(mostRepeats, Math.ceil(targetMs / (await run(work, 1)))));
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round++) least = Math.min(least, (await run(work, repeats)) / repeats);
    return least;
  };
  await run(dispatch("fill"), 1);
  const copyMs = await best(dispatch("copy"));
  const readMs = await best(dispatch("add"));
  device.destroy();
  const { description, vendor, device: name } = adapter.info;
  return { adapter: description || `${vendor} ${name}`, copy: (2 * size) / copyMs / 1e6, read: size / readMs / 1e6 };
}
