/**
 * Failures in the middle of queries over ten partitions, in both streaming engines: the right answer with at most one warning, or one error;
 * nothing stays on the device or in temporary files, no promise is left rejected, and the next query runs on the GPU.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExecutorOptions } from "../../../src/config.ts";
import { answers, assertNothingLeft, caseOf, ENGINES, type Opened, open, SHUFFLED, TREES, undisturbed } from "./harness.ts";
import {
  brokenKernel,
  from,
  type Injection,
  interrupted,
  lostDevice,
  only,
  refusedMemory,
  rejectedMap,
  reportedMemory,
  type Which,
} from "./injection.ts";

const CASE = caseOf(100);
/** Two partitions: few enough moments to try all. */
const SMALL = { ...caseOf(24), partition: 12 };
/** Runs the query with an injected failure: whether the GPU still gave the answer, and the warning where it did not. */
async function survives(of: Opened, inject: Injection, which: Which, what: string) {
  const restore = inject(which);
  let onGpu = false;
  try {
    onGpu = await answers(of, what);
  } finally {
    restore();
  }
  await assertNothingLeft(of, what);
  const [warning = null] = of.warnings;
  if (!onGpu) await undisturbed(of, `behind ${what}`);
  return { onGpu, warning };
}

/** How many calls of the query an injection could make fail. */
async function countCalls(of: Opened, inject: Injection): Promise<number> {
  let calls = 0;
  const restore = inject(() => {
    calls += 1;
    return false;
  });
  try {
    assert.ok(await answers(of, "counting"));
  } finally {
    restore();
  }
  return calls;
}

/** As `countCalls`, of the run that has fewest: what runs side by side is given to the device in one go or in several. */
async function fewestCalls(of: Opened, inject: Injection): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 4; run++) fewest = Math.min(fewest, await countCalls(of, inject));
  return fewest;
}

/** About `samples` numbers below `calls`, the first few and the last among them, spread over all the others by a step without a pattern. */
function spread(calls: number, samples: number): readonly number[] {
  const step = Math.max(1, Math.ceil(calls / samples)) | 1;
  const chosen = new Set([0, 1, calls - 1]);
  for (let at = 2; at < calls; at += step) chosen.add(at);
  return [...chosen].sort((a, b) => a - b);
}

/** How many moments of each kind are tried; more by hand. */
const SAMPLES = Number(process.env.FAULT_SAMPLES ?? 5);

/** Runs the tests of one engine with one way to execute the query. */
function forEach(
  what: string,
  inject: Injection,
  test_: (of: Opened, calls: number) => Promise<void>,
  options: ExecutorOptions = SHUFFLED,
): void {
  for (const engine of ENGINES)
    test(`${engine}: ${what}`, async () => {
      const of = open(CASE, engine, options);
      await undisturbed(of, "first");
      await test_(of, await countCalls(of, inject));
      await of.gpu.close();
    });
}

for (const [name, options] of [
  ["shuffles", SHUFFLED],
  ["trees", TREES],
] as const) {
  forEach(
    `memory that is refused once does not show (${name})`,
    refusedMemory,
    async (of, calls) => {
      for (const at of spread(calls, SAMPLES)) {
        const what = `allocation ${at} of ${calls}`;
        assert.ok((await survives(of, refusedMemory, only(at), what)).onGpu, what);
      }
      await undisturbed(of, "the last query");
    },
    options,
  );
}

for (const engine of ENGINES)
  test(`${engine}: memory that is refused once does not show, whichever allocation of a query it is`, async (context) => {
    const of = open(SMALL, engine, SHUFFLED);
    await undisturbed(of, "first");
    const calls = await countCalls(of, refusedMemory);
    for (let at = 0; at < calls; at++) {
      const what = `allocation ${at} of ${calls}`;
      assert.ok((await survives(of, refusedMemory, only(at), what)).onGpu, what);
    }
    context.diagnostic(`${calls} allocations`);
    await undisturbed(of, "the last query");
    await of.gpu.close();
  });

forEach("memory that is refused from some moment on: the CPU answers with one warning", refusedMemory, async (of, calls) => {
  for (const at of spread(calls, SAMPLES / 2)) {
    const { onGpu, warning } = await survives(of, refusedMemory, from(at), `allocations from ${at} of ${calls}`);
    assert.equal(onGpu, false);
    assert.match(warning ?? "", /OutOfDeviceMemoryError/);
  }
});

forEach("memory that the driver turns out not to have", reportedMemory, async (of, calls) => {
  for (const at of spread(calls, SAMPLES)) await survives(of, reportedMemory, only(at), `report ${at} of ${calls}`);
  await undisturbed(of, "the last query");
});

forEach("a result that cannot be read back: the CPU answers with one warning", rejectedMap, async (of, calls) => {
  for (const at of spread(calls, SAMPLES / 2)) {
    const { onGpu, warning } = await survives(of, rejectedMap, only(at), `read-back ${at} of ${calls}`);
    assert.equal(onGpu, false);
    assert.match(warning ?? "", /injected map/);
  }
});

forEach("a device that is lost: the CPU answers with one warning", lostDevice, async (of) => {
  const calls = await fewestCalls(of, lostDevice);
  // The last moments may not come.
  for (const at of spread(calls - 3, 2)) {
    const { onGpu, warning } = await survives(of, lostDevice, only(at), `submission ${at} of ${calls}`);
    assert.equal(onGpu, false);
    assert.match(warning ?? "", /lost|destroyed/);
  }
});

forEach(
  "a query that is aborted at any moment rejects with the reason alone",
  interrupted(() => undefined),
  async (of) => {
    const calls = await fewestCalls(
      of,
      interrupted(() => undefined),
    );
    const moments = spread(calls, SAMPLES);
    let reached = 0;
    for (const at of moments) {
      const controller = new AbortController();
      const reason = new Error(`aborted at ${at} of ${calls}`);
      of.warnings.length = 0;
      const restore = interrupted(() => controller.abort(reason))(only(at));
      try {
        const ended = await of
          .query()
          .collect({ engine: of.gpu, signal: controller.signal })
          .then(
            () => null,
            (error: unknown) => error,
          );
        assert.equal(ended, controller.signal.aborted ? reason : null);
        reached += Number(controller.signal.aborted);
      } finally {
        restore();
      }
      assert.deepEqual(of.warnings, []);
      await assertNothingLeft(of, reason.message);
    }
    // The last moment may not come.
    assert.ok(reached >= moments.length - 1, `${reached} of ${moments.length} moments came`);
    await undisturbed(of, "the last query");
  },
);

for (const engine of ENGINES)
  test(`${engine}: a kernel that does not compile once is compiled by the next query`, async () => {
    const of = open(CASE, engine, SHUFFLED);
    const { onGpu, warning } = await survives(of, brokenKernel, only(0), "the first kernel");
    assert.equal(onGpu, false);
    assert.match(warning ?? "", /injected kernel/);
    await of.gpu.close();
  });
