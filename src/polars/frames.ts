/** Runs DSL plans on CPU polars over frames that polars-webgpu holds, and wraps native frames as users know them. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DataFrame } from "nodejs-polars";
import { InternalError } from "../errors.ts";
import { planFromDsl } from "./composing.ts";
import type { DslPlan } from "./dsl.ts";
import { dslText } from "./dsl-text.ts";
import type { PolarsModule } from "./module.ts";
import type { NativeDataFrame, NativeLazyFrame } from "./native.ts";
import { readPlan, sourceTag } from "./plan-reading.ts";
import { quietly } from "./quiet.ts";
import { replay } from "./replay.ts";

export { exprFromDsl } from "./composing.ts";

export interface RunOptions {
  /** Inputs larger than this many bytes are passed in a file where they cannot be passed as they are. Default 1 GiB. */
  readonly fileAbove?: number;
}

const DEFAULT_FILE_ABOVE = 2 ** 30;

/**
 * Collects `plan` on polars' own threads; `inputs` stand for its `{ Source: id }` leaves. Rejects with the error that polars throws.
 * Inputs are shared, not copied, for nearly all plans; the rest pass them as bytes, or very large ones in a file that is deleted afterwards.
 */
export async function runDsl(
  module: PolarsModule,
  plan: DslPlan,
  inputs: ReadonlyMap<number, NativeDataFrame>,
  options: RunOptions = {},
): Promise<NativeDataFrame> {
  const replayed = quietly(() => sharedPlan(module, plan, inputs));
  if (replayed !== undefined) return collected(replayed);
  const files = new InputFiles();
  try {
    const { fileAbove = DEFAULT_FILE_ABOVE } = options;
    const lazy = quietly(() => {
      const leaves = [...inputs].map(
        ([id, frame]) => [id, frame.estimatedSize() > fileAbove ? files.scan(module, frame) : frame.lazy()] as const,
      );
      return planFromDsl(module.native, plan, new Map(leaves));
    });
    return await collected(lazy);
  } finally {
    files.remove();
  }
}

/** What `collect` of nodejs-polars returns for a native frame. */
export function dataFrameOf(module: PolarsModule, frame: NativeDataFrame): DataFrame {
  return module.eagerWrappers._DataFrame(frame);
}

function collected(frame: NativeLazyFrame): Promise<NativeDataFrame> {
  return quietly(() => frame.collect());
}

/** The plan over the inputs themselves, if polars' methods build exactly this plan; tried over empty frames first. */
function sharedPlan(module: PolarsModule, plan: DslPlan, inputs: ReadonlyMap<number, NativeDataFrame>): NativeLazyFrame | undefined {
  const { native } = module;
  const leaf = (id: number): NativeDataFrame => {
    const frame = inputs.get(id);
    if (frame === undefined) throw new InternalError(`the plan has no input ${id}`);
    return frame;
  };
  let rehearsal: NativeLazyFrame | undefined;
  try {
    rehearsal = replay(native, plan, (id) => leaf(id).slice(0, 0).lazy().slice(sourceTag(id), 0));
  } catch (error) {
    if (error instanceof InternalError) throw error;
    return undefined;
  }
  if (rehearsal === undefined) return undefined;
  const built = readPlan({ module, shadow: rehearsal, sources: inputs });
  if ("unreadable" in built || comparable(built.plan) !== comparable(plan)) return undefined;
  return replay(native, plan, (id) => leaf(id).lazy());
}

/** Cache ids differ from plan to plan. */
function comparable(plan: DslPlan): string {
  return dslText(plan).replace(/"id":"[0-9a-f-]{36}"/g, '"id":""');
}

/** Arrow IPC files of inputs, in memory where the system has a memory file system. */
class InputFiles {
  private folder: string | undefined;
  private count = 0;

  scan(module: PolarsModule, frame: NativeDataFrame): NativeLazyFrame {
    this.folder ??= mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "polars-webgpu-"));
    const path = join(this.folder, `${this.count++}.arrow`);
    frame.writeIpc(path, "uncompressed");
    return module.native.scanIpc(path, {});
  }

  remove(): void {
    if (this.folder !== undefined) rmSync(this.folder, { recursive: true, force: true });
  }
}
