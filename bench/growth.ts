/**
 * `npm run bench -- growth --most 1e9 --svg bench/growth.svg --json FILE`: time per row of a filter, a group-by, a sort and a join as rows grow, columns
 * on the device, as a table and as a chart. What is timed is what bench/operators.ts times. An operator ends where its rows no longer fit, with the
 * reason printed; CPU polars, beside it, ends at `--polars-most`. Results are compared up to `--check-most` rows.
 */
import { writeFileSync } from "node:fs";
import { freemem } from "node:os";
import { join as joinPath } from "node:path";
import { parseArgs } from "node:util";
import type { DataFrame } from "nodejs-polars";
import { summingTolerance } from "./compare.ts";
import { differenceOfMany } from "./compare-many.ts";
import { openEngine } from "./engine.ts";
import { kernelMsOf, kernelsOf } from "./facts.ts";
import { forgetFrames } from "./forget-frames.ts";
import { machineLines, machineOf, rowsFor } from "./machine.ts";
import { type ColumnName, type Frames, filter, groupBy, inOrder, join, makeFrames, type Operation, sort64 } from "./operations.ts";
import { count, numberOption, positive } from "./options.ts";
import { plot } from "./plot.ts";
import { writeResults } from "./results.ts";
import { amount, cells, digits, ms } from "./table.ts";
import { middle, type TimedRun, timedOnce } from "./timing.ts";

const { values } = parseArgs({
  options: {
    least: { type: "string", default: "1e6" },
    /** By default a billion, a million where memory is slow. */
    most: { type: "string" },
    "polars-most": { type: "string", default: "1e8" },
    "check-most": { type: "string", default: "1e7" },
    /** Counted runs behind one that does not count. */
    runs: { type: "string", default: "5" },
    /** MiB of the buffers over which bandwidth is measured. */
    bandwidth: { type: "string", default: "1024" },
    svg: { type: "string", default: joinPath(import.meta.dirname, "growth.svg") },
    json: { type: "string" },
  },
});
const least = numberOption("least", values.least, count);
const machine = await machineOf(numberOption("bandwidth", values.bandwidth, positive) * 2 ** 20);
const most = values.most === undefined ? rowsFor(machine, 1e9, 1e6) : numberOption("most", values.most, count);
const polarsMost = numberOption("polars-most", values["polars-most"], count);
const checkMost = numberOption("check-most", values["check-most"], count);
const runs = numberOption("runs", values.runs, count);

const OPERATIONS: readonly Operation[] = [filter, groupBy, sort64, join];
const COLUMNS: readonly ColumnName[] = ["x", "y", "key", "i64"];

/** Bytes of a row on the host at its fullest: the columns, three of them once more on their way to the device, and what a column is made from. */
const BYTES_OF_ROW = 8 * (COLUMNS.length + 3) + 4;

interface Point {
  readonly operator: string;
  readonly rows: number;
  readonly engineMs: number;
  readonly kernelMs: number | null;
  /** Null beyond `--polars-most`. */
  readonly polarsMs: number | null;
  /** `agrees`, `not compared`, or what is wrong. */
  readonly check: string;
}

/** The median of the counted runs. */
async function medianMs(work: () => Promise<unknown>): Promise<number> {
  await work();
  const timed: TimedRun<null>[] = [];
  for (let run = 0; run < runs; run++)
    timed.push(
      await timedOnce(async () => {
        await work();
        return null;
      }),
    );
  return middle(timed)?.ms ?? 0;
}

/** The columns. @throws Error where the host has no memory for them. */
async function framesOf(rows: number): Promise<Frames<DataFrame>> {
  await forgetFrames();
  const [free, needed] = [freemem(), rows * BYTES_OF_ROW];
  if (needed > free) throw new Error(`${amount(free)}B of host memory are free, the columns take ${amount(needed)}B`);
  return makeFrames(rows, COLUMNS);
}

/** One operator by an engine of its own, so that nothing else is on the device. @throws what keeps it from running. */
async function measure(operation: Operation, { fact, dimension }: Frames<DataFrame>): Promise<Point> {
  await forgetFrames();
  const rows = fact.height;
  const session = openEngine({ profile: false, raiseOnFail: true });
  try {
    const cpu = operation.build({ fact: fact.lazy(), dimension: dimension.lazy() });
    const whole = operation.build({ fact: session.persist(fact).lazy(), dimension: session.persist(dimension).lazy() });
    const last = whole.tail(1);
    const engineMs = await medianMs(() => session.collect(last));
    const kernelMs = kernelMsOf(kernelsOf((await session.profile(last)).report));
    const polarsMs = rows > polarsMost ? null : await medianMs(async () => (await cpu.collect()).height);
    const compared = async (): Promise<string> => {
      const [expected, actual] = [await cpu.collect(), (await session.collect(whole)).frame];
      return differenceOfMany(inOrder(operation, expected), inOrder(operation, actual), summingTolerance(rows)) ?? "agrees";
    };
    return { operator: operation.name, rows, engineMs, kernelMs, polarsMs, check: rows > checkMost ? "not compared" : await compared() };
  } finally {
    await session.close();
  }
}

const nanoseconds = (milliseconds: number, rows: number): number => (milliseconds * 1e6) / rows;

/** `least`, and then 1 and 3 times every power of ten, up to `most`. */
const sizes = [
  least,
  ...Array.from({ length: 26 }, (_, i) => (i % 2 === 0 ? 1 : 3) * 10 ** (i >> 1)).filter((rows) => rows > least && rows < most),
  ...(most > least ? [most] : []),
];

const widths = [10, 8, 9, 13, 13, 13, 11, 11];
const titles = ["operator", "rows", "x polars", "engine ns/row", "kernel ns/row", "polars ns/row", "engine ms", "polars ms"];

function line({ operator, rows, engineMs, kernelMs, polarsMs, check }: Point): string {
  const perRow = (time: number | null): string => (time === null ? "-" : digits(nanoseconds(time, rows)));
  const faster = polarsMs === null ? "-" : `${digits(polarsMs / engineMs)}x`;
  const texts = [operator, amount(rows), faster, perRow(engineMs), perRow(kernelMs), perRow(polarsMs), ms(engineMs), ms(polarsMs)];
  return `${cells(texts, widths)}  ${check}`;
}

interface End {
  readonly operator: string;
  readonly rows: number;
  readonly reason: string;
}

const points: Point[] = [];
const ends: End[] = [];

function chart(): string {
  const lines = OPERATIONS.flatMap(({ name }, group) => {
    const own = points.filter(({ operator }) => operator === name);
    return [
      { name, group, dashed: false, points: own.map(({ rows, engineMs }) => [rows, nanoseconds(engineMs, rows)] as const) },
      {
        name: `${name}, CPU polars`,
        group,
        dashed: true,
        points: own.flatMap(({ rows, polarsMs }) => (polarsMs === null ? [] : [[rows, nanoseconds(polarsMs, rows)] as const])),
      },
    ];
  });
  return plot({ title: "Time per row as rows grow", x: "rows", y: "nanoseconds per row", lines, tick: amount });
}

/** The operators that still run, over `rows` rows. */
async function grow(rows: number, operations: readonly Operation[]): Promise<void> {
  const end = (operator: string, error: unknown): void => {
    const reason = error instanceof Error ? error.message : String(error);
    ends.push({ operator, rows, reason });
    console.log(`${cells([operator, amount(rows)], widths)}  ends here: ${reason}`);
  };
  try {
    const frames = await framesOf(rows);
    for (const operation of operations) {
      try {
        const point = await measure(operation, frames);
        points.push(point);
        console.log(line(point));
      } catch (error) {
        end(operation.name, error);
      }
      writeResults(values.json, { runs, machine, points, ends });
      writeFileSync(values.svg, chart());
    }
  } catch (error) {
    for (const { name } of operations) end(name, error);
    writeResults(values.json, { runs, machine, points, ends });
  }
}

for (const text of [...machineLines(machine), cells(titles, widths)]) console.log(text);
for (const rows of sizes) {
  const running = OPERATIONS.filter(({ name }) => ends.every(({ operator }) => operator !== name));
  if (running.length > 0) await grow(rows, running);
}
console.log(`\nchart: ${values.svg}`);
process.exit(points.every(({ check }) => check === "agrees" || check === "not compared") ? 0 : 1);
