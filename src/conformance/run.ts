/** Runs the examination in a process of its own, which is started again behind a case that ends it. */

import { fork } from "node:child_process";
import type { Outcome } from "./examine.ts";
import type { WorkerOrder, WorkerReport } from "./messages.ts";

export interface RunResult {
  readonly outcomes: readonly Outcome[];
  readonly crashes: readonly string[];
}

/** A case that takes longer counts as one that ends the process. */
const LONGEST_CASE_MS = 600_000;

export async function runCases(
  names: ReadonlyMap<number, string>,
  variants: number,
  progress: (done: number, name: string) => void,
): Promise<RunResult> {
  const outcomes: Outcome[] = [];
  const crashes: string[] = [];
  let left = [...names.keys()];
  let done = 0;
  while (left.length > 0) {
    const ended = await workOn({ cases: left, variants }, (report) => {
      if (!("finished" in report)) return;
      outcomes.push(...report.outcomes);
      done += 1;
      progress(done, names.get(report.finished) ?? "");
    });
    left = ended === null ? [] : left.slice(left.indexOf(ended.at) + 1);
    if (ended !== null) crashes.push(`${names.get(ended.at)}: ${ended.how}`);
  }
  return { outcomes, crashes };
}

/** Null: all cases were examined; else the case at which the process ended. */
function workOn(
  order: WorkerOrder,
  report: (message: WorkerReport) => void,
): Promise<{ readonly at: number; readonly how: string } | null> {
  return new Promise((resolve, reject) => {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const child = fork(new URL(`./worker.${extension}`, import.meta.url), { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    let at: number | null = null;
    let timer: NodeJS.Timeout | undefined;
    child.on("message", (message: WorkerReport) => {
      clearTimeout(timer);
      at = "started" in message ? message.started : null;
      if (at !== null) timer = setTimeout(() => child.kill("SIGKILL"), LONGEST_CASE_MS);
      report(message);
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      if (at !== null) resolve({ at, how: `ended with ${signal ?? `exit code ${code}`}` });
      else if (code === 0) resolve(null);
      else reject(new Error(`the examining process ended with ${signal ?? `exit code ${code}`} before it examined anything`));
    });
    child.send(order);
  });
}
