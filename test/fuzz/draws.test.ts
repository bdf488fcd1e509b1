/** Minutes of random data and constants under fewer shapes of plans, at WebGPU's default limits. */

import { test } from "node:test";
import { assertNoFindings } from "./minutes.ts";

test("many draws of data and constants give the answer of CPU polars", (t) =>
  assertNoFindings(t, { seed: 500_000, draws: 96, limits: "default" }));
