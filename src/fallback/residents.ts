/**
 * Columns that stay on the device between queries: those of persisted frames, and those that queries moved there lately. All of them can be
 * loaded again from where they came, so that they make room for whatever needs the memory.
 */

import type { Column } from "../gpu/column.ts";
import type { Schema } from "../ir/schema.ts";
import type { NativeDataFrame } from "../polars/native.ts";
import { HostDictionary, Lookups } from "./host-dictionary.ts";
import type { ImportedBatch } from "./import.ts";
import { type Rows, rowBytes } from "./partitions.ts";

/** Rows of a source, as one batch. */
export interface SourcePart {
  /** Equal for the same rows of the same source in the same state, and for nothing else. */
  readonly key: string;
  /** The frame in memory that the rows are of; null for files. */
  readonly frame: SourceFrame | null;
  /** About how many. */
  readonly rows: number;
  /** About how many the source has in all its parts. */
  readonly sourceRows: number;
}

/** Rows of the frame in memory with this number. */
export const partOfFrame = (id: number, value: NativeDataFrame, { offset, length }: Rows): SourcePart => ({
  key: `frame ${id} ${offset} ${length}`,
  frame: { id, value },
  rows: length,
  sourceRows: value.height,
});

/** A frame in memory under its number. */
export interface SourceFrame {
  readonly id: number;
  /** Columns of a frame that was collected as garbage leave the device. */
  readonly value: object;
}

/** Loads columns of a part. */
export type Load = (schema: Schema) => Promise<ImportedBatch>;

/** Sources of less are not kept: to move them again takes no time, and many small frames come and go. */
const LEAST_BYTES = 1 << 20;

interface Resident {
  readonly frame: number | null;
  readonly columns: Map<string, Promise<Column>>;
  rows: number | null;
  bytes: number;
  /** Queries that are about to take references. */
  takers: number;
  /** Counts up: the smallest was used longest ago. */
  used: number;
  /** Nobody finds it any more: it goes when it has been taken for the last time. */
  dropped: boolean;
}

/** Owns the columns; what it hands out is retained for the caller. */
export class Residents {
  readonly #limit: number;
  readonly #parts = new Map<string, Resident>();
  readonly #persisted = new Set<number>();
  readonly #watched = new WeakSet<object>();
  readonly #gone = new FinalizationRegistry<number>((id) => void this.release(id));
  #bytes = 0;
  #clock = 0;

  /** `limit`: bytes that columns may take which nobody asked to persist. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes on the device. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Columns of this frame stay, however many bytes they are, for as long as the device has room. */
  persist(frame: number): void {
    this.#persisted.add(frame);
  }

  /** Frees the frame's columns; queries that still read them keep their own references. */
  async release(frame: number): Promise<void> {
    this.#persisted.delete(frame);
    await this.#drop((resident) => resident.frame === frame);
  }

  releaseAll(): Promise<void> {
    return this.#drop(() => true);
  }

  /** Whether columns of this part would stay: all parts of a source do, or none. */
  keeps({ frame, sourceRows }: SourcePart, schema: Schema): boolean {
    // Frames inside a plan have numbers below zero, which mean others in other plans.
    if (schema.length === 0 || (frame !== null && frame.id < 0)) return false;
    if (frame !== null && this.#persisted.has(frame.id)) return true;
    const bytes = sourceRows * rowBytes(schema);
    return bytes >= LEAST_BYTES && bytes <= this.#limit;
  }

  /** Bytes of these columns that are not on the device. */
  missingBytes({ key, rows }: SourcePart, schema: Schema): number {
    const columns = this.#parts.get(key)?.columns;
    return rows * rowBytes(columns === undefined ? schema : schema.filter(({ name }) => !columns.has(name)));
  }

  /** The columns of `schema` of a part that stays, loading those that are not there yet, all in one call. */
  async batch(part: SourcePart, schema: Schema, load: Load): Promise<ImportedBatch> {
    const resident = this.#parts.get(part.key) ?? this.#add(part);
    const missing = schema.filter((f) => !resident.columns.has(f.name));
    if (missing.length > 0) this.#load(resident, missing, load);
    resident.takers += 1;
    resident.used = this.#clock++;
    try {
      const columns = await Promise.all(schema.map(async ({ name }) => [name, await resident.columns.get(name)] as const));
      const taken = new Map<string, Column>();
      for (const [name, column] of columns) if (column !== undefined) taken.set(name, { ...column, buffer: column.buffer.retain() });
      return { rows: resident.rows ?? part.rows, columns: taken };
    } finally {
      resident.takers -= 1;
      if (resident.dropped) await this.#release(resident);
      await this.#withinLimit();
    }
  }

  /** Lets go of columns that nobody takes now, those used longest ago first and persisted ones last, until `bytes` are let go of. */
  async free(bytes: number): Promise<void> {
    for (let left = bytes; left > 0; ) {
      const next = this.#oldest(() => true);
      if (next === undefined) return;
      left -= next.bytes;
      await this.#drop((resident) => resident === next);
    }
  }

  async #withinLimit(): Promise<void> {
    const own = (resident: Resident): boolean => !this.#isPersisted(resident);
    for (;;) {
      const bytes = [...this.#parts.values()].reduce((n, resident) => n + (own(resident) ? resident.bytes : 0), 0);
      const next = bytes > this.#limit ? this.#oldest(own) : undefined;
      if (next === undefined) return;
      await this.#drop((resident) => resident === next);
    }
  }

  #isPersisted({ frame }: Pick<Resident, "frame">): boolean {
    return frame !== null && this.#persisted.has(frame);
  }

  #oldest(which: (resident: Resident) => boolean): Resident | undefined {
    const rank = (resident: Resident): number => resident.used + (this.#isPersisted(resident) ? this.#clock : 0);
    const idle = [...this.#parts.values()].filter((resident) => resident.takers === 0 && resident.bytes > 0 && which(resident));
    return idle.sort((a, b) => rank(a) - rank(b))[0];
  }

  #add({ key, frame }: SourcePart): Resident {
    const resident: Resident = {
      frame: frame?.id ?? null,
      columns: new Map(),
      rows: null,
      bytes: 0,
      takers: 0,
      used: this.#clock,
      dropped: false,
    };
    this.#parts.set(key, resident);
    if (frame !== null && !this.#watched.has(frame.value)) {
      this.#watched.add(frame.value);
      this.#gone.register(frame.value, frame.id);
    }
    return resident;
  }

  #load(resident: Resident, schema: Schema, load: Load): void {
    const loading = load(schema).then((batch) => {
      resident.rows = batch.rows;
      this.#count(resident, bytesOf(batch.columns.values()));
      return batch;
    });
    for (const { name } of schema) {
      const column = loading.then(({ columns }) => {
        const loaded = columns.get(name);
        if (loaded === undefined) throw new RangeError(`no column was loaded for ${JSON.stringify(name)}`);
        return withLookups(loaded, (bytes) => this.#count(resident, bytes));
      });
      resident.columns.set(name, column);
      column.catch(() => resident.columns.delete(name));
    }
  }

  #count(resident: Resident, bytes: number): void {
    resident.bytes += bytes;
    this.#bytes += bytes;
  }

  async #drop(which: (resident: Resident) => boolean): Promise<void> {
    const dropped = [...this.#parts].filter(([, resident]) => which(resident));
    for (const [key, resident] of dropped) {
      this.#parts.delete(key);
      resident.dropped = true;
    }
    await Promise.all(dropped.map(([, resident]) => this.#release(resident)));
  }

  async #release(resident: Resident): Promise<void> {
    if (resident.takers > 0) return;
    const loaded = await Promise.allSettled(resident.columns.values());
    for (const column of loaded) {
      if (column.status === "rejected") continue;
      column.value.buffer.release();
      const { dictionary } = column.value;
      if (dictionary instanceof HostDictionary) await dictionary.forgetAnswers();
    }
    this.#count(resident, -resident.bytes);
  }
}

/** Answers about the column's dictionary stay with it. */
function withLookups(column: Column, counted: (bytes: number) => void): Column {
  if (column.dictionary instanceof HostDictionary) column.dictionary.lookups ??= new Lookups(counted);
  return column;
}

const bytesOf = (columns: Iterable<Column>): number => {
  let bytes = 0;
  for (const { buffer } of columns) bytes += buffer.bytes;
  return bytes;
};
