/** A share of a fuzzing run in a process of its own, which is started again behind a shape that ends it. */
import { fork } from "node:child_process";
import type { Finding, FuzzOptions, FuzzReport } from "../test/fuzz/fuzz.ts";
import { youngSpace } from "./prepare-tests.ts";

/** What fuzz-worker.ts sends; `under` says how far it is as it starts another shape. */
type WorkerReport = { readonly under: FuzzReport } | { readonly finished: FuzzReport };

/** A shape that takes longer counts as one that ends the process, as does one that goes on for so long after the time is over. */
const longestShapeMs = 300_000;
const longestEndMs = 120_000;
/** Of what an ended process printed as errors, so many characters are told. */
const longestWords = 1500;

const NOTHING: FuzzReport = { ran: 0, shapes: 0, rejected: 0, findings: [] };

const sum = (a: FuzzReport, b: FuzzReport): FuzzReport => ({
  ran: a.ran + b.ran,
  shapes: a.shapes + b.shapes,
  rejected: a.rejected + b.rejected,
  findings: [...a.findings, ...b.findings],
});

export const total = (reports: readonly FuzzReport[]): FuzzReport => reports.reduce(sum, NOTHING);

/** Fuzzes until plans, time or findings are used up. A shape at which the process ends is a finding. `progress` is told how far it is. */
export async function fuzzJob(options: FuzzOptions, progress: (report: FuzzReport) => void): Promise<FuzzReport> {
  const end = performance.now() + options.budget;
  let behind = NOTHING;
  for (;;) {
    const left = {
      ...options,
      seed: options.seed + behind.shapes,
      count: options.count - behind.ran,
      budget: end - performance.now(),
      findings: options.findings - behind.findings.length,
    };
    const { report, ending } = await work(left, (report) => progress(sum(behind, report)));
    behind = sum(behind, report);
    if (ending === null) return behind;
    behind = sum(behind, { ...NOTHING, ran: 1, shapes: 1, findings: [crash(left, left.seed + report.shapes, ending)] });
    progress(behind);
  }
}

const crash = ({ depth, draws, limits }: FuzzOptions, shape: number, ending: string): Finding => ({
  shape,
  message: `the process ${ending}`,
  program: `npm run fuzz -- --seed ${shape} --count ${draws} --depth ${depth} --draws ${draws} --limits ${limits}`,
});

/** The last report of a process, and how it ended under the shape behind that; null where it finished. */
function work(
  options: FuzzOptions,
  progress: (report: FuzzReport) => void,
): Promise<{ readonly report: FuzzReport; readonly ending: string | null }> {
  const end = performance.now() + options.budget + longestEndMs;
  return new Promise((resolve, reject) => {
    const child = fork(new URL("./fuzz-worker.ts", import.meta.url), {
      execArgv: [youngSpace],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let last = NOTHING;
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-longestWords);
    });
    let [finished, late] = [false, false];
    let timer: NodeJS.Timeout | undefined;
    const watch = (): void => {
      clearTimeout(timer);
      timer = setTimeout(
        () => {
          late = true;
          child.kill("SIGKILL");
        },
        Math.min(longestShapeMs, end - performance.now()),
      );
    };
    child.on("message", (message: WorkerReport) => {
      watch();
      finished = "finished" in message;
      last = "finished" in message ? message.finished : message.under;
      progress(last);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const how = late ? "took too long and was ended" : `ended with ${signal ?? `exit code ${code}`}`;
      resolve({ report: last, ending: finished ? null : `${how}${said === "" ? "" : `; it said last:\n${said.trimEnd()}`}` });
    });
    watch();
    child.send(options);
  });
}
