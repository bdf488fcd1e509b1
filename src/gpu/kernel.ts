/** A kernel is a record with two clocks: `key` + `wgsl` + `bindings` decide the pipeline (compiled once), a `Launch` is one run of it. */

import type { DeviceBuffer } from "./buffers.ts";

export type Access = "read" | "read_write";

/**
 * WGSL contract. Storage buffers are `@group(0) @binding(i) var<storage, ACCESS> NAME: array<u32>` (or array<atomic<u32>>) in the
 * order of `bindings`; the launch's parameters are `@group(0) @binding(bindings.length) var<uniform> P: array<vec4<u32>, N>` with
 * N = ceil(params / 4), absent when `params` is 0. The entry point is `main`, workgroup size `workgroup` x 1 x 1. Dispatches
 * of more than 65,535 workgroups are folded into y: use `group_id(wid, nwg)` of the prelude (wid.x + wid.y * nwg.x) and
 * check bounds.
 */
export interface Kernel {
  /** Human name, kebab-case, for traces: `radix-scatter`. */
  readonly name: string;
  /** Everything that decides the WGSL, as text: the pipeline cache's key. */
  readonly key: string;
  /** Makes the WGSL; called once for each key. */
  readonly wgsl: () => string;
  readonly bindings: readonly Access[];
  /** u32 words of uniform parameters. */
  readonly params: number;
  readonly workgroup: number;
}

/** A whole buffer, or a window of it (byte offset a multiple of 256). The same buffer may not be bound both read and read_write. */
export type Binding = DeviceBuffer | { readonly buffer: DeviceBuffer; readonly offset: number; readonly size: number };

export interface Launch {
  readonly kernel: Kernel;
  readonly bindings: readonly Binding[];
  /** Not to be changed afterwards. */
  readonly params: ArrayLike<number>;
  readonly workgroups: number;
}
