/** Memory of frames between measurements. */
import { setImmediate } from "node:timers/promises";
import { collectGarbage } from "../src/gpu/garbage.ts";

/** Gives back the memory of frames that nobody holds any more: polars' memory is not seen by Node, which would let frames pile up. */
export async function forgetFrames(): Promise<void> {
  collectGarbage();
  await setImmediate();
}
