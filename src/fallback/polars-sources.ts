/** Where a query's data comes from: in-memory frames, files read by CPU polars, and subtrees that CPU polars runs. */

import { InternalError } from "../errors.ts";
import type { Device } from "../gpu/device.ts";
import type { Cpu, Frame, Lookup, Scan } from "../ir/plan.ts";
import { FIRST_INPUT } from "../ir/plan.ts";
import type { Schema } from "../ir/schema.ts";
import { sameSchema } from "../ir/schema.ts";
import type { DslPlan, DslValue } from "../polars/dsl.ts";
import { isObject, isPlanTag, planNode, tag } from "../polars/dsl.ts";
import { parseExact } from "../polars/dsl-text.ts";
import { dtypeFromDsl } from "../polars/dtypes.ts";
import { runDsl } from "../polars/frames.ts";
import type { PolarsModule } from "../polars/module.ts";
import type { NativeDataFrame } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import { oneRow } from "../polars/scalars.ts";
import { PROJECTION, zeroFrame } from "../polars/zero-frame.ts";
import { readFrame } from "./arrow-frames.ts";
import { exportFrame } from "./export.ts";
import { exprDsl } from "./expr-dsl.ts";
import { parsedExpr, rename, select } from "./host-dictionary.ts";
import type { ImportedBatch } from "./import.ts";
import { importFrame } from "./import.ts";
import type { Residents } from "./residents.ts";

export interface ImportedTable {
  readonly schema: Schema;
  readonly batches: readonly ImportedBatch[];
}

const planOf = (text: string): DslPlan => {
  const [name, payload] = tag(parseExact(text));
  if (!isPlanTag(name)) throw new InternalError(`${name} is not a plan node`);
  return planNode(name, isObject(payload) ? payload : {});
};

/** The only value of a frame that holds a row count, a UInt32. */
function countOf(frame: NativeDataFrame): number {
  const [count] = readFrame(frame)[0] ?? [];
  if (count === undefined) throw new InternalError("a count has no row");
  return new DataView(count.values.buffer, count.values.byteOffset).getUint32(0, true);
}

/** Data of one query. Every table is owned by the caller. */
export class PolarsSources {
  readonly #module: PolarsModule;
  readonly #device: Device;
  readonly #frames: ReadonlyMap<number, NativeDataFrame>;
  readonly #residents: Residents;
  readonly #maxRows: number;

  constructor(module: PolarsModule, device: Device, frames: ReadonlyMap<number, NativeDataFrame>, residents: Residents, maxRows: number) {
    this.#module = module;
    this.#device = device;
    this.#frames = frames;
    this.#residents = residents;
    this.#maxRows = maxRows;
  }

  async frame(plan: Frame): Promise<ImportedTable> {
    const frame = this.#frames.get(plan.source);
    if (frame === undefined) throw new InternalError(`source ${plan.source} is not known`);
    const load = (schema: Schema) => this.#device.outsideScope(() => this.#import(frame, schema));
    return {
      schema: plan.schema,
      batches: this.#residents.has(plan.source) ? await this.#residents.batches(plan.source, plan.schema, load) : await load(plan.schema),
    };
  }

  /** Reads with CPU polars: the predicate, then the slice, then the columns that are wanted. */
  async scan(plan: Scan): Promise<ImportedTable> {
    let dsl: DslPlan = planOf(plan.dsl);
    if (plan.predicate !== null) dsl = { Filter: { input: dsl, predicate: exprDsl(plan.predicate) } };
    if (plan.slice !== null) dsl = { Slice: { input: dsl, offset: plan.slice.offset, len: plan.slice.length } };
    if (plan.schema.length < plan.fileSchema.length) {
      const columns: readonly DslValue[] =
        plan.schema.length > 0 ? plan.schema.map((f) => ({ Column: f.name })) : [{ Alias: ["Len", "rows"] }];
      dsl = planNode("Select", { expr: columns, input: dsl, options: PROJECTION });
    }
    const frame = await runDsl(this.#module, dsl, new Map());
    if (plan.schema.length === 0) return { schema: plan.schema, batches: this.#rowsAlone(countOf(frame)) };
    return { schema: plan.schema, batches: await this.#import(frame, plan.schema) };
  }

  async cpu(plan: Cpu, inputs: readonly ImportedTable[]): Promise<ImportedTable> {
    const frame = await this.cpuFrame(plan, inputs);
    return { schema: plan.schema, batches: await this.#import(frame, plan.schema) };
  }

  /** The result of a CPU subtree as a frame on the host. */
  async cpuFrame(plan: Cpu, inputs: readonly ImportedTable[]): Promise<NativeDataFrame> {
    const frames = new Map(this.#frames);
    for (const [i, input] of inputs.entries())
      frames.set(FIRST_INPUT + i, await exportFrame(this.#module.native, this.#device, input.batches, input.schema));
    const dsl = planOf(plan.dsl);
    const used = [...frames].filter(([id]) => plan.dsl.includes(`{"Source":${id}}`));
    return runDsl(this.#module, dsl, new Map(used));
  }

  /**
   * The outputs of a lookup for each row of the batches; one dictionary for all of them. `several`: a single row stands for more than one.
   * @throws what polars throws, and where the values decide the dtype.
   */
  async lookup(plan: Lookup, batches: readonly ImportedBatch[], several: boolean): Promise<readonly ImportedBatch[]> {
    const { native } = this.#module;
    const args = plan.input.schema.filter((f) => plan.args.includes(f.name));
    const asked = args.length === 0 ? oneRow(native) : await exportFrame(native, this.#device, batches, args);
    const alone = several && asked.height === 1;
    const exprs = plan.outputs.map(({ name, dsl }) => rename(parsedExpr(dsl), name));
    const answered = await select(native, alone ? quietly(() => asked.vstack(asked)) : asked, exprs);
    const answer = alone ? quietly(() => answered.slice(0, 1)) : answered;
    const outputs: Schema = plan.outputs.map(({ name, dtype }) => ({ name, dtype }));
    const given: Schema = zeroFrame(answer).fields.map(([name, dtype]) => ({ name, dtype: dtypeFromDsl(dtype) }));
    if (!sameSchema(outputs, given)) throw new Error("an expression has another dtype over values than over none");
    return importFrame(
      native,
      this.#device,
      answer,
      outputs,
      batches.map((b) => b.rows),
    );
  }

  /** Batches without columns. */
  #rowsAlone(rows: number): readonly ImportedBatch[] {
    const batches = Math.max(1, Math.ceil(rows / this.#maxRows));
    return Array.from({ length: batches }, (_, b) => ({ rows: Math.min(this.#maxRows, rows - b * this.#maxRows), columns: new Map() }));
  }

  #import(frame: NativeDataFrame, schema: Schema): Promise<readonly ImportedBatch[]> {
    return importFrame(this.#module.native, this.#device, frame, schema, this.#maxRows);
  }
}
