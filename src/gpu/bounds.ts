/** Checks of what a caller names, made when it is recorded: WebGPU would report it later, without saying whose fault it was. */

import { InternalError } from "../errors.ts";
import type { DeviceLimits } from "./adapter.ts";
import { type DeviceBuffer, PooledBuffer, type Window } from "./buffers.ts";
import type { Binding, Kernel, Launch } from "./kernel.ts";

/** The buffer as its pool knows it. @throws InternalError */
export const pooled = (buffer: DeviceBuffer): PooledBuffer => {
  if (buffer instanceof PooledBuffer) return buffer;
  throw new InternalError("a buffer that no device made");
};

/** The GPUBuffer of `buffer`. @throws InternalError unless `words` words from `word` on are inside of it. */
export const inside = (buffer: DeviceBuffer, word: number, words: number): GPUBuffer => {
  const { block, label, words: usable } = pooled(buffer);
  if (Number.isInteger(word) && Number.isInteger(words) && word >= 0 && words >= 0 && word + words <= usable) return block.gpu;
  throw new InternalError(`words ${word} .. ${word + words} of buffer "${label}" of ${usable} words`);
};

/** What the launch binds. @throws InternalError when it does not fit its kernel, its buffers or the limits. */
export const checkLaunch = ({ kernel, bindings, params, workgroups }: Launch, limits: DeviceLimits): Window[] => {
  if (bindings.length !== kernel.bindings.length) fail(kernel, `${bindings.length} bindings for ${kernel.bindings.length}`);
  if (bindings.length > limits.storageBuffers) fail(kernel, `${bindings.length} storage buffers, the device has ${limits.storageBuffers}`);
  if (params.length > kernel.params) fail(kernel, `${params.length} parameters for ${kernel.params}`);
  if (!Number.isInteger(workgroups) || workgroups < 0 || workgroups > 0xffffffff) fail(kernel, `${workgroups} workgroups`);
  if (kernel.workgroup > limits.invocations) fail(kernel, `${kernel.workgroup} invocations, the device has ${limits.invocations}`);
  return bindings.map((binding) => {
    const window = binding instanceof PooledBuffer ? binding.window : windowOf(kernel, binding);
    if (window.size > limits.bindingBytes) fail(kernel, `a binding of ${window.size} bytes, the device binds ${limits.bindingBytes}`);
    return window;
  });
};

const fail = (kernel: Kernel, reason: string): never => {
  throw new InternalError(`kernel ${kernel.name}: ${reason}`);
};

const windowOf = (kernel: Kernel, binding: Binding): Window => {
  if (!("buffer" in binding)) return pooled(binding).window;
  const { buffer, offset, size } = binding;
  const { block, label, words } = pooled(buffer);
  if (offset % 256 !== 0 || size % 4 !== 0 || size <= 0 || offset < 0 || offset + size > words * 4)
    fail(kernel, `window ${offset} + ${size} of buffer "${label}" of ${words * 4} bytes`);
  return { block, offset, size };
};
