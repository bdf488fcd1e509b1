/**
 * The memory that decoded values pass through: files in a memory file system, which threads write at once and the threads of Node read
 * into memory of the GPU at once. To copy it on the thread of the program is what everything would wait for. Each slot is a file of its own, since
 * writers of one file wait for one another, and is used again and again, since pages that are new are slow.
 */

import { unlinkSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { ScratchFolder } from "../scratch-folder.ts";

export const SLOT_BYTES = 1 << 23;
/** How long the file is kept after its last use, in milliseconds. */
const KEPT_MS = 2000;

export class Slots {
  readonly #files: readonly FileHandle[];
  readonly #free: FileHandle[];
  readonly #waiting: ((slot: FileHandle) => void)[] = [];

  constructor(files: readonly FileHandle[]) {
    this.#files = files;
    this.#free = [...files];
  }

  /** A file of `SLOT_BYTES` that nobody uses, as soon as there is one. */
  async take(): Promise<FileHandle> {
    return this.#free.pop() ?? new Promise((resolve) => void this.#waiting.push(resolve));
  }

  give(slot: FileHandle): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(slot);
    else next(slot);
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }
}

let slots: Promise<Slots> | null = null;
let users = 0;
let closing: NodeJS.Timeout | null = null;

/** Runs `work` with the slots, which all imports share: `count` of them where they are made now. @throws RangeError where there is no room for them. */
export async function withSlots<T>(count: number, work: (slots: Slots) => Promise<T>): Promise<T> {
  if (closing !== null) clearTimeout(closing);
  closing = null;
  users += 1;
  try {
    slots ??= opened(count);
    return await work(await slots);
  } catch (error) {
    if (users === 1) slots = closed(slots);
    throw error;
  } finally {
    users -= 1;
    if (users === 0) closing = setTimeout(closeIdle, KEPT_MS).unref();
  }
}

async function opened(count: number): Promise<Slots> {
  const space = new ScratchFolder(count * SLOT_BYTES);
  const files: FileHandle[] = [];
  try {
    for (let slot = 0; slot < count; slot++) {
      const path = space.path();
      if (path === null) throw new RangeError("no room for values on their way to the device");
      files.push(await open(path, "w+"));
      unlinkSync(path);
    }
    return new Slots(files);
  } catch (error) {
    for (const file of files) await file.close();
    throw error;
  } finally {
    space.remove();
  }
}

function closeIdle(): void {
  if (users === 0) slots = closed(slots);
}

function closed(open: Promise<Slots> | null): null {
  void open?.then((slots) => slots.close()).catch(() => undefined);
  return null;
}
