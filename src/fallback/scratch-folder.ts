/** Short-lived files that data passes through on its way from CPU polars: in memory where the system has a memory file system with room. */

import { mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

/** Gives paths for new files. */
export interface ScratchSpace {
  /** A path that no file has; null where there is no room. */
  path(): string | null;
  /** Deletes whatever was written. */
  remove(): void;
}

const MEMORY = "/dev/shm";
/** Room that is left to others. */
const MARGIN = 1 << 28;
const OWNER = `polars-webgpu-${hostname().replaceAll(/[^A-Za-z0-9.]/g, "_")}-`;
const NAME = /-(\d+)-[A-Za-z0-9]{6}$/;

/** Folders of this process: removed when it ends, whatever happens before. */
const open = new Set<string>();
const swept = new Set<string>();

const removeFolder = (folder: string): void => {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Whoever holds the file keeps it; the next process of this host that starts tries again.
  }
};

const removeAll = (): void => {
  for (const folder of open) removeFolder(folder);
};

/** A new folder whose name starts with `prefix`: it goes at the latest when the process ends. Throws what the file system says. */
export function newFolder(prefix: string): string {
  const folder = mkdtempSync(prefix);
  if (open.size === 0 && !process.listeners("exit").includes(removeAll)) process.on("exit", removeAll);
  open.add(folder);
  return folder;
}

export function dropFolder(folder: string): void {
  removeFolder(folder);
  open.delete(folder);
}

/** Where folders are made: in memory where that can be, on disk, or in the first of these folders that has room. */
type Place = "memory" | "disk" | readonly string[];

/** The system is asked when a folder is made: most are not, and to ask takes a while. */
const rootsOf = (place: Place): readonly string[] => (place === "memory" ? [MEMORY, tmpdir()] : place === "disk" ? [tmpdir()] : place);

/** A folder of its own, made by the first `path`. */
export class ScratchFolder implements ScratchSpace {
  readonly #bytes: number;
  readonly #place: Place;
  #folder: string | null = null;
  #count = 0;

  /** @param bytes What the files hold at once. */
  constructor(bytes: number, place: Place = "memory") {
    this.#bytes = bytes;
    this.#place = place;
  }

  /** A folder for data that must not take memory. */
  static onDisk(): ScratchFolder {
    return new ScratchFolder(0, "disk");
  }

  path(): string | null {
    this.#folder ??= this.#make();
    return this.#folder === null ? null : join(this.#folder, `${this.#count++}.arrow`);
  }

  remove(): void {
    if (this.#folder === null) return;
    dropFolder(this.#folder);
    this.#folder = null;
  }

  #make(): string | null {
    for (const root of rootsOf(this.#place)) {
      sweep(root);
      try {
        if (room(root) < this.#bytes + MARGIN) continue;
        return newFolder(join(root, `${OWNER}${process.pid}-`));
      } catch {
        // A root that does not exist or cannot be written is no place; the next one may be.
      }
    }
    return null;
  }
}

function room(root: string): number {
  const { bavail, bsize } = statfsSync(root);
  return root === MEMORY ? Math.min(bavail * bsize, process.availableMemory()) : bavail * bsize;
}

/** Deletes what dead processes of this host left behind; once for each root. */
function sweep(root: string): void {
  if (swept.has(root)) return;
  swept.add(root);
  try {
    for (const name of readdirSync(root)) {
      const pid = name.startsWith(OWNER) ? NAME.exec(name)?.[1] : undefined;
      if (pid !== undefined && !isAlive(Number(pid))) removeFolder(join(root, name));
    }
  } catch {
    // Not a folder that can be listed: nothing of ours is in it.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}
