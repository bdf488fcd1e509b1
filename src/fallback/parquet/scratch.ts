/**
 * The memory that decoded values pass through: slots of one file in a memory file system, which threads write at once and the threads of Node read
 * into memory of the GPU at once. To copy it on the thread of the program is what everything would wait for. Slots are used again and again,
 * since pages that are new are slow.
 */

import { unlinkSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { ScratchFolder } from "../scratch-folder.ts";

export const SLOT_BYTES = 1 << 23;
/** How long the file is kept after its last use, in milliseconds. */
const KEPT_MS = 2000;

export class Slots {
  readonly file: FileHandle;
  readonly #free: number[];
  readonly #waiting: ((at: number) => void)[] = [];

  constructor(file: FileHandle, count: number) {
    this.file = file;
    this.#free = Array.from({ length: count }, (_, slot) => slot * SLOT_BYTES);
  }

  /** The byte at which a slot starts that nobody uses, as soon as there is one. */
  async take(): Promise<number> {
    return this.#free.pop() ?? new Promise((resolve) => void this.#waiting.push(resolve));
  }

  give(at: number): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(at);
    else next(at);
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
  try {
    const path = space.path();
    if (path === null) throw new RangeError("no room for values on their way to the device");
    const file = await open(path, "w+");
    unlinkSync(path);
    return new Slots(file, count);
  } finally {
    space.remove();
  }
}

function closeIdle(): void {
  if (users === 0) slots = closed(slots);
}

function closed(open: Promise<Slots> | null): null {
  void open?.then(({ file }) => file.close()).catch(() => undefined);
  return null;
}
