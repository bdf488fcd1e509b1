/** Collects what JavaScript no longer reaches, at once: what WebGPU objects hold is given back only then. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: unknown = null;

/** Takes some milliseconds. Does nothing where the runtime does not let itself be asked. */
export function collectGarbage(): void {
  if (collect === null) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("typeof gc === 'function' ? gc : undefined");
  }
  if (typeof collect === "function") collect();
}
