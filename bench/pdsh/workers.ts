/** Generating processes: jobs go to whichever is free. Processes, since each then has its own JavaScript heap and its own polars. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { ChunkJob, WrittenRows } from "./write-chunk.ts";

interface Waiting {
  readonly job: ChunkJob;
  readonly done: (rows: WrittenRows) => void;
}

/** A fixed number of processes, started by the first jobs. */
export class Workers {
  private readonly limit: number;
  private readonly children: ChildProcess[] = [];
  private readonly free: ChildProcess[] = [];
  private readonly waiting: Waiting[] = [];
  private fail: (error: Error) => void = () => {};
  /** Rejects when a process ends before `close`. */
  readonly failure: Promise<never> = new Promise((_, reject) => {
    this.fail = reject;
  });

  constructor(limit: number) {
    this.limit = limit;
    this.failure.catch(() => {});
  }

  /** The rows that the job wrote, once a process has done it. */
  run(job: ChunkJob): Promise<WrittenRows> {
    const result = new Promise<WrittenRows>((done) => this.waiting.push({ job, done }));
    if (this.free.length === 0 && this.children.length < this.limit) this.start();
    this.assign();
    return Promise.race([result, this.failure]);
  }

  /** Ends the processes. */
  close(): void {
    for (const child of this.children) {
      child.removeAllListeners("exit");
      if (child.connected) child.disconnect();
    }
  }

  private start(): void {
    const child = fork(join(import.meta.dirname, "worker.ts"), { env: { ...process.env, POLARS_MAX_THREADS: "1" } });
    child.once("exit", (code, signal) => this.fail(new Error(`a generating process ended (${signal ?? code})`)));
    this.children.push(child);
    this.free.push(child);
  }

  private assign(): void {
    const child = this.waiting.length > 0 ? this.free.pop() : undefined;
    const next = child === undefined ? undefined : this.waiting.shift();
    if (child === undefined || next === undefined) return;
    child.once("message", (rows: WrittenRows) => {
      this.free.push(child);
      next.done(rows);
      this.assign();
    });
    child.send(next.job);
  }
}
