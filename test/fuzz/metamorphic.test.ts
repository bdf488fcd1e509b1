/** Relations between answers of the engine, for which no oracle is needed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { metamorphic } from "./metamorphic.ts";

test("answers to related queries are related", async (t) => {
  const { checks, finding } = await metamorphic({ seed: 9_000, shapes: 40, draws: 8 });
  const counts = [...checks].map(([name, count]) => `${count} times: ${name}`);
  const total = [...checks.values()].reduce((sum, count) => sum + count, 0);
  for (const line of [`${total} checks from seed 9000`, ...counts]) t.diagnostic(line);
  assert.equal(finding, null);
  assert.ok(total > 0, "no two answers were compared");
});
