/** Bind groups by what they show: making one costs more than all else about a dispatch, and the pool hands out the same blocks again and again. */

import type { Block, Window } from "./buffers.ts";
import { collectGarbage } from "./garbage.ts";
import type { CompiledKernel } from "./pipeline-cache.ts";

interface KeptBindGroup {
  readonly group: GPUBindGroup;
  readonly hash: number;
  readonly layoutId: number;
  readonly windows: readonly Window[];
}

const KEPT = { software: 1024, hardware: 8192 } as const;
/** Bind groups after which a software adapter, which maps memory for each and may make only so many maps, has those that nobody needs collected. */
const COLLECTED = 3000;

/** A small integer, which are found soonest. */
const hashOf = (layoutId: number, windows: readonly Window[]): number => {
  let hash = layoutId;
  for (const { block, offset, size } of windows) {
    hash = Math.imul(hash ^ block.id, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ size ^ offset, 0x85ebca6b);
  }
  return (hash ^ (hash >>> 13)) & 0x3fffffff;
};

const shows = (kept: KeptBindGroup, layoutId: number, windows: readonly Window[]): boolean => {
  if (kept.layoutId !== layoutId) return false;
  for (let at = 0; at < windows.length; at++) {
    const own = kept.windows[at];
    const asked = windows[at];
    if (own?.block !== asked?.block || own?.size !== asked?.size || own?.offset !== asked?.offset) return false;
  }
  return true;
};

export class BindGroups {
  readonly #device: GPUDevice;
  readonly #software: boolean;
  /** The buffer of parameters that every group of a kernel with parameters ends with. */
  readonly #params: GPUBuffer;
  readonly #kept = new Map<number, KeptBindGroup[]>();
  /** The groups that show a block, by its id. */
  readonly #ofBlock = new Map<number, Set<KeptBindGroup>>();
  #count = 0;
  #made = 0;

  constructor(device: GPUDevice, params: GPUBuffer, software: boolean) {
    this.#device = device;
    this.#params = params;
    this.#software = software;
  }

  /** The group of a kernel over these windows, one for each of its bindings. */
  get(kernel: CompiledKernel, windows: readonly Window[]): GPUBindGroup {
    const { layoutId } = kernel;
    const hash = hashOf(layoutId, windows);
    const same = this.#kept.get(hash);
    if (same !== undefined) for (const kept of same) if (shows(kept, layoutId, windows)) return kept.group;
    const group = this.#make(kernel, windows);
    this.#keep({ group, hash, layoutId, windows });
    return group;
  }

  /** Lets go of the groups that show a block: they would keep what is left of it for as long as they live. */
  forget({ id }: Block): void {
    for (const gone of this.#ofBlock.get(id) ?? []) {
      for (const { block } of gone.windows) if (block.id !== id) this.#ofBlock.get(block.id)?.delete(gone);
      const left = this.#kept.get(gone.hash)?.filter((kept) => kept !== gone) ?? [];
      if (left.length > 0) this.#kept.set(gone.hash, left);
      else this.#kept.delete(gone.hash);
      this.#count -= 1;
    }
    this.#ofBlock.delete(id);
  }

  #make({ layout, paramBytes }: CompiledKernel, windows: readonly Window[]): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = windows.map(({ block, offset, size }, binding) => ({
      binding,
      resource: { buffer: block.gpu, offset, size },
    }));
    if (paramBytes > 0) entries.push({ binding: entries.length, resource: { buffer: this.#params, size: paramBytes } });
    const group = this.#device.createBindGroup({ layout, entries });
    this.#made += 1;
    if (this.#software && this.#made % COLLECTED === 0) collectGarbage();
    return group;
  }

  #keep(kept: KeptBindGroup): void {
    if (this.#count >= KEPT[this.#software ? "software" : "hardware"]) {
      this.#kept.clear();
      this.#ofBlock.clear();
      this.#count = 0;
    }
    this.#count += 1;
    const same = this.#kept.get(kept.hash);
    if (same === undefined) this.#kept.set(kept.hash, [kept]);
    else same.push(kept);
    for (const { block } of kept.windows) {
      const groups = this.#ofBlock.get(block.id);
      if (groups === undefined) this.#ofBlock.set(block.id, new Set([kept]));
      else groups.add(kept);
    }
  }
}
