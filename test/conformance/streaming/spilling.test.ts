/** Queries whose data exceeds the device memory that they may take: the same answer, through the host's memory and files. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { frameDifference } from "../../../src/fallback/frame-difference.ts";
import { answers, assertNothingLeft, caseOf, ENGINES, open, SHUFFLED, undisturbed } from "./harness.ts";
import { only, refusedMemory, rejectedMap, spillingTo } from "./injection.ts";

const CASE = caseOf(4000);
/** The query takes 220 KiB where it may. */
const DEVICE = { deviceMemoryLimit: 1 << 16 };
const DEVICE_AND_HOST = { ...DEVICE, hostMemoryLimit: 1 << 12 };

for (const engine of ENGINES) {
  test(`${engine}: a working set far above the limit goes through the host's memory`, async () => {
    const of = open(CASE, engine, SHUFFLED, DEVICE);
    const { frame, spilled } = await of.gpu.profile(of.query());
    assert.equal(frameDifference(of.expected, frame, {}), null);
    assert.deepEqual(of.warnings, []);
    assert.ok(spilled.toHost > DEVICE.deviceMemoryLimit, `${spilled.toHost} bytes left the device`);
    assert.ok(spilled.toDevice > 0);
    assert.deepEqual([spilled.toDisk, spilled.fromDisk], [0, 0]);
    const { peakBytes = Number.POSITIVE_INFINITY } = (await of.gpu.deviceStats()) ?? {};
    assert.ok(peakBytes <= DEVICE.deviceMemoryLimit);
    await assertNothingLeft(of, "after the query");
    await of.gpu.close();
  });

  test(`${engine}: where the host's memory may not be used either, through files`, async () => {
    const of = open(CASE, engine, SHUFFLED, DEVICE_AND_HOST);
    const { frame, spilled } = await of.gpu.profile(of.query());
    assert.equal(frameDifference(of.expected, frame, {}), null);
    assert.deepEqual(of.warnings, []);
    assert.ok(spilled.toDisk > DEVICE.deviceMemoryLimit, `${spilled.toDisk} bytes went to files`);
    assert.ok(spilled.fromDisk > 0);
    await assertNothingLeft(of, "after the query");

    const folder = mkdtempSync(join(tmpdir(), "full-disk-"));
    let files = 0;
    const fullDisk = (): string => {
      const path = join(folder, `${files++}.arrow`);
      symlinkSync("/dev/full", path);
      return path;
    };
    for (const [path, message] of [
      [() => null, /no folder with room/],
      [() => join(folder, "missing", `${files++}.arrow`), /spilling to .*ENOENT/],
      [fullDisk, /spilling to .*ENOSPC/],
    ] as const) {
      const restore = spillingTo(path);
      try {
        assert.equal(await answers(of, `${message}`), false);
      } finally {
        restore();
      }
      assert.match(of.warnings[0] ?? "", message);
      await assertNothingLeft(of, `${message}`);
    }
    rmSync(folder, { recursive: true });
    await undisturbed(of, "with room for files again");
    await of.gpu.close();
  });

  test(`${engine}: failures while data leaves the device and comes back`, async () => {
    const of = open(CASE, engine, SHUFFLED, DEVICE_AND_HOST);
    await undisturbed(of, "without a failure");
    for (const at of [3, 40, 90]) {
      for (const [name, inject] of Object.entries({ refusedMemory, rejectedMap })) {
        const restore = inject(only(at * 5));
        try {
          await answers(of, `${name} ${at}`);
        } finally {
          restore();
        }
        await assertNothingLeft(of, `${name} ${at}`);
      }
    }
    await undisturbed(of, "after the failures");
    await of.gpu.close();
  });
}
