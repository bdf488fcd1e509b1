/** How fast the adapter copies device memory: the yardstick for every other number of the benchmark. */
import { create } from "webgpu";

const largestBytes = 1 << 28;
const rounds = 10;

/** The adapter's name and GB/s read plus written, best of several copies between two buffers of up to 256 MiB; null without an adapter. */
export async function copyBandwidth(): Promise<{ readonly adapter: string; readonly gigabytesPerSecond: number } | null> {
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) return null;
  const size = Math.min(largestBytes, adapter.limits.maxBufferSize);
  const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize: size } });
  const usage = 0x4 | 0x8; // COPY_SRC | COPY_DST
  const [from, to] = [device.createBuffer({ size, usage }), device.createBuffer({ size, usage })];
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(from, 0, to, 0, size);
    encoder.copyBufferToBuffer(to, 0, from, 0, size);
    const commands = encoder.finish();
    const start = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    best = Math.min(best, performance.now() - start);
  }
  device.destroy();
  const { description, vendor, device: name } = adapter.info;
  return { adapter: description || `${vendor} ${name}`, gigabytesPerSecond: (4 * size) / best / 1e6 };
}
