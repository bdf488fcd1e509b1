/**
 * Partitions between the tasks that make them and those that read them, inside a budget of device memory: what nobody reads now moves to the
 * host when the device has no room, and on to files when the host's budget is used up.
 */

import { rm } from "node:fs/promises";
import { DeviceError, InternalError } from "../../errors.ts";
import { inLanes } from "../../fallback/parallel.ts";
import { ScratchFolder } from "../../fallback/scratch-folder.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Device } from "../../gpu/device.ts";
import type { Batch, Table } from "../table.ts";
import { releaseTable } from "../table.ts";
import { readWords, writeWords } from "./spill-file.ts";

/** A table in the store. `release` once for each reader. */
export interface Stored {
  readonly rows: number;
  readonly bytes: number;
  retain(): void;
  release(): void;
}

export interface StoreOptions {
  /** Bytes on the device that all queries together may take; Infinity for no limit. */
  readonly deviceBytes: number;
  /** Bytes on the host that spilled tables of this query may take; more goes to files. */
  readonly hostBytes: number;
  /** Folder for the files; the system's temporary one by default. */
  readonly folder?: string;
  /** Frees up to so many bytes that others keep on the device without need. */
  readonly freeOthers?: (bytes: number) => Promise<void>;
}

/** Part of the device's bytes that leave it together, and the most bytes that do: to read them takes a round trip, however many they are. */
const SHARE_AT_ONCE = 16;
const SPILLED_AT_ONCE = 1 << 28;
/** Spill files that are written or read at once. */
const FILES_AT_ONCE = 4;

/** Bytes that moved out of and back into device memory, and out of and back into host memory. */
export interface SpillCounts {
  toHost: number;
  toDevice: number;
  toDisk: number;
  fromDisk: number;
}

/** The different buffers of a table. */
function buffersOf(table: Table): readonly DeviceBuffer[] {
  const buffers = new Set<DeviceBuffer>();
  for (const batch of table.batches) {
    for (const { buffer } of batch.columns.values()) buffers.add(buffer);
    for (const state of batch.states ?? []) buffers.add(state);
  }
  return [...buffers];
}

/** The table over other buffers. */
export function withBuffers(table: Table, of: (buffer: DeviceBuffer) => DeviceBuffer): Table {
  const batches = table.batches.map(
    (batch): Batch => ({
      rows: batch.rows,
      columns: new Map([...batch.columns].map(([name, column]) => [name, { ...column, buffer: of(column.buffer) }])),
      ...(batch.states === undefined ? {} : { states: batch.states.map(of) }),
    }),
  );
  return { schema: table.schema, batches };
}

type Place =
  | { readonly kind: "device" }
  | { readonly kind: "host"; readonly words: readonly Uint32Array[] }
  | { readonly kind: "disk"; readonly path: string }
  | { readonly kind: "gone" };

class StoredTable implements Stored {
  readonly rows: number;
  readonly bytes: number;
  table: Table;
  place: Place = { kind: "device" };
  references = 1;
  pins = 0;
  /** Counts up: the smallest was used longest ago. */
  used: number;
  /** The move that is going on. */
  moving: Promise<void> | null = null;
  readonly #gone: (stored: StoredTable) => void;

  constructor(table: Table, used: number, gone: (stored: StoredTable) => void) {
    this.table = table;
    this.rows = table.batches.reduce((n, b) => n + b.rows, 0);
    this.bytes = buffersOf(table).reduce((n, b) => n + b.words * 4, 0);
    this.used = used;
    this.#gone = gone;
  }

  retain(): void {
    this.references += 1;
  }

  release(): void {
    if (this.references === 0) throw new InternalError("a stored table is released twice");
    this.references -= 1;
    if (this.references === 0 && this.pins === 0 && this.moving === null) this.#gone(this);
  }
}

/** What goes wrong with files is the environment's fault, as what goes wrong on the device is. */
async function asDeviceError<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new DeviceError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const readBack = (path: string): Promise<readonly Uint32Array[]> => asDeviceError(`reading back ${path}`, () => readWords(path));

/** A file that cannot be removed now goes with its folder. */
const removeFile = (path: string): Promise<void> => rm(path, { force: true }).catch(() => undefined);

/** Waits until no move of the table goes on. */
async function settled(stored: StoredTable): Promise<void> {
  for (let { moving } = stored; moving !== null; { moving } = stored) await moving.catch(() => undefined);
}

export class PartitionStore {
  readonly #device: Device;
  readonly #options: StoreOptions;
  readonly #tables = new Set<StoredTable>();
  readonly #scratch: ScratchFolder;
  readonly spilled: SpillCounts = { toHost: 0, toDevice: 0, toDisk: 0, fromDisk: 0 };
  #hostBytes = 0;
  #clock = 0;

  constructor(device: Device, options: StoreOptions) {
    this.#device = device;
    this.#options = options;
    this.#scratch = options.folder === undefined ? ScratchFolder.onDisk() : new ScratchFolder(0, [options.folder]);
  }

  /** Takes the table over; one reference. */
  put(table: Table): Stored {
    const stored = new StoredTable(table, this.#clock++, (gone) => void this.#drop(gone));
    this.#tables.add(stored);
    return stored;
  }

  /** Runs `work` on the tables, which are on the device and stay there meanwhile. They stay the store's. */
  async use<T>(stored: readonly Stored[], work: (tables: readonly Table[]) => Promise<T>): Promise<T> {
    const own = stored.map((s) => this.#own(s));
    for (const s of own) s.pins += 1;
    try {
      await this.#load(own);
      return await work(own.map((s) => s.table));
    } finally {
      for (const s of own) {
        s.pins -= 1;
        s.used = this.#clock++;
        if (s.references === 0 && s.pins === 0 && s.moving === null) void this.#drop(s);
      }
    }
  }

  /** Bytes that `stored` would take if it were brought to the device. */
  absentBytes(stored: readonly Stored[]): number {
    return stored.reduce((n, s) => n + (this.#own(s).place.kind === "device" ? 0 : s.bytes), 0);
  }

  /** Moves tables that nobody reads off the device, those used longest ago first, until `bytes` are free; whether they are. */
  async makeRoom(bytes: number): Promise<boolean> {
    if (this.#free() < bytes) await this.#options.freeOthers?.(bytes - this.#free());
    for (let free = this.#free(); free < bytes; free = this.#free()) {
      const batch = this.#oldest("device", Math.max(bytes - free, this.#options.deviceBytes / SHARE_AT_ONCE));
      if (batch.length > 0) await this.#spill(batch);
      else if (!(await this.#someLeave())) return false;
    }
    return true;
  }

  /** Moves everything that nobody reads off the device. */
  async spillAll(): Promise<void> {
    await this.#options.freeOthers?.(Number.POSITIVE_INFINITY);
    do {
      for (let batch = this.#oldest("device", SPILLED_AT_ONCE); batch.length > 0; batch = this.#oldest("device", SPILLED_AT_ONCE))
        await this.#spill(batch);
    } while (await this.#someLeave());
    this.#device.trim();
  }

  /** Gives everything back, also what still has readers. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#tables].map((s) => s.moving));
    await Promise.all([...this.#tables].map((s) => this.#drop(s)));
    this.#scratch.remove();
  }

  #free(): number {
    return this.#options.deviceBytes - this.#device.stats.allocatedBytes;
  }

  #own(stored: Stored): StoredTable {
    if (stored instanceof StoredTable && this.#tables.has(stored)) return stored;
    throw new InternalError("a table of another store");
  }

  /** Tables at this place that nobody reads, those used longest ago first, of `bytes` together or a little more; at least one if there is any. */
  #oldest(place: "device" | "host", bytes: number): readonly StoredTable[] {
    const movable = [...this.#tables].filter((s) => s.pins === 0 && s.place.kind === place && s.moving === null && s.bytes > 0);
    movable.sort((a, b) => a.used - b.used);
    const batch: StoredTable[] = [];
    let taken = 0;
    for (const stored of movable) {
      if (taken >= Math.min(bytes, SPILLED_AT_ONCE)) break;
      batch.push(stored);
      taken += stored.bytes;
    }
    return batch;
  }

  /** Waits for a table that others move off the device; false where there is none. */
  async #someLeave(): Promise<boolean> {
    for (const s of this.#tables) {
      if (s.place.kind !== "device" || s.moving === null) continue;
      await settled(s);
      return true;
    }
    return false;
  }

  /** One read for all of them. */
  async #spill(batch: readonly StoredTable[]): Promise<void> {
    await this.#move(batch, async () => {
      const buffers = batch.map(({ table }) => buffersOf(table));
      const words = await this.#device.readMany(buffers.flat().map((buffer) => ({ buffer, word: 0, words: buffer.words })));
      let next = 0;
      for (const [i, stored] of batch.entries()) {
        const count = buffers[i]?.length ?? 0;
        stored.place = { kind: "host", words: words.slice(next, next + count) };
        next += count;
        this.#hostBytes += stored.bytes;
        this.spilled.toHost += stored.bytes;
        releaseTable(stored.table);
      }
    });
    await this.#boundHost();
  }

  /** Writes tables from the host to files until the host's budget holds. */
  async #boundHost(): Promise<void> {
    for (let over = this.#overHost(); over > 0; over = this.#overHost()) {
      const batch = this.#oldest("host", over);
      if (batch.length === 0) return;
      await this.#move(batch, () => inLanes(FILES_AT_ONCE, batch, (stored) => this.#write(stored)));
    }
  }

  #overHost(): number {
    return this.#hostBytes - this.#options.hostBytes;
  }

  async #write(stored: StoredTable): Promise<void> {
    const { place } = stored;
    if (place.kind !== "host") return;
    const path = this.#scratch.path();
    if (path === null) throw new DeviceError("spilling: there is no folder with room for files");
    await asDeviceError(`spilling to ${path}`, () => writeWords(path, place.words));
    stored.place = { kind: "disk", path };
    this.#hostBytes -= stored.bytes;
    this.spilled.toDisk += stored.bytes;
  }

  /** Brings the tables, which are pinned, to the device. */
  async #load(own: readonly StoredTable[]): Promise<void> {
    const absent = (): readonly StoredTable[] => [...new Set(own)].filter((s) => s.place.kind !== "device" && s.moving === null);
    for (;;) {
      for (const stored of own) await settled(stored);
      const missing = absent();
      if (missing.length === 0 && own.every((s) => s.moving === null)) return;
      await this.makeRoom(missing.reduce((n, s) => n + s.bytes, 0));
      // Others that wait for the same tables go on at the same time: the first one moves them, before any other looks.
      const still = absent();
      if (still.length > 0) await this.#move(still, () => this.#reload(still));
    }
  }

  async #reload(batch: readonly StoredTable[]): Promise<void> {
    const words = new Map<StoredTable, readonly Uint32Array[]>();
    await inLanes(FILES_AT_ONCE, batch, async (stored) => {
      const { place } = stored;
      if (place.kind === "gone") throw new InternalError("a table is read after its release");
      if (place.kind !== "device") words.set(stored, place.kind === "host" ? place.words : await readBack(place.path));
    });
    const made = new Map<DeviceBuffer, DeviceBuffer>();
    await this.#device.outsideScope(() =>
      this.#device.scope(async () => {
        for (const [{ table }, own] of words) {
          buffersOf(table).forEach((old, i) => {
            const buffer = this.#device.alloc(old.words, "reloaded");
            this.#device.write(buffer, 0, own[i] ?? new Uint32Array(0));
            made.set(old, buffer);
          });
        }
      }),
    );
    for (const stored of words.keys()) await this.#arrive(stored, made);
  }

  /** The table is on the device again, in the buffers that were made for its own. */
  async #arrive(stored: StoredTable, made: ReadonlyMap<DeviceBuffer, DeviceBuffer>): Promise<void> {
    const taken = new Set<DeviceBuffer>();
    stored.table = withBuffers(stored.table, (old) => {
      const buffer = made.get(old) ?? old;
      if (taken.has(buffer)) return buffer.retain();
      taken.add(buffer);
      return buffer;
    });
    const { place } = stored;
    stored.place = { kind: "device" };
    this.spilled.toDevice += stored.bytes;
    if (place.kind === "host") this.#hostBytes -= stored.bytes;
    if (place.kind !== "disk") return;
    this.spilled.fromDisk += stored.bytes;
    await removeFile(place.path);
  }

  /** Tables move together, each once at a time; one without readers goes when its move has ended. */
  async #move(batch: readonly StoredTable[], work: () => Promise<void>): Promise<void> {
    const moving = work();
    for (const stored of batch) stored.moving = moving;
    try {
      await moving;
    } finally {
      for (const stored of batch) stored.moving = null;
      for (const stored of batch) if (stored.references === 0 && stored.pins === 0) await this.#drop(stored);
    }
  }

  async #drop(stored: StoredTable): Promise<void> {
    if (!this.#tables.delete(stored)) return;
    const { place } = stored;
    stored.place = { kind: "gone" };
    if (place.kind === "device") releaseTable(stored.table);
    if (place.kind === "host") this.#hostBytes -= stored.bytes;
    if (place.kind === "disk") await removeFile(place.path);
  }
}
