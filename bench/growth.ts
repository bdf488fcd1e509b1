/**
 * `npm run bench -- growth --most 1e9 --svg bench/growth.svg --json FILE`: time per row of a filter, a group-by, a sort and a join as rows grow, columns
 * on the device, as a table and as a chart. What is timed is what bench/operators.ts times. An operator ends where its rows no longer fit, with the
 * reason printed; CPU polars, beside it, ends at `--polars-most`. Results are compared up to `--check-most` rows.
 */
import { writeFileSync } from "node:fs";
import { freemem } from "node:os";
import { join as joinPath } from "node:path";
import { parseArgs } from "node:util";
import { summingTolerance } from "./compare.ts";
import { differenceOfMany } from "./compare-many.ts";
import { openEngine } from "./engine.ts";
import { kernelMsOf, kernelsOf } from "./facts.ts";
import { forgetFrames } from "./forget-frames.ts";
import { machineLines, machineOf, rowsFor } from "./machine.ts";
import { type ColumnName, filter, groupBy, inOrder, join, makeFrames, type Operation, sort64 } from "./operations.ts";
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

const CASES: readonly { readonly operation: Operation; readonly columns: readonly ColumnName[] }[] = [
  { operation: filter, columns: ["x", "y"] },
  { operation: groupBy, columns: ["key", "x", "y"] },
  { operation: sort64, columns: ["i64", "x", "y"] },
  { operation: join, columns: ["key", "x"] },
];

/** Bytes of a row on the host at its fullest: the columns of the frame, once more on their way to the device, and the numbers that the last one is made from. */
const bytesOfRow = (columns: readonly ColumnName[]): number => 16 * columns.length + 12;

interface Point {
  readonly operator: string;
  readonly rows: number;
  readonly engineMs: number;
  readonly kernelMs: number | null;
  /** Null beyond `--polars-most`. */
  readonly polarsMs: number | null;
  /** `identical`, `not compared`, or what is wrong. */
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

/** One operator over `rows` rows by an engine of its own, so that nothing else is on the device. @throws what keeps it from running. */
async function measure({ operation, columns }: (typeof CASES)[number], rows: number): Promise<Point> {
  await forgetFrames();
  const [free, needed] = [freemem(), rows * bytesOfRow(columns)];
  if (needed > free) throw new Error(`${amount(free)}B of host memory are free, the columns take ${amount(needed)}B`);
  const session = openEngine({ profile: false, raiseOnFail: true });
  try {
    const { fact, dimension } = makeFrames(rows, columns);
    const cpu = operation.build({ fact: fact.lazy(), dimension: dimension.lazy() });
    const whole = operation.build({ fact: session.persist(fact).lazy(), dimension: session.persist(dimension).lazy() });
    const last = whole.tail(1);
    const engineMs = await medianMs(() => session.collect(last));
    const kernelMs = kernelMsOf(kernelsOf((await session.profile(last)).report));
    const polarsMs = rows > polarsMost ? null : await medianMs(async () => (await cpu.collect()).height);
    const compared = async (): Promise<string> => {
      const [expected, actual] = [await cpu.collect(), (await session.collect(whole)).frame];
      return differenceOfMany(inOrder(operation, expected), inOrder(operation, actual), summingTolerance(rows)) ?? "identical";
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

const points: Point[] = [];
const ends: { readonly operator: string; readonly rows: number; readonly reason: string }[] = [];
for (const text of [...machineLines(machine), cells(titles, widths)]) console.log(text);
for (const one of CASES) {
  const operator = one.operation.name;
  for (const rows of sizes) {
    try {
      const point = await measure(one, rows);
      points.push(point);
      console.log(line(point));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      ends.push({ operator, rows, reason });
      console.log(`${cells([operator, amount(rows)], widths)}  ends here: ${reason}`);
    }
    writeResults(values.json, { runs, machine, points, ends });
    if (ends.some((end) => end.operator === operator)) break;
  }
}

const lines = CASES.flatMap(({ operation: { name } }, group) => {
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
writeFileSync(values.svg, plot({ title: "Time per row as rows grow", x: "rows", y: "nanoseconds per row", lines, tick: amount }));
console.log(`\nchart: ${values.svg}`);
process.exit(points.every(({ check }) => check === "identical" || check === "not compared") ? 0 : 1);
