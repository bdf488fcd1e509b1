/** Queries whose data exceeds the device memory that they may take: the same answer, through the host's memory and files. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { frameDifference } from "../../../src/conformance/difference.ts";
import { answers, assertNothingLeft, caseOf, ENGINES, open, SHUFFLED, undisturbed } from "./harness.ts";
import { only, refusedMemory, spillingTo } from "./injection.ts";

const CASE = caseOf(4000);
const HALF = { deviceMemoryLimit: Number(process.env.LIMIT ?? 1 << 17) };
const HOSTLESS = { ...HALF, hostMemoryLimit: 1 };

for (const engine of ENGINES) {
  test(`${engine}: a working set above the limit goes through the host, and through files`, async () => {
    const unlimited = open(CASE, engine, SHUFFLED);
    await undisturbed(unlimited, "without a limit");
    const peak = (await unlimited.gpu.deviceStats())?.peakBytes ?? 0;
    console.log(peak);
    await unlimited.gpu.close();
    for (const limits of [HALF, HOSTLESS]) {
      const of = open(CASE, engine, SHUFFLED, limits);
      const { frame, spilled } = await of.gpu.profile(of.query());
      console.log(spilled, (await of.gpu.deviceStats())?.peakBytes);
      assert.equal(frameDifference(of.expected, frame, {}), null);
      assert.deepEqual(of.warnings, []);
      await of.gpu.close();
    }
  });
}
