/** The machine that a benchmark runs on: its cores and memory, its adapter. */
import { availableParallelism, cpus, totalmem } from "node:os";
import { type Bandwidth, measureBandwidth } from "./bandwidth.ts";

export interface Host {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
}

export interface Machine extends Host {
  readonly bandwidth: Bandwidth;
}

export const hostOf = (): Host => ({
  cpu: cpus()[0]?.model ?? "?",
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  node: process.version,
});

/** Measures the adapter's bandwidth over buffers of at most `bytes`. @throws Error without an adapter. */
export async function machineOf(bytes?: number): Promise<Machine> {
  const bandwidth = await measureBandwidth(bytes);
  if (bandwidth === null) throw new Error("no WebGPU adapter");
  return { ...hostOf(), bandwidth };
}

/** GB/s of a copy from which on memory is that of a graphics card. */
const FAST = 50;

/** How many rows a benchmark takes by itself: `fast` where memory is that of a graphics card, else `slow`. */
export const rowsFor = ({ bandwidth }: Machine, fast: number, slow: number): number => (bandwidth.copy >= FAST ? fast : slow);

export const machineLines = ({ cpu, cores, memoryBytes, node, bandwidth }: Machine): readonly string[] => [
  `${bandwidth.adapter}: copies ${bandwidth.copy.toFixed(0)} GB/s (read + written), a sum reads ${bandwidth.read.toFixed(0)} GB/s`,
  `${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, Node ${node}`,
];
