/** Random plans of many shapes: CPU polars and the engine agree on each, or both reject it with the same words. */

import { test } from "node:test";
import { assertNoFindings } from "./agreement.ts";

test("random plans of many shapes give the answer of CPU polars", (t) =>
  assertNoFindings(t, { seed: 1000, plans: 3250, draws: 8, limits: "adapter" }));
