/** Bind groups by what they show: making one costs more than all else about a dispatch, and the pool hands out the same blocks again and again. */

import type { Block, Window } from "./buffers.ts";
import { collectGarbage } from "./garbage.ts";
import type { CompiledKernel } from "./pipeline-cache.ts";

/** One step of the way to a group: numbers, which are found sooner than a text of them is made. */
interface Step {
  readonly next: Map<number, Step>;
  kept: KeptBindGroup | null;
}

interface KeptBindGroup {
  readonly group: GPUBindGroup;
  /** The ids of the blocks that it shows. */
  readonly blocks: ReadonlySet<number>;
}

const KEPT = { software: 1024, hardware: 8192 } as const;
/** Bind groups after which a software adapter, which maps memory for each and may make only so many maps, has those that nobody needs collected. */
const COLLECTED = 3000;

const newStep = (): Step => ({ next: new Map(), kept: null });

const follow = ({ next }: Step, number: number): Step => {
  const known = next.get(number);
  if (known !== undefined) return known;
  const made = newStep();
  next.set(number, made);
  return made;
};

export class BindGroups {
  readonly #device: GPUDevice;
  readonly #software: boolean;
  /** The buffer of parameters that every group of a kernel with parameters ends with. */
  readonly #params: GPUBuffer;
  /** From here the way leads over the layout, then for each window over its block, over less than its offset if it has one, and over its size. */
  #start = newStep();
  /** Where the groups are that show a block, by its id. */
  readonly #ofBlock = new Map<number, Set<Step>>();
  /** Ways there are, also those whose group was let go of. */
  #ways = 0;
  #made = 0;

  constructor(device: GPUDevice, params: GPUBuffer, software: boolean) {
    this.#device = device;
    this.#params = params;
    this.#software = software;
  }

  /** The group of a kernel over these windows, one for each of its bindings. */
  get(kernel: CompiledKernel, windows: readonly Window[]): GPUBindGroup {
    let step = follow(this.#start, kernel.layoutId);
    for (const { block, offset, size } of windows) {
      step = follow(step, block.id);
      if (offset > 0) step = follow(step, -offset);
      step = follow(step, size);
    }
    if (step.kept !== null) return step.kept.group;
    const group = this.#make(kernel, windows);
    this.#keep(step, group, windows);
    return group;
  }

  /** Lets go of the groups that show a block: they would keep what is left of it for as long as they live. */
  forget({ id }: Block): void {
    for (const step of this.#ofBlock.get(id) ?? []) {
      for (const other of step.kept?.blocks ?? []) if (other !== id) this.#ofBlock.get(other)?.delete(step);
      step.kept = null;
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

  #keep(step: Step, group: GPUBindGroup, windows: readonly Window[]): void {
    if (this.#ways >= KEPT[this.#software ? "software" : "hardware"]) {
      this.#start = newStep();
      this.#ofBlock.clear();
      this.#ways = 0;
      return;
    }
    const blocks = new Set(windows.map(({ block }) => block.id));
    step.kept = { group, blocks };
    this.#ways += 1;
    for (const block of blocks) {
      const steps = this.#ofBlock.get(block);
      if (steps === undefined) this.#ofBlock.set(block, new Set([step]));
      else steps.add(step);
    }
  }
}
