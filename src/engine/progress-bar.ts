/** A bar on the terminal for queries that take their time; nothing where nobody sees it. */

import type { Progress } from "./query-options.ts";

/** Milliseconds before a query has a bar, and between two drawings. */
const PATIENCE = 2000;
const INTERVAL = 100;
const WIDTH = 30;

/** What the bar is drawn on: `process.stderr`, say. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export class ProgressBar {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #start: number;
  #drawn: number | null = null;

  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
    this.#start = now();
  }

  update({ done, total, name }: Progress): void {
    const now = this.#now();
    if (this.#terminal.isTTY !== true || now - (this.#drawn ?? this.#start + PATIENCE - INTERVAL) < INTERVAL) return;
    this.#drawn = now;
    const share = Math.min(1, done / Math.max(1, total));
    const filled = Math.round(share * WIDTH);
    const text = `[${"#".repeat(filled)}${"-".repeat(WIDTH - filled)}] ${Math.round(share * 100)} % ${name}`;
    this.#terminal.write(`\r${text.slice(0, (this.#terminal.columns ?? 80) - 1)}\u001b[K`);
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#drawn !== null) this.#terminal.write("\r\u001b[K");
    this.#drawn = null;
  }
}
