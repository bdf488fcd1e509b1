/** Places the queries of an engine: what it knows of its device, its sources and earlier runs, put together. */

import type { PlacementReport } from "../../fallback/report.ts";
import type { Residents } from "../../fallback/residents.ts";
import { type SourceSize, sourceSize } from "../../fallback/source-size.ts";
import type { Device } from "../../gpu/device.ts";
import type { Plan } from "../../ir/plan.ts";
import { postorder } from "../../ir/traversal.ts";
import type { ReadPlan, Sketch } from "../../polars/plan-reading.ts";
import { measureMachine } from "./machine.ts";
import { type OpenMachine, Placements } from "./placement.ts";
import { workOf } from "./work.ts";

export class Placer {
  readonly #placements = new Placements();
  readonly #residents: Residents;
  #machine: OpenMachine = null;

  constructor(residents: Residents) {
    this.#residents = residents;
  }

  /** Measures the device, unless it is software: that is no match for CPU polars. */
  async opened(device: Device): Promise<void> {
    const { software } = device.adapter;
    this.#machine = software ? { tripMs: 0, kernelBytesPerMs: 1, software } : { ...(await measureMachine(device)), software };
  }

  closed(): void {
    this.#machine = null;
  }

  /** Without the plan; null where it has to be made. */
  early(sketch: Sketch): PlacementReport | null {
    return this.#placements.early(sketch, this.#machine);
  }

  async place(sketch: Sketch, plan: Plan, { sources }: ReadPlan): Promise<PlacementReport> {
    const sizes = new Map<Plan, SourceSize | null>();
    for (const node of postorder(plan))
      if (node.kind === "frame" || node.kind === "scan") sizes.set(node, await sourceSize(node, sources, this.#residents));
    const work = workOf(plan, sizes);
    if (work !== null) return this.#placements.place(sketch, work, this.#machine);
    return { side: "CPU", reason: "the size of a file is not known before it is read", cpuMs: null, gpuMs: null };
  }

  /** `ms`: of CPU polars for the whole query. */
  ranOnCpu(sketch: Sketch, ms: number): void {
    this.#placements.ranOnCpu(sketch, ms);
  }

  /** `ms`: from the call to the result. `steady`: nothing was compiled, and nothing moved that stays. */
  ranOnGpu(sketch: Sketch, ms: number, steady: boolean): void {
    this.#placements.ranOnGpu(sketch, ms, steady);
  }

  failedOnGpu(sketch: Sketch): void {
    this.#placements.failedOnGpu(sketch);
  }
}
