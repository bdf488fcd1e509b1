/** Files that get their names when they are whole: until then they lie in a hidden folder beside them. */

import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { dropFolder, newFolder } from "./scratch-folder.ts";

/** Why a file cannot be written beside its name first. `quiet`: CPU polars has an error for it. */
export interface Refusal {
  readonly reason: string;
  readonly quiet: boolean;
}

const refused = (reason: string): Refusal => ({ reason, quiet: true });
const unusual = (reason: string): Refusal => ({ reason, quiet: false });
const HIDDEN = ".polars-webgpu-";

export class Destination {
  readonly #folder: string;
  readonly #made: readonly string[];
  readonly #staging: string;
  readonly #published: string[] = [];
  #whole = false;

  /** For the file at `path`; folders that are missing are made. Throws what the file system says. */
  static file(path: string): Destination {
    return new Destination(dirname(realPath(path)));
  }

  /** For files in the folder at `path`, which is made. */
  static directory(path: string): Destination {
    return new Destination(resolve(path));
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.#made = makeFolders(folder);
    try {
      this.#staging = newFolder(join(folder, HIDDEN));
    } catch (error) {
      removeFolders(this.#made);
      throw error;
    }
  }

  /** Where a file lies until it is published. */
  staged(name: string): string {
    return join(this.#staging, name);
  }

  /** Gives a staged file its name; a file that is replaced hands down its permissions. */
  publish(staged: string, name: string): void {
    const path = join(this.#folder, name);
    const old = statSync(path, { throwIfNoEntry: false });
    if (old !== undefined) chmodSync(this.staged(staged), old.mode & 0o7777);
    renameSync(this.staged(staged), path);
    this.#published.push(path);
  }

  /** What was published stays. */
  keep(): void {
    this.#whole = true;
  }

  /** Removes what is staged and, unless it is to be kept, all that was published and made. */
  close(): void {
    dropFolder(this.#staging);
    if (this.#whole) return;
    for (const path of this.#published) rmSync(path, { force: true });
    removeFolders(this.#made);
  }
}

/** Why the file at `path` cannot be written by way of a `Destination`; null: it can. */
export function fileRefusal(path: string, mkdir: boolean): Refusal | null {
  if (path === "" || path.endsWith("/") || path.endsWith(sep)) return refused("the target is no file");
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return newRefusal(path, mkdir);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return refused("the target is a directory");
  if (found?.isFile() !== true) return unusual("a sink to something else than a regular file");
  if (!isWritable(path)) return refused("the target cannot be written");
  return isWritable(dirname(realPath(path))) ? null : unusual("a sink to a folder in which no other file can be made");
}

/** Why no file or folder can be made at `path`; null: it can. */
export function newRefusal(path: string, mkdir: boolean): Refusal | null {
  const folder = dirname(resolve(path));
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined)
    return mkdir && folder !== dirname(folder) ? newRefusal(folder, mkdir) : refused("the folder of the target is missing");
  if (!found.isDirectory()) return refused("the folder of the target is a file");
  return isWritable(folder) ? null : refused("the folder of the target cannot be written");
}

/** The name of the file at `path` once links are followed. */
export const fileName = (path: string): string => basename(realPath(path));

const realPath = (path: string): string => (existsSync(path) ? realpathSync(path) : resolve(path));

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Makes a folder and those above it; all that were made, the outermost first. */
function makeFolders(folder: string): readonly string[] {
  const missing: string[] = [];
  for (let at = folder; !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const path of missing) mkdirSync(path);
  return missing;
}

function removeFolders(made: readonly string[]): void {
  try {
    for (const path of made.toReversed()) rmdirSync(path);
  } catch {
    // Others have put something there meanwhile: it stays.
  }
}
