/** Random data and constants under fewer shapes of plans, at WebGPU's default limits. */

import { test } from "node:test";
import { assertNoFindings } from "./agreement.ts";

test("many draws of data and constants give the answer of CPU polars", (t) =>
  assertNoFindings(t, { seed: 500_000, plans: 2000, draws: 50, limits: "default" }));
