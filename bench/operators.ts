/**
 * `npm run bench -- operators --rows 50e6 --peers cuda.json --json FILE`: operators one by one through the public API, their columns on the device.
 *
 * What is timed is the same on every side: the operator's whole result is made, and stays where it is made. CPU polars collects the operator, which
 * leaves the result in host memory. The engine collects the last row of the operator's result: every row and column of it is made in device memory
 * (a slice from the end moves below no operator), and one row is exported. The native peer leaves its tensors on the device. `whole ms` is one
 * run of the engine with the result brought to the host, which is the one that is compared with CPU polars.
 */
import { parseArgs } from "node:util";
import type { LazyDataFrame } from "nodejs-polars";
import { summingTolerance } from "./compare.ts";
import { differenceOfMany } from "./compare-many.ts";
import { type EngineSession, openEngine } from "./engine.ts";
import { type KernelLine, kernelMsOf, kernelsOf, onCpu } from "./facts.ts";
import { forgetFrames } from "./forget-frames.ts";
import { machineLines, machineOf, rowsFor } from "./machine.ts";
import { ALL_COLUMNS, type Frames, inOrder, makeFrames, OPERATIONS, type Operation } from "./operations.ts";
import { count, countOrNone, effortOf, effortOptions, numberOption, positive } from "./options.ts";
import { readPeers, runPeers } from "./peers.ts";
import { writeResults } from "./results.ts";
import { amount, cells, digits, ms, ratio, spread } from "./table.ts";
import { type Timing, timed, timedOnce } from "./timing.ts";

const { values } = parseArgs({
  options: {
    /** By default 50 million, one million where memory is slow. */
    rows: { type: "string" },
    /** Parts of the names of operators, separated by commas. */
    only: { type: "string", default: "" },
    ...effortOptions({ warmup: "0.5", runs: "7", seconds: "4", paused: "3" }),
    /** How many kernels of each operator are printed. */
    kernels: { type: "string", default: "4" },
    /** What bench/peers/cuda.py wrote on the same GPU. */
    peers: { type: "string" },
    /** Runs bench/peers/cuda.py first, where there is a Python with PyTorch. */
    cuda: { type: "boolean", default: false },
    python: { type: "string", default: "python3" },
    /** MiB of the buffers over which bandwidth is measured. */
    bandwidth: { type: "string", default: "1024" },
    json: { type: "string" },
  },
});
const effort = effortOf(values);
const shownKernels = numberOption("kernels", values.kernels, countOrNone);
const wanted = values.only.split(",");
const operations = OPERATIONS.filter(({ name }) => wanted.some((part) => name.includes(part)));
const machine = await machineOf(numberOption("bandwidth", values.bandwidth, positive) * 2 ** 20);
for (const text of machineLines(machine)) console.log(text);
const rows = values.rows === undefined ? rowsFor(machine, 50e6, 1e6) : numberOption("rows", values.rows, count);
const peers = values.peers !== undefined ? readPeers(values.peers, rows) : values.cuda ? runPeers(values.python, rows) : null;

interface OperatorMeasurement {
  readonly operator: string;
  readonly rows: number;
  readonly polars: Timing;
  readonly engine: Timing | null;
  /** One run whose result comes to the host as a frame. */
  readonly wholeMs: number | null;
  /** Median of the profiled runs; null where the adapter measures no time. */
  readonly kernelMs: number | null;
  readonly kernels: readonly KernelLine[];
  /** Bytes that must be moved at least. */
  readonly bytes: number;
  /** Of the bandwidth of a copy, over the time of the kernels. */
  readonly share: number | null;
  readonly onCpu: readonly string[];
  /** `agrees`, or what is wrong. */
  readonly check: string;
}

const PROFILED_RUNS = 5;

/** The kernels of the run whose kernels took the median time. */
async function profiled(session: EngineSession, lf: LazyDataFrame): Promise<readonly KernelLine[]> {
  const runs: (readonly KernelLine[])[] = [];
  for (let run = 0; run < PROFILED_RUNS; run++) runs.push(kernelsOf((await session.profile(lf)).report));
  const time = (kernels: readonly KernelLine[]): number => kernelMsOf(kernels) ?? 0;
  return runs.toSorted((a, b) => time(a) - time(b))[PROFILED_RUNS >> 1] ?? [];
}

async function measure(
  operation: Operation,
  session: EngineSession,
  memory: Frames<LazyDataFrame>,
  resident: Frames<LazyDataFrame>,
  keys: number,
): Promise<OperatorMeasurement> {
  await forgetFrames();
  const cpu = operation.build(memory);
  const polars = await timed({ ...effort, warmup: 0 }, async () => (await cpu.collect()).height);
  const expected = await cpu.collect();
  const bytes = operation.bytes(rows, expected.height, keys);
  const base = { operator: operation.name, rows, polars: polars.timing, bytes };
  try {
    const whole = operation.build(resident);
    const last = whole.tail(1);
    await session.collect(whole);
    const checked = await timedOnce(() => session.collect(whole));
    const { frame, report } = checked.value;
    const wrong = differenceOfMany(inOrder(operation, expected), inOrder(operation, frame), summingTolerance(rows));
    const engine = await timed(effort, () => session.collect(last));
    const kernels = await profiled(session, last);
    const kernelMs = kernelMsOf(kernels);
    const share = kernelMs === null ? null : bytes / kernelMs / 1e6 / machine.bandwidth.copy;
    return {
      ...base,
      engine: engine.timing,
      wholeMs: checked.ms,
      kernelMs,
      kernels,
      share,
      onCpu: onCpu(report),
      check: wrong ?? "agrees",
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ...base, engine: null, wholeMs: null, kernelMs: null, kernels: [], share: null, onCpu: [], check: `error: ${message}` };
  }
}

const widths = [16, 9, 10, 8, 26, 26, 9, 9];
const header = cells(
  ["operator", "x polars", "kernel ms", "of copy", "engine ms [min, max]", "polars ms", "paused ms", "whole ms"],
  widths,
);

function line(m: OperatorMeasurement): string {
  const texts = [
    m.operator,
    ratio(m.polars, m.engine),
    ms(m.kernelMs),
    m.share === null ? "-" : `${(100 * m.share).toFixed(1)}%`,
    spread(m.engine),
    spread(m.polars),
    ms(m.engine?.pausedMs),
    ms(m.wholeMs),
  ];
  return `${cells(texts, widths)}  ${m.check}${m.onCpu.length === 0 ? "" : `; on the CPU: ${m.onCpu.join(", ")}`}`;
}

const peerWidths = [16, 28, 10, 10, 10, 13];

/** The kernels beside every native counterpart; below 1 the engine's take less time. */
function peerLines(measurements: readonly OperatorMeasurement[]): readonly string[] {
  if (peers === null) return [];
  const lines = measurements.flatMap((m) =>
    peers.operators
      .filter(({ operator }) => operator === m.operator)
      .map((peer) => {
        const against = (own: number | null | undefined): string => (own === null || own === undefined ? "-" : digits(own / peer.ms));
        const texts = [m.operator, peer.way, digits(peer.ms), ms(m.kernelMs), against(m.kernelMs), against(m.engine?.medianMs)];
        return cells(texts, peerWidths);
      }),
  );
  const titles = cells(["operator", "native way", "native ms", "kernel ms", "kernels x", "engine wall x"], peerWidths);
  return ["", `beside ${peers.library} on ${peers.gpu}: ours / native, below 1 the engine takes less time`, titles, ...lines];
}

console.log(`${amount(rows)} rows; drawing the columns ...`);
const frames = makeFrames(rows, ALL_COLUMNS);
const session = openEngine({ profile: false });
const memory = { fact: frames.fact.lazy(), dimension: frames.dimension.lazy() };
const resident = { fact: session.persist(frames.fact).lazy(), dimension: session.persist(frames.dimension).lazy() };
const measurements: OperatorMeasurement[] = [];
console.log(header);
for (const operation of operations) {
  const measurement = await measure(operation, session, memory, resident, frames.dimension.height);
  measurements.push(measurement);
  console.log(line(measurement));
  for (const { name, launches, ms: time } of measurement.kernels.slice(0, shownKernels))
    console.log(`${time.toFixed(3).padStart(38)} ms ${String(launches).padStart(4)} x ${name}`);
  writeResults(values.json, { rows, effort, machine, peers, measurements });
}
for (const text of peerLines(measurements)) console.log(text);
await session.close();
process.exit(measurements.every(({ check }) => check === "agrees") ? 0 : 1);
