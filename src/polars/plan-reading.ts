/** Reads a tracked lazy frame into an exact DSL plan whose in-memory leaves are `{ Source: id }`. */
import { type DslObject, type DslPlan, type DslValue, isList, isObject, isPlanTag, planNode, tagOf } from "./dsl.ts";
import { dslText, mayHideNonFinite, parseDsl, withNonFinite } from "./dsl-text.ts";
import type { PolarsModule } from "./module.ts";
import type { NativeDataFrame, NativeLazyFrame } from "./native.ts";
import { quietly } from "./quiet.ts";

/**
 * A lazy frame's plan over zero-row frames. Each in-memory leaf is `Slice { offset: sourceTag(id), len: 0 }` over a DataFrameScan, and
 * `sources` holds (at least) the frames of those ids. Inline frames without a tag are data that belongs to the plan itself.
 */
export interface TrackedPlan {
  readonly module: PolarsModule;
  readonly shadow: NativeLazyFrame;
  readonly sources: ReadonlyMap<number, NativeDataFrame>;
}

/** What can be said of a plan before it is read. */
export interface Sketch {
  /** Equal for plans of the same calls over the same files and frames of about the same size, nearly always another one for others. */
  readonly shape: number;
  /** Whether the plan reads what is no frame in memory. */
  readonly reads: boolean;
  /** Rows of the frames in memory together. */
  readonly rows: number;
}

export interface ReadPlan {
  readonly plan: DslPlan;
  /** Exactly the frames that `plan` mentions, in document order. */
  readonly sources: ReadonlyMap<number, NativeDataFrame>;
}
export interface Unreadable {
  readonly unreadable: string;
}

/** Tags lie far above any row offset that a query asks for. */
const FIRST_TAG = 2 ** 40;
/** The Slice offset that marks source `id`. */
export const sourceTag = (id: number): number => FIRST_TAG + id;

/** Ids for frames found inside a plan (made by SQL, or deserialised): below zero, so that they never meet a tracked source. */
const FIRST_INLINE_ID = -1;

/** What was read of a frame that is there still: most frames that are collected again are those that were collected before. */
const READ = new WeakMap<NativeLazyFrame, ReadPlan>();

/** Reads the plan, or says why it cannot be read: the same plan each time. Never throws for what the user's plan contains. */
export function readPlan(tracked: TrackedPlan): ReadPlan | Unreadable {
  const known = READ.get(tracked.shadow);
  if (known !== undefined) return known;
  try {
    const text = serialized(tracked.shadow);
    const value = parseDsl(text);
    const read = new PlanReader(tracked).read(mayHideNonFinite(text) ? withNonFinite(value, tracked.shadow.toJs()) : value);
    READ.set(tracked.shadow, read);
    return read;
  } catch (error) {
    if (error instanceof UnreadableError) return { unreadable: error.message };
    if (error instanceof RangeError) return { unreadable: `the plan is nested too deeply: ${error.message}` };
    throw error;
  }
}

function serialized(shadow: NativeLazyFrame): string {
  try {
    return shadow.serialize("json").toString();
  } catch (error) {
    throw new UnreadableError(`polars cannot serialise the plan: ${messageOf(error)}`);
  }
}

class UnreadableError extends Error {}

class PlanReader {
  private readonly tracked: TrackedPlan;
  private readonly sources = new Map<number, NativeDataFrame>();
  private nextInline = FIRST_INLINE_ID;

  constructor(tracked: TrackedPlan) {
    this.tracked = tracked;
  }

  read(value: DslValue): ReadPlan {
    return { plan: this.plan(value), sources: this.sources };
  }

  /** Rebuilds a plan node around its cleaned inputs. */
  private plan(value: DslValue): DslPlan {
    const [name, payload] = tagOf(value) ?? ["?", null];
    if (!isObject(payload)) throw new UnreadableError(`unknown plan node ${name}`);
    if (name === "IR") return this.plan(payload.dsl ?? null);
    if (name === "DataFrameScan") return this.inline(value);
    if (name === "Slice") {
      const source = this.tagged(payload);
      if (source !== undefined) return { Source: source };
    }
    if (!isPlanTag(name) || name === "Source") throw new UnreadableError(`unknown plan node ${name}`);
    const cleaned: { [key: string]: DslValue } = { ...payload };
    for (const key of ["input", "input_left", "input_right"]) {
      const input = payload[key];
      if (input !== undefined) cleaned[key] = this.plan(input);
    }
    if (isList(payload.inputs)) cleaned.inputs = payload.inputs.map((input) => this.plan(input));
    return planNode(name, cleaned);
  }

  private tagged(slice: DslObject): number | undefined {
    const { offset, len, input } = slice;
    if (len !== 0 || typeof offset !== "number" || tagOf(input)?.[0] !== "DataFrameScan") return undefined;
    const id = offset - FIRST_TAG;
    const frame = this.tracked.sources.get(id);
    if (frame === undefined) return undefined;
    this.sources.set(id, frame);
    return id;
  }

  private inline(scan: DslValue): DslPlan {
    const frame = inlineFrame(this.tracked.module, dslText(scan));
    const id = this.nextInline--;
    this.sources.set(id, frame);
    return { Source: id };
  }
}

function inlineFrame({ native }: PolarsModule, scan: string): NativeDataFrame {
  try {
    return quietly(() => native.JsLazyFrame.deserialize(Buffer.from(scan), "json").collectSync("in-memory"));
  } catch (error) {
    throw new UnreadableError(`polars cannot read the data inside the plan: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
