/** Bind groups by what they show: making one costs more than all else about a dispatch, and the pool hands out the same blocks again and again. */

import type { Block } from "./buffers.ts";
import { collectGarbage } from "./garbage.ts";
import type { CompiledKernel } from "./pipeline-cache.ts";

/** A window of a block, in bytes. */
export interface Window {
  readonly block: Block;
  readonly offset: number;
  readonly size: number;
}

interface KeptBindGroup {
  readonly group: GPUBindGroup;
  /** The ids of the blocks that it shows. */
  readonly blocks: readonly number[];
}

const KEPT = { software: 1024, hardware: 8192 } as const;
/** Bind groups after which a software adapter, which maps memory for each and may make only so many maps, has those that nobody needs collected. */
const COLLECTED = 3000;

export class BindGroups {
  readonly #device: GPUDevice;
  readonly #software: boolean;
  /** The buffer of parameters that every group of a kernel with parameters ends with. */
  readonly #params: GPUBuffer;
  readonly #kept = new Map<string, KeptBindGroup>();
  /** Keys of the kept groups by the id of a block that they show. */
  readonly #keysOfBlock = new Map<number, Set<string>>();
  #made = 0;

  constructor(device: GPUDevice, params: GPUBuffer, software: boolean) {
    this.#device = device;
    this.#params = params;
    this.#software = software;
  }

  /** The group of a kernel over these windows, one for each of its bindings. */
  get({ layout, layoutId, paramBytes }: CompiledKernel, windows: readonly Window[]): GPUBindGroup {
    let key = `${layoutId}`;
    for (const { block, offset, size } of windows) key += ` ${block.id} ${offset} ${size}`;
    const known = this.#kept.get(key);
    if (known !== undefined) return known.group;
    const entries: GPUBindGroupEntry[] = windows.map(({ block, offset, size }, binding) => ({
      binding,
      resource: { buffer: block.gpu, offset, size },
    }));
    if (paramBytes > 0) entries.push({ binding: entries.length, resource: { buffer: this.#params, size: paramBytes } });
    const group = this.#device.createBindGroup({ layout, entries });
    this.#made += 1;
    if (this.#software && this.#made % COLLECTED === 0) collectGarbage();
    this.#keep(
      key,
      group,
      windows.map(({ block }) => block.id),
    );
    return group;
  }

  /** Lets go of the groups that show a block: they would keep what is left of it for as long as they live. */
  forget({ id }: Block): void {
    for (const key of this.#keysOfBlock.get(id) ?? []) {
      const kept = this.#kept.get(key);
      this.#kept.delete(key);
      for (const other of kept?.blocks ?? []) if (other !== id) this.#keysOfBlock.get(other)?.delete(key);
    }
    this.#keysOfBlock.delete(id);
  }

  #keep(key: string, group: GPUBindGroup, blocks: readonly number[]): void {
    if (this.#kept.size >= KEPT[this.#software ? "software" : "hardware"]) {
      this.#kept.clear();
      this.#keysOfBlock.clear();
    }
    this.#kept.set(key, { group, blocks });
    for (const block of blocks) {
      const keys = this.#keysOfBlock.get(block);
      if (keys === undefined) this.#keysOfBlock.set(block, new Set([key]));
      else keys.add(key);
    }
  }
}
