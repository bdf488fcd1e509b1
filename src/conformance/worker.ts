/** A process that examines cases one after the other and sends each result to its parent; its end ends only the case at hand. */

import { CASES } from "./cases.ts";
import { Examiner } from "./examine.ts";
import type { WorkerOrder } from "./messages.ts";

process.on("message", (order: WorkerOrder) => void work(order));

async function work({ cases, variants }: WorkerOrder): Promise<void> {
  const examiner = new Examiner(variants);
  for (const index of cases) {
    const of = CASES[index];
    if (of === undefined) continue;
    send({ started: index });
    send({ finished: index, outcomes: await examiner.examine(of) });
  }
  await examiner.close();
  process.disconnect();
}

const send = (message: object): void => void process.send?.(message);
