/** Frames whose columns stay on the device between queries, by the number of their source. */

import type { Column } from "../gpu/column.ts";
import type { Schema } from "../ir/schema.ts";
import { HostDictionary, Lookups } from "./host-dictionary.ts";
import type { ImportedBatch } from "./import.ts";

/** Answers about the columns' dictionaries stay with them. */
function withLookups(columns: readonly Column[]): readonly Column[] {
  for (const { dictionary } of columns) if (dictionary instanceof HostDictionary) dictionary.lookups ??= new Lookups();
  return columns;
}

type Load = (schema: Schema) => Promise<readonly ImportedBatch[]>;

interface Resident {
  /** Batches by column; the rows of each batch are the same for all columns. */
  readonly columns: Map<string, Promise<readonly Column[]>>;
  rows: readonly number[] | null;
}

/** Owns the columns; what it hands out is retained for the caller. */
export class Residents {
  readonly #frames = new Map<number, Resident>();

  has(source: number): boolean {
    return this.#frames.has(source);
  }

  add(source: number): void {
    if (!this.#frames.has(source)) this.#frames.set(source, { columns: new Map(), rows: null });
  }

  /** Frees the frame's columns; queries that still read them keep their own references. */
  async release(source: number): Promise<void> {
    const resident = this.#frames.get(source);
    this.#frames.delete(source);
    if (resident === undefined) return;
    for (const loaded of await Promise.allSettled(resident.columns.values())) {
      if (loaded.status === "rejected") continue;
      for (const { buffer, dictionary } of loaded.value) {
        buffer.release();
        if (dictionary instanceof HostDictionary) await dictionary.lookups?.release();
      }
    }
  }

  async releaseAll(): Promise<void> {
    for (const source of [...this.#frames.keys()]) await this.release(source);
  }

  /** The columns of `schema`, loading those that are not there yet, all in one call. */
  async batches(source: number, schema: Schema, load: Load): Promise<readonly ImportedBatch[]> {
    const resident = this.#frames.get(source);
    if (resident === undefined) return load(schema);
    const missing = schema.filter((f) => !resident.columns.has(f.name));
    if (missing.length > 0) this.#load(resident, missing, load);
    const columns = await Promise.all(schema.map((f) => resident.columns.get(f.name) ?? Promise.resolve([])));
    const rows = resident.rows ?? (await load([])).map((b) => b.rows);
    resident.rows = rows;
    return rows.map((count, b) => ({
      rows: count,
      columns: new Map(
        schema.flatMap((f, i) => {
          const column = columns[i]?.[b];
          column?.buffer.retain();
          return column === undefined ? [] : [[f.name, column] as const];
        }),
      ),
    }));
  }

  #load(resident: Resident, schema: Schema, load: Load): void {
    if (schema.length === 0) return;
    const loading = load(schema);
    for (const field of schema) {
      const column = loading.then((batches) => batches.flatMap((b) => b.columns.get(field.name) ?? [])).then(withLookups);
      resident.columns.set(field.name, column);
      column.catch(() => resident.columns.delete(field.name));
    }
  }
}
