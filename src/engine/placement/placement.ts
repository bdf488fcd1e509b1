/** Which side answers a query when the user leaves that open: the one that was faster before, or that the estimates say is. */

import { availableParallelism } from "node:os";
import type { PlacementReport } from "../../fallback/report.ts";
import type { Sketch } from "../../polars/plan-reading.ts";
import { RecentlyUsed } from "../../polars/recently-used.ts";
import type { Machine } from "./machine.ts";
import { REFERENCE_THREADS, type Work } from "./work.ts";

/** What is known of the device when a query is placed: null before it is open. */
export type OpenMachine = (Machine & { readonly software: boolean }) | null;

/** Fewer rows than this take CPU polars no longer than a query takes to start on a device. */
const FEW_ROWS = 50_000;
/** Queries that are remembered. */
const REMEMBERED = 1024;
/** How often what is known of a query is used before it is measured anew: data and machines change. */
const USES = 512;

/** Milliseconds for opening a device, and for compiling the kernels of a node. */
const OPEN_MS = 500;
const COMPILE_MS = 15;
/** Of a query on the device, besides its steps. */
const START_MS = 0.5;
const UP_BYTES_PER_MS = 2e6;
const DOWN_BYTES_PER_MS = 1e6;
/** Of a device that is not open yet. */
const USUAL_MACHINE: Machine = { tripMs: 0.5, kernelBytesPerMs: 2.5e8 };
/** What an estimate of the device has to be better by than what CPU polars took. */
const BETTER_THAN_MEASURED = 1.25;
/** By how much estimates of CPU polars are wrong at most. */
const UNCERTAINTY = 10;
/** Runs of CPU polars that its time is known by: a single one may have been slow by chance. */
const CPU_RUNS = 2;
/** How fast the correction of the estimates follows what is measured, and how far it goes: what some queries take says little of others. */
const LEARNING = 0.2;
const MOST_CORRECTION = 2;
/** What it starts from. */
const THREADS_MISSING = REFERENCE_THREADS / Math.min(REFERENCE_THREADS, availableParallelism());

interface Known {
  readonly work: Work;
  /** Milliseconds that were measured; null: never. Infinity: it failed. */
  cpu: number | null;
  gpu: number | null;
  cpuRuns: number;
  gpuRuns: number;
  /** Milliseconds that runs on the CPU would have been faster on the device. */
  missed: number;
  uses: number;
}

/** One for each engine. */
export class Placements {
  readonly #known = new RecentlyUsed<number, Known>(REMEMBERED);
  /** By how much the measured times of CPU polars differ from the estimates. */
  #cpuFactor = THREADS_MISSING;

  /** Without the plan; null where it has to be made and `work` told. */
  early(sketch: Sketch, machine: OpenMachine): PlacementReport | null {
    if (machine?.software === true) return onCpu("the adapter is software, which runs on the CPU as well");
    if (!sketch.reads && sketch.rows < FEW_ROWS) return onCpu(`${sketch.rows} rows are too few to move`);
    const known = this.#known.get(sketch.shape);
    if (known === undefined) return null;
    known.uses += 1;
    if (known.uses <= USES) return this.#decide(known, machine);
    this.#known.delete(sketch.shape);
    return null;
  }

  /** With what the plan asks of both sides. */
  place({ shape }: Sketch, work: Work, machine: OpenMachine): PlacementReport {
    const known: Known = { work, cpu: null, gpu: null, cpuRuns: 0, gpuRuns: 0, missed: 0, uses: 0 };
    this.#known.set(shape, known);
    return this.#decide(known, machine);
  }

  ranOnCpu({ shape }: Sketch, ms: number): void {
    const known = this.#known.get(shape);
    if (known === undefined) return;
    known.cpuRuns += 1;
    known.cpu = known.cpu === null ? ms : Math.min(ms, (known.cpu + ms) / 2);
    const estimate = known.work.cpuNs / 1e6;
    if (estimate <= 1) return;
    const factor = Math.min(MOST_CORRECTION, Math.max(1 / MOST_CORRECTION, ms / estimate / THREADS_MISSING)) * THREADS_MISSING;
    this.#cpuFactor *= (factor / this.#cpuFactor) ** LEARNING;
  }

  /** `steady`: nothing was compiled or moved that stays. */
  ranOnGpu({ shape }: Sketch, ms: number, steady: boolean): void {
    const known = this.#known.get(shape);
    if (known === undefined) return;
    known.gpuRuns += 1;
    if (steady || known.gpuRuns > 1) known.gpu = known.gpu === null ? ms : Math.min(ms, (known.gpu + ms) / 2);
  }

  failedOnGpu({ shape }: Sketch): void {
    const known = this.#known.get(shape);
    if (known !== undefined) known.gpu = Number.POSITIVE_INFINITY;
  }

  #decide(known: Known, machine: OpenMachine): PlacementReport {
    const { work, cpu, gpu } = known;
    const cpuMs = cpu ?? (this.#cpuFactor * work.cpuNs) / 1e6;
    const gpuMs = gpu ?? gpuEstimate(work, machine ?? USUAL_MACHINE);
    const placed = (side: PlacementReport["side"], why: string): PlacementReport => ({
      side,
      reason: `${why}: ${told(cpuMs, cpu)} on CPU polars, ${told(gpuMs, gpu)} on the GPU`,
      cpuMs,
      gpuMs,
    });
    if (gpu !== null) {
      if (gpu > cpuMs) return placed("CPU", cpu === null ? "CPU polars is expected to be faster" : "CPU polars is faster");
      const isSure = known.cpuRuns >= CPU_RUNS || UNCERTAINTY * gpu <= cpuMs;
      return isSure ? placed("GPU", "the GPU is faster") : placed("CPU", "to compare");
    }
    const gain = cpuMs - (cpu === null ? UNCERTAINTY : BETTER_THAN_MEASURED) * gpuMs;
    if (gain <= 0) return placed("CPU", "CPU polars is expected to be faster");
    if (known.gpuRuns > 0) return placed("GPU", "the GPU is expected to be faster");
    known.missed += gain;
    const once = (machine === null ? OPEN_MS : 0) + COMPILE_MS * work.nodes + work.bytesUpOnce / UP_BYTES_PER_MS;
    return known.missed < once
      ? placed("CPU", "the GPU is expected to be faster, but not by what its first run takes longer")
      : placed("GPU", "the GPU is expected to be faster");
  }
}

const onCpu = (reason: string): PlacementReport => ({ side: "CPU", reason, cpuMs: null, gpuMs: null });

const told = (ms: number, measured: number | null): string =>
  ms === Number.POSITIVE_INFINITY ? "a failure" : `${measured === null ? "about " : ""}${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;

const gpuEstimate = ({ trips, kernelBytes, bytesUp, bytesDown }: Work, { tripMs, kernelBytesPerMs }: Machine): number =>
  START_MS + trips * tripMs + kernelBytes / kernelBytesPerMs + bytesUp / UP_BYTES_PER_MS + bytesDown / DOWN_BYTES_PER_MS;
