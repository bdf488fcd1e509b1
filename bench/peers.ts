/** Times of native counterparts on the same GPU, as bench/peers/cuda.py writes them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One way in which the native library does an operator. */
export interface PeerTime {
  readonly operator: string;
  readonly way: string;
  /** Median of the device's own clock. */
  readonly ms: number;
}

export interface Peers {
  readonly gpu: string;
  readonly library: string;
  readonly rows: number;
  readonly operators: readonly PeerTime[];
}

/** @throws RangeError where the file is about another number of rows, TypeError where it is something else. */
export function readPeers(file: string, rows: number): Peers {
  const peers: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!isPeers(peers)) throw new TypeError(`${file} is not what bench/peers/cuda.py writes`);
  if (peers.rows !== rows) throw new RangeError(`${file} was measured with ${peers.rows} rows, not ${rows}`);
  return peers;
}

/** Measures now; null, and a line with the reason, where that is not possible. */
export function runPeers(python: string, rows: number): Peers | null {
  const folder = mkdtempSync(join(tmpdir(), "peers-"));
  try {
    const file = join(folder, "cuda.json");
    const script = join(import.meta.dirname, "peers", "cuda.py");
    const { status, error } = spawnSync(python, [script, "--rows", `${rows}`, "--json", file], { stdio: "inherit" });
    if (status === 0) return readPeers(file, rows);
    console.log(`going on without them${error === undefined ? "" : `: ${error.message}`}`);
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const isPeers = (value: unknown): value is Peers =>
  typeof value === "object" &&
  value !== null &&
  "gpu" in value &&
  typeof value.gpu === "string" &&
  "library" in value &&
  typeof value.library === "string" &&
  "rows" in value &&
  typeof value.rows === "number" &&
  "operators" in value &&
  Array.isArray(value.operators) &&
  value.operators.every(isPeerTime);

const isPeerTime = (value: unknown): value is PeerTime =>
  typeof value === "object" &&
  value !== null &&
  "operator" in value &&
  typeof value.operator === "string" &&
  "way" in value &&
  typeof value.way === "string" &&
  "ms" in value &&
  typeof value.ms === "number";
