/** What a streaming run did: one record for each operation on a partition. */

import type { ScopeMeter } from "../gpu/device.ts";
import type { PhysicalNode } from "./physical/node.ts";

export interface TraceRecord {
  /** The physical node: its number in `explain({ physical: true })`, and its name. */
  readonly node: number;
  readonly name: string;
  readonly step: "read" | "compute" | "split" | "merge" | "export";
  readonly partition: number;
  /** Milliseconds since the run began. */
  readonly start: number;
  readonly end: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly roundTrips: number;
  readonly dispatches: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Nanoseconds of its kernels on the GPU; null where they were not measured. */
  readonly gpuNanoseconds: number | null;
}

/** Collects the records of a run. */
export class Trace {
  readonly #start = performance.now();
  readonly #numbers: ReadonlyMap<PhysicalNode, number>;
  readonly records: (TraceRecord & { readonly label: string })[] = [];
  readonly #listen: ((done: TraceRecord) => void) | null;

  constructor(nodes: readonly PhysicalNode[], listen: ((done: TraceRecord) => void) | null = null) {
    this.#numbers = new Map(nodes.map((node, i) => [node, i]));
    this.#listen = listen;
  }

  now(): number {
    return performance.now() - this.#start;
  }

  /** The label under which kernels of an operation are measured. */
  labelOf(node: PhysicalNode, step: TraceRecord["step"], partition: number): string {
    return `${this.numberOf(node)}/${step}/${partition}`;
  }

  numberOf(node: PhysicalNode): number {
    return this.#numbers.get(node) ?? -1;
  }

  add(
    node: PhysicalNode,
    step: TraceRecord["step"],
    partition: number,
    start: number,
    meter: ScopeMeter,
    sizes: Pick<TraceRecord, "rowsIn" | "rowsOut" | "bytesIn" | "bytesOut">,
  ): void {
    const { dispatches, roundTrips, bytesUp, bytesDown, label } = meter;
    const record = {
      node: this.numberOf(node),
      name: node.name,
      step,
      partition,
      start,
      end: this.now(),
      ...sizes,
      dispatches,
      roundTrips,
      bytesUp,
      bytesDown,
      gpuNanoseconds: null,
      label,
    };
    this.records.push(record);
    this.#listen?.(record);
  }
}
