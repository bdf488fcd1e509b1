/** Brings code columns of several batches to one dictionary, so that they can be compared and put behind one another. */

import { InternalError, OutOfDeviceMemoryError } from "../errors.ts";
import type { Column } from "../gpu/column.ts";
import { columnWords } from "../gpu/column.ts";
import type { Recoding } from "../gpu/compile/compile.ts";
import { compile } from "../gpu/compile/compile.ts";
import type { Dictionary } from "../gpu/dictionary.ts";
import { concat } from "../gpu/kernels/concat.ts";
import { map } from "../gpu/kernels/map.ts";
import type { RowProgram, RowValue } from "../gpu/row-program.ts";
import { physicalOf } from "../ir/dtype.ts";
import type { Expr } from "../ir/expr.ts";
import { column } from "../ir/expr.ts";
import type { Schema } from "../ir/schema.ts";
import type { QueryContext } from "./context.ts";
import type { CompiledWithin } from "./pipeline.ts";
import { compileWithin } from "./pipeline.ts";
import type { Batch, Table } from "./table.ts";
import { batchOf, columnOf, releaseBatch, retainBatch, retainTable } from "./table.ts";

/** Key expressions compiled over one batch, in order, in as many programs as bindings make necessary. `release` frees what had to be computed first. */
export interface CompiledKeys {
  readonly programs: readonly RowProgram[];
  /** One for each expression. */
  readonly outputs: readonly (RowValue & { readonly dictionary: Dictionary | null })[];
  release(): void;
}

/** One side of a comparison: the same number of expressions over each of its batches. */
export interface KeySide {
  readonly batches: readonly Batch[];
  readonly exprs: readonly Expr[];
}

/**
 * Compiles key expressions over all batches of all sides, key k of one side being comparable with key k of the others: equal codes are equal
 * values, and with `need` "sorted" for key k codes compare as values do; with "any" the codes stay as they are. `form`: "one program" for
 * kernels that read all values at once and bind two buffers of their own; "programs" for kernels that take them one by one and bind one.
 */
export async function compileKeys(
  context: QueryContext,
  sides: readonly KeySide[],
  need: (key: number) => "any" | "unique" | "sorted",
  form: "programs" | "one program" = "programs",
): Promise<readonly (readonly CompiledKeys[])[]> {
  const first = await compileAll(context, sides, form, []);
  const keys = sides[0]?.exprs.length ?? 0;
  // Each ends before one is told to have failed: what they put on the device is the query's as long as it runs.
  const recoded = await Promise.allSettled(
    Array.from({ length: keys }, async (_, k) => {
      const wanted = need(k);
      const dictionaries = new Set<Dictionary>();
      for (const keysOf of first.flat()) {
        const dictionary = keysOf.outputs[k]?.dictionary ?? null;
        if (dictionary !== null) dictionaries.add(dictionary);
      }
      return dictionaries.size === 0 || wanted === "any" ? null : recodingOf(context, [...dictionaries], wanted);
    }),
  );
  const recodings = recoded.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
  if (recodings.every((r) => r === null || [...r.values()].every((t) => t.table === null))) return first;
  for (const keysOf of first.flat()) keysOf.release();
  return compileAll(context, sides, form, recodings);
}

/** The keys of one batch by itself. */
export async function keysOfBatch(
  context: QueryContext,
  batch: Batch,
  exprs: readonly Expr[],
  need: "unique" | "sorted",
): Promise<CompiledKeys> {
  const [[keys] = []] = await compileKeys(context, [{ batches: [batch], exprs }], () => need);
  if (keys === undefined) throw new InternalError("the keys of a batch were not compiled");
  return keys;
}

async function compileAll(
  context: QueryContext,
  sides: readonly KeySide[],
  form: "programs" | "one program",
  recodings: readonly (Recoding | null)[],
): Promise<CompiledKeys[][]> {
  const all: CompiledKeys[][] = [];
  for (const side of sides) {
    const keys: CompiledKeys[] = [];
    for (const batch of side.batches) {
      const parts =
        form === "programs"
          ? await compileParts(context, batch, side.exprs, recodings)
          : [await compileWithin(context, batch, side.exprs, 2, recodings)];
      keys.push({
        programs: parts.map((p) => p.compiled.program),
        outputs: parts.flatMap(({ compiled: { program, outputs } }) =>
          program.outputs.map((o, k) => ({ ...o, dictionary: outputs[k]?.dictionary ?? null })),
        ),
        release: () => {
          for (const c of parts.flatMap((p) => p.scratch)) c.buffer.release();
        },
      });
    }
    all.push(keys);
  }
  return all;
}

/** One program where bindings suffice, else one for each half of the expressions. */
async function compileParts(
  context: QueryContext,
  batch: Batch,
  exprs: readonly Expr[],
  recodings: readonly (Recoding | null)[],
): Promise<readonly CompiledWithin[]> {
  if (exprs.length <= 1) return [await compileWithin(context, batch, exprs, 1, recodings)];
  const compiled = await compile(exprs, batch.columns, batch.rows, context.dictionaries, recodings);
  if (compiled.program.columns.length < context.device.limits.storageBuffers) return [{ compiled, scratch: [] }];
  const half = exprs.length >> 1;
  return [
    ...(await compileParts(context, batch, exprs.slice(0, half), recodings.slice(0, half))),
    ...(await compileParts(context, batch, exprs.slice(half), recodings.slice(half))),
  ];
}

async function recodingOf(context: QueryContext, dictionaries: readonly Dictionary[], need: "unique" | "sorted"): Promise<Recoding> {
  const { dictionary, tables } = await context.dictionaries.unify(dictionaries, need);
  return new Map(dictionaries.map((d, i) => [d, { dictionary, table: tables[i] ?? null }]));
}

/** All rows of the table in one batch, owned by the caller. @throws OutOfDeviceMemoryError where a column outgrows a binding. */
export async function singleBatch(context: QueryContext, table: Table): Promise<Batch> {
  const filled = table.batches.filter((b) => b.rows > 0);
  const [only] = filled.length === 0 ? table.batches : filled;
  if (only === undefined) throw new InternalError("a table without batches");
  if (filled.length <= 1) return retainBatch(only);
  return concatBatches(context, filled, table.schema);
}

/** The table with its batches in one, where a binding holds all of each column; else as it is. Owned by the caller, as is the input. */
export async function concatWhereFits(context: QueryContext, table: Table): Promise<Table> {
  const filled = table.batches.filter((b) => b.rows > 0);
  const rows = filled.reduce((n, b) => n + b.rows, 0);
  const fits = table.schema.every((f) => columnWords(f.dtype, rows, true) * 4 <= context.device.limits.bindingBytes);
  return fits ? { schema: table.schema, batches: [await singleBatch(context, table)] } : retainTable(table);
}

/** `concatBatches` of batches that are taken over; a single one is handed on as it is. */
export async function joinedBatches(context: QueryContext, batches: readonly Batch[], schema: Schema): Promise<Batch> {
  const [only] = batches;
  if (batches.length === 1 && only !== undefined) return only;
  const all = await concatBatches(context, batches, schema);
  for (const batch of batches) releaseBatch(batch);
  return all;
}

/** Batches behind one another, with one dictionary for each code column. */
export async function concatBatches(context: QueryContext, batches: readonly Batch[], schema: Schema): Promise<Batch> {
  const rows = batches.reduce((n, b) => n + b.rows, 0);
  const columns: Column[] = [];
  for (const field of schema) {
    const parts = batches.map((b) => columnOf(b, field.name));
    const bytes = columnWords(field.dtype, rows, true) * 4;
    if (bytes > context.device.limits.bindingBytes) {
      throw new OutOfDeviceMemoryError(
        `column ${JSON.stringify(field.name)} of ${rows} rows takes ${bytes} bytes, a binding holds ${context.device.limits.bindingBytes}`,
      );
    }
    const recoded = physicalOf(field.dtype) === "code" ? await recodeParts(context, parts) : parts;
    columns.push(concat(context.device, recoded));
    recoded.forEach((c, i) => {
      if (c.buffer !== parts[i]?.buffer) c.buffer.release();
    });
  }
  return batchOf(
    rows,
    schema.map((f) => f.name),
    columns,
  );
}

async function recodeParts(context: QueryContext, parts: readonly Column[]): Promise<readonly Column[]> {
  const dictionaries = [...new Set(parts.map((p) => dictionaryOf(p)))];
  if (dictionaries.length === 1) return parts;
  const recoding = await recodingOf(context, dictionaries, "unique");
  const recoded: Column[] = [];
  for (const part of parts) {
    const target = recoding.get(dictionaryOf(part));
    if (target === undefined) throw new InternalError("a dictionary was not unified");
    if (target.table === null) recoded.push({ ...part, dictionary: target.dictionary });
    else {
      const compiled = await compile([column("code", part.dtype)], new Map([["code", part]]), part.length, context.dictionaries, [
        recoding,
      ]);
      recoded.push(...map(context.device, compiled, part.length));
    }
  }
  return recoded;
}

const dictionaryOf = (part: Column): Dictionary => {
  if (part.dictionary === null) throw new InternalError(`a code column of dtype ${part.dtype.kind} has no dictionary`);
  return part.dictionary;
};
