/** `npm run fuzz -- [--seed 1] [--count 1000] [--depth 8] [--draws 8] [--limits adapter|default] [--minutes 60] [--findings 5]`: random plans on CPU polars and on the engine. */
import "./patient-polls.ts";
import { parseArgs } from "node:util";
import { fuzz } from "../test/fuzz/fuzz.ts";
import { prepareTests } from "./prepare-tests.ts";

prepareTests();

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "1000" },
    depth: { type: "string", default: "8" },
    draws: { type: "string", default: "8" },
    limits: { type: "string", default: "adapter" },
    minutes: { type: "string", default: "60" },
    findings: { type: "string", default: "5" },
  },
});

const report = await fuzz({
  seed: Number(values.seed),
  count: Number(values.count),
  depth: Number(values.depth),
  draws: Number(values.draws),
  limits: values.limits === "default" ? "default" : "adapter",
  budget: Number(values.minutes) * 60_000,
  findings: Number(values.findings),
  progress: (ran, shapes) => {
    if (shapes % 20 === 0) console.log(`${ran} plans of ${shapes} shapes`);
  },
});
for (const finding of report.findings) console.log(`\nshape ${finding.shape}: ${finding.message}\n${finding.program}`);
console.log(`\n${report.ran} plans of ${report.shapes} shapes, ${report.rejected} rejected by polars, ${report.findings.length} findings`);
process.exit(report.findings.length === 0 ? 0 : 1);
