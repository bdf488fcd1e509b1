/** Marks native calls that polars-webgpu makes for itself, so that interception leaves them alone. */

let depth = 0;

/** Runs `work`, which must be synchronous, without the native calls in it being tracked. */
export function quietly<T>(work: () => T): T {
  depth++;
  try {
    return work();
  } finally {
    depth--;
  }
}

export function isQuiet(): boolean {
  return depth > 0;
}
