/** The fuzzer: shapes of plans from a seed, each run over several draws of data and constants, and what was found. */

import type { GPUEngine } from "../../src/index.ts";
import { programText } from "./evaluate.ts";
import { drawFrame } from "./frames.ts";
import { PlanMaker } from "./plans.ts";
import { Random } from "./random.ts";
import { type EngineLimits, Engines, type Execution, failureOf } from "./run.ts";
import { shrink } from "./shrink.ts";
import { redrawn } from "./tree.ts";

export interface FuzzOptions {
  readonly seed: number;
  /** Plans to run. */
  readonly count: number;
  readonly depth: number;
  /** Draws of data and constants for each shape: kernels are compiled once for all of them. */
  readonly draws: number;
  readonly limits: EngineLimits;
  /** Stop after this time, in milliseconds. */
  readonly budget: number;
  /** Stop after this many findings. */
  readonly findings: number;
}

export interface Finding {
  /** The seed of the shape. */
  readonly shape: number;
  readonly message: string;
  /** The smallest failing plan as a program. */
  readonly program: string;
}

export interface FuzzReport {
  /** Plans. */
  readonly ran: number;
  readonly shapes: number;
  readonly rejected: number;
  readonly findings: readonly Finding[];
}

/**
 * A device each. Joins are shuffled and partial aggregates merged in levels from a few partitions on, so that small frames come to both;
 * the others have the engine's own limits.
 */
const EXECUTIONS = [
  { executor: "in-memory" },
  { executorOptions: { engine: "tasks", maxRowsPerPartition: 3, broadcastJoinLimit: 2, groupbyNAry: 2 } },
  { executorOptions: { engine: "tasks", maxRowsPerPartition: 50 } },
  { executorOptions: { engine: "rapidsmpf", maxRowsPerPartition: 1, broadcastJoinLimit: 2, groupbyNAry: 3 } },
  { executorOptions: { engine: "rapidsmpf", maxRowsPerPartition: 7 } },
] as const satisfies readonly Execution[];

/** A source has no more: a plan takes as long as it has partitions, and more of them show nothing else. */
const PARTITIONS = 20;

const mostRows = ({ executorOptions }: Execution): number =>
  (executorOptions?.maxRowsPerPartition ?? Number.POSITIVE_INFINITY) * PARTITIONS;

/** Runs the shapes of the seeds from `options.seed` on. `before` is told, before each of them, how far it is. */
export async function fuzz(options: FuzzOptions, before: (report: FuzzReport) => void = () => {}): Promise<FuzzReport> {
  const engines = new Engines(options.limits);
  const start = performance.now();
  const findings: Finding[] = [];
  let [ran, shapes, rejected] = [0, 0, 0];
  const done = (): boolean => ran >= options.count || performance.now() - start > options.budget || findings.length >= options.findings;
  while (!done()) {
    before({ ran, shapes, rejected, findings });
    const number = options.seed + shapes++;
    const random = new Random(number);
    const shape = new PlanMaker(random).make(random.integer(1, options.depth));
    const execution = random.pick(EXECUTIONS);
    rejected += Number(shape.rejected);
    for (let draw = 0; draw < (shape.rejected ? 1 : options.draws) && !done(); draw++) {
      const found = { plan: redrawn(shape.plan, random), frames: shape.frames.map((f) => drawFrame(random, f, mostRows(execution))) };
      const engine: GPUEngine = engines.for(execution);
      ran += 1;
      const failure = await failureOf(found.plan, found.frames, engine);
      if (failure === null) continue;
      const smallest = await shrink(found, failure, (c) => failureOf(c.plan, c.frames, engine));
      const program = programText(smallest.found.plan, smallest.found.frames, execution);
      findings.push({ shape: number, message: `${failure.class}: ${smallest.failure.message}`, program });
      break;
    }
  }
  await engines.close();
  return { ran, shapes, rejected, findings };
}
