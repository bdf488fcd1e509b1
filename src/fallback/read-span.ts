/** Reads a span of an open file whole: one read of the system may give less. */

import type { FileHandle } from "node:fs/promises";
import type { Span } from "./ipc-file.ts";

/** Fills the first `bytes` bytes of `target`. @throws RangeError where the file ends before. */
export async function readSpan(file: FileHandle, { at, bytes }: Span, target: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes; ) {
    const { bytesRead } = await file.read(target, done, bytes - done, at + done);
    if (bytesRead === 0) throw new RangeError("a file on its way to the device is too short");
    done += bytesRead;
  }
}
