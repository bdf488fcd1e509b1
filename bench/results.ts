/** Results as JSON in a file. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Written after each measurement, so that a run that is cut short leaves what it has measured; nothing without a file. */
export function writeResults(file: string | undefined, results: object): void {
  if (file === undefined) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
}
