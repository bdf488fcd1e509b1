/** One operation on stored partitions, as both engines run it: inputs brought to the device, memory reserved, outputs stored. */

import { OutOfDeviceMemoryError } from "../errors.ts";
import type { Device } from "../gpu/device.ts";
import { newMeter } from "../gpu/device.ts";
import { concatWhereFits } from "./codes.ts";
import type { QueryContext } from "./context.ts";
import type { PartitionStore, Stored } from "./memory/store.ts";
import { withBuffers } from "./memory/store.ts";
import type { Turns } from "./memory/turns.ts";
import type { PhysicalNode } from "./physical/node.ts";
import type { Table } from "./table.ts";
import { releaseTable, rowsOf } from "./table.ts";
import type { Trace, TraceRecord } from "./trace.ts";

/** What operations work with. */
export interface Run {
  readonly device: Device;
  readonly store: PartitionStore;
  /** Of the operations: where memory runs out, one has the device for itself. */
  readonly turns: Turns;
  readonly trace: Trace;
  readonly signal: AbortSignal | null;
  /** The context of one operation; `close` gives back what only it needed. */
  context(): { readonly context: QueryContext; close(): Promise<void> };
}

export interface Operation {
  readonly node: PhysicalNode;
  readonly step: TraceRecord["step"];
  readonly partition: number;
  /** For each input of the work its parts, which are put behind one another. */
  readonly inputs: readonly (readonly Stored[])[];
  /** Over one table for each input, which stay the run's; the results are taken over. */
  work(context: QueryContext, tables: readonly Table[]): Promise<readonly Table[]>;
}

/** What an engine works with: it decides when an operation runs, not how. */
export interface Operations {
  readonly signal: AbortSignal | null;
  /** Reads that are in flight at once. */
  readonly ioThreads: number;
  /** Operations that are in flight at once, beside reads. */
  readonly lanes: number;
  /** The results, a reference to each. */
  perform(operation: Operation): Promise<readonly Stored[]>;
}

/**
 * Sources of a single partition that are read at once, however few reads are to be in flight: each is needed before much else can run. More of them
 * are parts of a whole, as of a concatenation, and wait as partitions do.
 */
export const WHOLE_READS = 8;

/** Device memory that an operation is expected to take, in multiples of its inputs. */
const WORKING = 2;

/**
 * Runs the operation.
 * @throws what the work throws; nothing is left on the device then.
 */
export function perform(run: Run, asked: Operation): Promise<readonly Stored[]> {
  const operation = { ...asked, inputs: asked.inputs.map(filled) };
  const parts = operation.inputs.flat();
  const bytes = parts.reduce((n, s) => n + s.bytes, 0);
  return withRoom(run, parts, WORKING * bytes, () => attempt(run, operation, parts, bytes));
}

/**
 * Runs `work`, which uses `parts` and takes about `bytes` more, beside others. Where memory runs out, it runs once more by itself, with
 * everything that it does not read off the device.
 */
export async function withRoom<T>(run: Run, parts: readonly Stored[], bytes: number, work: () => Promise<T>): Promise<T> {
  const { device, store, turns } = run;
  try {
    return await turns.beside(async () => {
      run.signal?.throwIfAborted();
      await store.makeRoom(store.absentBytes(parts) + bytes);
      return work();
    });
  } catch (error) {
    if (!(error instanceof OutOfDeviceMemoryError) || device.isFaulty) throw error;
    return turns.alone(async () => {
      run.signal?.throwIfAborted();
      await store.spillAll();
      return work();
    });
  }
}

/** The parts that have rows; one at least, for its columns. */
function filled(parts: readonly Stored[]): readonly Stored[] {
  const some = parts.filter((part) => part.rows > 0);
  return some.length === 0 ? parts.slice(0, 1) : some;
}

async function attempt(run: Run, { node, step, partition, inputs, work }: Operation, parts: readonly Stored[], bytesIn: number) {
  const { device, store, trace } = run;
  const start = trace.now();
  const meter = newMeter(trace.labelOf(node, step, partition));
  const made = await store.use(parts, (tables) =>
    device.scope(async () => {
      const { context, close } = run.context();
      try {
        const given = tables.map((table) => withBuffers(table, (buffer) => device.borrow(buffer)));
        const rest = given.values();
        const joined: Table[] = [];
        for (const input of inputs)
          joined.push(
            await together(
              context,
              input.flatMap(() => rest.next().value ?? []),
            ),
          );
        const results = await work(context, joined);
        for (const table of joined) releaseTable(table);
        return results;
      } finally {
        await close();
      }
    }, meter),
  );
  const results = made.map((table) => store.put(table));
  trace.add(node, step, partition, start, meter, {
    rowsIn: parts.reduce((n, s) => n + s.rows, 0),
    rowsOut: made.reduce((n, t) => n + rowsOf(t), 0),
    bytesIn,
    bytesOut: results.reduce((n, s) => n + s.bytes, 0),
  });
  return results;
}

/** The parts behind one another, which are taken over. */
async function together(context: QueryContext, parts: readonly Table[]): Promise<Table> {
  const [first] = parts;
  if (first === undefined) throw new RangeError("an input without a partition");
  if (parts.length === 1) return first;
  const all: Table = { schema: first.schema, batches: parts.flatMap((p) => p.batches) };
  if (all.batches.some((b) => b.states !== undefined)) return all;
  const joined = await concatWhereFits(context, all);
  releaseTable(all);
  return joined;
}
