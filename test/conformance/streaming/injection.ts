/** Failures at chosen moments of a query: methods of the device layer are replaced while it runs, so that the package has no hook of its own. */

import { mock } from "node:test";
import { globals } from "webgpu";
import { OutOfDeviceMemoryError } from "../../../src/errors.ts";
import { ScratchFolder } from "../../../src/fallback/scratch-folder.ts";
import { BufferPool } from "../../../src/gpu/buffers.ts";
import { ReadbackPool } from "../../../src/gpu/staging.ts";

/** Puts the method back. */
type Restore = () => void;
/** Whether something is to happen at call number `call`, from 0. */
export type Which = (call: number) => boolean;

export const only =
  (at: number): Which =>
  (call) =>
    call === at;
export const from =
  (at: number): Which =>
  (call) =>
    call >= at;

/** A way to fail at some of the calls of a method. */
export type Injection = (which: Which) => Restore;

/** Device memory is refused at once. */
export const refusedMemory: Injection = (which) => {
  const { alloc } = BufferPool.prototype;
  let calls = 0;
  const { mock: replaced } = mock.method(BufferPool.prototype, "alloc", function (this: BufferPool, words: number, label: string) {
    if (which(calls++)) throw new OutOfDeviceMemoryError(`injected for "${label}"`);
    return Reflect.apply(alloc, this, [words, label]);
  });
  return () => replaced.restore();
};

const { GPUDevice, GPUOutOfMemoryError, GPUUncapturedErrorEvent } = globals as Pick<
  typeof globalThis,
  "GPUDevice" | "GPUOutOfMemoryError" | "GPUUncapturedErrorEvent"
>;

/** Something happens when the device is given commands or asked for memory. */
function atCalls(which: Which, happen: (gpu: GPUDevice) => void): Restore {
  const { createBuffer, createCommandEncoder } = GPUDevice.prototype;
  let calls = 0;
  const mocks = [
    mock.method(GPUDevice.prototype, "createBuffer", function (this: GPUDevice, descriptor: GPUBufferDescriptor) {
      if (which(calls++)) happen(this);
      return Reflect.apply(createBuffer, this, [descriptor]);
    }),
    mock.method(GPUDevice.prototype, "createCommandEncoder", function (this: GPUDevice) {
      if (which(calls++)) happen(this);
      return Reflect.apply(createCommandEncoder, this, []);
    }),
  ];
  return () => {
    for (const { mock: replaced } of mocks) replaced.restore();
  };
}

/** The driver says later that there was no memory. */
export const reportedMemory: Injection = (which) =>
  atCalls(which, (gpu) => {
    const error = new GPUOutOfMemoryError("injected by the driver");
    setImmediate(() => gpu.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error })));
  });

/** The device is destroyed under the commands. */
export const lostDevice: Injection = (which) => atCalls(which, (gpu) => gpu.destroy());

/** The kernel that is compiled next, if any, does not compile. */
export const brokenKernel: Injection = (which) =>
  atCalls(which, (gpu) => {
    const { createComputePipelineAsync } = gpu;
    Object.defineProperty(gpu, "createComputePipelineAsync", {
      configurable: true,
      value: () => {
        Object.defineProperty(gpu, "createComputePipelineAsync", { configurable: true, value: createComputePipelineAsync });
        return Promise.reject(new Error("injected kernel"));
      },
    });
  });

/** `happen` is called when the device is given commands. */
export const interrupted =
  (happen: () => void): Injection =>
  (which) =>
    atCalls(which, happen);

/** A result cannot be read back. */
export const rejectedMap: Injection = (which) => {
  const { take } = ReadbackPool.prototype;
  let calls = 0;
  const { mock: replaced } = mock.method(ReadbackPool.prototype, "take", function (this: ReadbackPool, bytes: number) {
    const taken = Reflect.apply(take, this, [bytes]);
    if (which(calls++)) Object.defineProperty(taken.gpu, "mapAsync", { value: () => Promise.reject(new Error("injected map")) });
    return taken;
  });
  return () => replaced.restore();
};

/** Data that leaves the host goes to a file at a path of its own; null: there is no room for files. */
export function spillingTo(path: () => string | null): Restore {
  const { mock: replaced } = mock.method(ScratchFolder.prototype, "path", path);
  return () => replaced.restore();
}
