/**
 * `npm run fuzz -- [--seed 1] [--count 1000] [--minutes 60] [--jobs 1] [--depth 8] [--draws 8] [--limits adapter|default] [--findings 5]`:
 * random plans on CPU polars and on the engine, in so many processes at a time, each with seeds of its own. The count is of all of them;
 * with minutes and without a count, they run for that time. A process stops after so many findings.
 */
import { parseArgs } from "node:util";
import type { FuzzReport } from "../test/fuzz/fuzz.ts";
import { fuzzJob, total } from "./fuzz-job.ts";
import { prepareTests } from "./prepare-tests.ts";

prepareTests();

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string" },
    minutes: { type: "string" },
    jobs: { type: "string", default: "1" },
    depth: { type: "string", default: "8" },
    draws: { type: "string", default: "8" },
    limits: { type: "string", default: "adapter" },
    findings: { type: "string", default: "5" },
  },
});

/** @throws RangeError where an option is not a number. */
function number(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new RangeError(`--${name} is a number, not '${text}'`);
  return value;
}

/** More plans than a job runs in hours. */
const unlimited = 100_000;
const heartbeatMs = 30_000;

const jobs = Math.max(1, Math.floor(number("jobs", values.jobs)));
const plans = values.count !== undefined ? number("count", values.count) : values.minutes === undefined ? 1000 : unlimited * jobs;
const firstSeed = number("seed", values.seed);
const budget = number("minutes", values.minutes ?? "60") * 60_000;
const [depth, draws, findings] = [number("depth", values.depth), number("draws", values.draws), number("findings", values.findings)];
/** A shape runs a plan at least: no job comes to the seeds of the next. */
const share = Math.ceil(plans / jobs);

const counts = ({ ran, shapes, rejected, findings }: FuzzReport): string =>
  `${ran} plans of ${shapes} shapes, ${rejected} rejected by polars, ${findings.length} findings`;

async function job(index: number): Promise<FuzzReport> {
  const seed = firstSeed + index * share;
  const name = `job ${index + 1}`;
  console.log(`${name}: seeds ${seed} to ${seed + share - 1}`);
  const report = await fuzzJob(
    {
      seed,
      count: Math.min(share, plans - index * share),
      depth,
      draws,
      limits: values.limits === "default" ? "default" : "adapter",
      budget,
      findings,
    },
    (report) => {
      for (const { shape, message, program } of report.findings.slice(reports[index]?.findings.length ?? 0))
        console.log(`\n${name}, seed ${shape}: ${message}\n${program}\n`);
      reports[index] = report;
    },
  );
  console.log(`${name}: ${report.shapes === 0 ? "no seed" : `seeds ${seed} to ${seed + report.shapes - 1}`}: ${counts(report)}`);
  return report;
}

const reports: FuzzReport[] = [];
const heartbeat = setInterval(() => console.log(`...  ${counts(total(reports))}`), heartbeatMs);
const report = total(await Promise.all(Array.from({ length: jobs }, (_, index) => job(index))));
clearInterval(heartbeat);
console.log(`\n${counts(report)}`);
process.exit(report.findings.length === 0 ? 0 : 1);
