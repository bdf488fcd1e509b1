/** The machine that a benchmark runs on: its adapter, its cores, its memory. */
import { availableParallelism, cpus, totalmem } from "node:os";
import { type Bandwidth, measureBandwidth } from "./bandwidth.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
  readonly bandwidth: Bandwidth;
}

/** Measures the adapter's bandwidth over buffers of at most `bytes`. @throws Error without an adapter. */
export async function machineOf(bytes?: number): Promise<Machine> {
  const bandwidth = await measureBandwidth(bytes);
  if (bandwidth === null) throw new Error("no WebGPU adapter");
  return { cpu: cpus()[0]?.model ?? "?", cores: availableParallelism(), memoryBytes: totalmem(), node: process.version, bandwidth };
}

export const machineLines = ({ cpu, cores, memoryBytes, node, bandwidth }: Machine): readonly string[] => [
  `${bandwidth.adapter}: copies ${bandwidth.copy.toFixed(0)} GB/s (read + written), a sum reads ${bandwidth.read.toFixed(0)} GB/s`,
  `${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, Node ${node}`,
];
