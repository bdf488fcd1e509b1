/** Compiles kernels: asynchronously, several at a time, once for each key. */

import { DeviceError } from "../errors.ts";
import type { Access, Kernel } from "./kernel.ts";

const COMPUTE = 0x4;

/** A kernel on its way to a pipeline. `pipeline` is null until `ready` resolves; `failure` says why it will stay null. */
export interface CompiledKernel {
  readonly layout: GPUBindGroupLayout;
  /** Equal for kernels that share `layout`. */
  readonly layoutId: number;
  /** Bytes of the uniform parameters, 0 without any. */
  readonly paramBytes: number;
  readonly ready: Promise<void>;
  readonly pipeline: GPUComputePipeline | null;
  readonly failure: DeviceError | null;
}

interface Layouts {
  readonly id: number;
  readonly group: GPUBindGroupLayout;
  readonly pipeline: GPUPipelineLayout;
}

export class PipelineCache {
  readonly #device: GPUDevice;
  /** By name, then by key: a key is long, and putting both together would copy it for every launch. */
  readonly #compiled = new Map<string, Map<string, CompiledKernel>>();
  #size = 0;
  readonly #layouts = new Map<string, Layouts>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Pipelines made so far. */
  get size(): number {
    return this.#size;
  }

  /** Starts the compilation at the first call for a kernel. */
  get(kernel: Kernel): CompiledKernel {
    const { name, key } = kernel;
    const named = this.#compiled.get(name) ?? new Map<string, CompiledKernel>();
    const known = named.get(key);
    if (known !== undefined) return known;
    const made = this.#compile(kernel);
    this.#compiled.set(name, named.set(key, made));
    this.#size += 1;
    // What failed may have failed for want of memory: who asks again gets another attempt.
    void made.ready.then(() => {
      if (made.failure !== null && named.delete(key)) this.#size -= 1;
    });
    return made;
  }

  #compile(kernel: Kernel): CompiledKernel {
    const paramBytes = Math.ceil(kernel.params / 4) * 16;
    const { id, group, pipeline: layout } = this.#layout(kernel.bindings, paramBytes);
    const code = kernel.wgsl();
    this.#device.pushErrorScope("validation");
    const module = this.#device.createShaderModule({ label: kernel.name, code });
    const invalid = this.#device.popErrorScope().catch(() => null);
    const state: {
      layout: GPUBindGroupLayout;
      layoutId: number;
      paramBytes: number;
      ready: Promise<void>;
      pipeline: GPUComputePipeline | null;
      failure: DeviceError | null;
    } = {
      layout: group,
      layoutId: id,
      paramBytes,
      ready: Promise.resolve(),
      pipeline: null,
      failure: null,
    };
    state.ready = this.#device.createComputePipelineAsync({ label: kernel.name, layout, compute: { module, entryPoint: "main" } }).then(
      async (pipeline) => {
        await invalid;
        state.pipeline = pipeline;
      },
      async (error: unknown) => {
        const shader = await invalid;
        const reason = shader?.message ?? (error instanceof Error ? error.message : String(error));
        state.failure = new DeviceError(`kernel ${kernel.name} does not compile: ${reason}`);
      },
    );
    return state;
  }

  #layout(bindings: readonly Access[], paramBytes: number): Layouts {
    const key = `${bindings.join()};${paramBytes}`;
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
    const entries: GPUBindGroupLayoutEntry[] = bindings.map((access, binding) => ({
      binding,
      visibility: COMPUTE,
      buffer: { type: access === "read" ? "read-only-storage" : "storage" },
    }));
    if (paramBytes > 0)
      entries.push({ binding: bindings.length, visibility: COMPUTE, buffer: { type: "uniform", hasDynamicOffset: true } });
    const group = this.#device.createBindGroupLayout({ entries });
    const made = { id: this.#layouts.size, group, pipeline: this.#device.createPipelineLayout({ bindGroupLayouts: [group] }) };
    this.#layouts.set(key, made);
    return made;
  }
}
