/** Both streaming engines over fake operations: what is read, in which order, how much at once, and that everything is given back. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { WHOLE_READS } from "../../../src/executors/operation.ts";
import { type PhysicalNode, physicalOrder } from "../../../src/executors/physical/node.ts";
import { Random } from "../../fuzz/random.ts";
import { all, choice, ENGINES, type EngineName, each, exchange, FakeOperations, map, reduce, run, source, union } from "./fake.ts";

const NAMES: readonly EngineName[] = ["tasks", "rapidsmpf"];
const ones = (n: number): readonly number[] => Array.from({ length: n }, () => 1);

for (const engine of NAMES)
  describe(engine, () => {
    test("partitions keep their order and their neighbours", async () => {
      const a = source("a", [3, 1, 2]);
      const b = source("b", [1, 1, 1]);
      const joined = map("j", [each(map("m", [each(a)])), each(b)]);
      assert.deepEqual((await run(engine, joined)).parts, ["j(m(a0), b0)", "j(m(a1), b1)", "j(m(a2), b2)"]);
    });

    test("an operation is told the rows that it asks for", async () => {
      const a = source("a", [3, 0, 2]);
      const told = async (counts: "earlier" | "all" | "several") => (await run(engine, map("m", [each(a)], counts))).parts;
      assert.deepEqual(await told("earlier"), ["m[](a0)", "m[3](a1)", "m[3 0](a2)"]);
      assert.deepEqual(await told("all"), ["m[3 0 2](a0)", "m[3 0 2](a1)", "m[3 0 2](a2)"]);
      assert.deepEqual(await told("several"), ["m[true](a0)", "m[true](a1)", "m[true](a2)"]);
      const few = map("m", [each(source("a", [0, 1, 0]))], "several");
      assert.deepEqual((await run(engine, few)).parts, ["m[false](a0)", "m[false](a1)", "m[false](a2)"]);
      const late = map("m", [each(source("a", [0, 1, 0, 1]))], "several");
      assert.deepEqual((await run(engine, late)).parts, ["m[true](a0)", "m[true](a1)", "m[true](a2)", "m[true](a3)"]);
    });

    test("a whole input is one table; it may be the input that is also read partition by partition", async () => {
      const a = source("a", ones(12));
      const { parts } = await run(engine, map("m", [each(a), all(a)]));
      const whole = Array.from({ length: 12 }, (_, p) => `a${p}`).join("+");
      assert.deepEqual(
        parts,
        Array.from({ length: 12 }, (_, p) => `m(a${p}, ${whole})`),
      );
      assert.deepEqual((await run(engine, map("w", [all(a)]))).parts, [`w(${whole})`]);
    });

    test("a limit stops what is behind it", async () => {
      const a = source(
        "a",
        Array.from({ length: 40 }, () => 5),
      );
      const limited = map("l", [each(map("m", [each(a)]))], "earlier", 12);
      const { parts, operations } = await run(engine, reduce("r", limited, Number.POSITIVE_INFINITY));
      assert.deepEqual(parts, ["l[](m(a0))+l[5](m(a1))+l[5 5](m(a2))"]);
      const reads = operations.began.filter((key) => key.startsWith("a/")).length;
      // Three are wanted; there may be two in each of two channels, two under way between them, and four begun.
      assert.ok(reads >= 3 && reads <= 13, `${reads} of 40 partitions were read`);
      const computed = operations.began.filter((key) => key.startsWith("l/")).length;
      assert.ok(computed >= 3 && computed <= reads, `${computed} of 40 partitions were computed`);
    });

    test("a limit leaves alone what others read", async () => {
      const a = source("a", ones(10));
      const first = reduce("r", map("l", [each(a)], "earlier", 2), Number.POSITIVE_INFINITY);
      const { parts } = await run(engine, union("u", [first, map("m", [each(a)])]));
      assert.deepEqual(parts, ["l[](a0)+l[1](a1)", ...Array.from({ length: 10 }, (_, p) => `m(a${p})`)]);
    });

    test("a union numbers the partitions of its inputs through, one of them twice", async () => {
      const a = source("a", ones(5));
      const b = source("b", ones(1));
      assert.deepEqual(
        (await run(engine, map("m", [each(union("u", [a, b, a]))]))).parts,
        ["a0", "a1", "a2", "a3", "a4", "b0", "a0", "a1", "a2", "a3", "a4"].map((name) => `m(${name})`),
      );
    });

    test("an exchange gives each partition its parts in the order of the input", async () => {
      const a = source("a", ones(3));
      const x = exchange("x", a, 2, [map("side", [all(a)])]);
      const side = "side(a0+a1+a2)";
      assert.deepEqual((await run(engine, map("m", [each(x)]))).parts, [
        `m(x0(a0, ${side})+x0(a1, ${side})+x0(a2, ${side}))`,
        `m(x1(a0, ${side})+x1(a1, ${side})+x1(a2, ${side}))`,
      ]);
    });

    test("a reduction of any arity joins neighbours", async () => {
      for (const partitions of [1, 2, 3, 7, 12])
        for (const arity of [2, 3, 5, Number.POSITIVE_INFINITY]) {
          const { parts, operations } = await run(engine, reduce("r", source("a", ones(partitions)), arity));
          assert.deepEqual(parts, [Array.from({ length: partitions }, (_, p) => `a${p}`).join("+")], `${partitions} by ${arity}`);
          const merges = operations.began.filter((key) => key.startsWith("r/")).length;
          assert.ok(merges >= Math.ceil((partitions - 1) / (arity - 1)) && merges <= partitions, `${merges} merges`);
        }
    });

    test("no more is read, and no more computed, at once than may be", async () => {
      const most = { reads: 0, works: 0 };
      const operations = new FakeOperations({});
      const counting = {
        signal: null,
        ioThreads: 3,
        lanes: 2,
        perform: async (operation: Parameters<FakeOperations["perform"]>[0]) => {
          const kind = operation.step === "read" ? "reads" : "works";
          running[kind] += 1;
          most[kind] = Math.max(most[kind], running[kind]);
          try {
            return await operations.perform(operation);
          } finally {
            running[kind] -= 1;
          }
        },
      };
      const running = { reads: 0, works: 0 };
      const plan = reduce("r", map("m", [each(map("n", [each(source("a", ones(20)))]))]), 2);
      await ENGINES[engine](plan, counting, async () => undefined);
      assert.deepEqual(most, { reads: 3, works: 2 });
    });

    test("of sources of a single partition some more are read at once, but not all of many", async () => {
      let most = 0;
      let running = 0;
      const operations = new FakeOperations({});
      const counting = {
        signal: null,
        ioThreads: 1,
        lanes: 1,
        perform: async (operation: Parameters<FakeOperations["perform"]>[0]) => {
          if (operation.step !== "read") return operations.perform(operation);
          running += 1;
          most = Math.max(most, running);
          try {
            return await operations.perform(operation);
          } finally {
            running -= 1;
          }
        },
      };
      const sources = Array.from({ length: 30 }, (_, i) => source(`s${i}`, [1]));
      await ENGINES[engine](union("u", sources), counting, async () => undefined);
      assert.equal(most, WHOLE_READS);
    });

    test("a failure at any operation ends the run with it, and nothing begins afterwards", async () => {
      const { operations } = await run(engine, everything());
      for (let n = 0; n < operations.began.length; n++) {
        const error = new Error(`operation ${n}`);
        let failed = false;
        const before = (at: number): void => {
          if (at !== n) return;
          failed = true;
          throw error;
        };
        await assert.rejects(run(engine, everything(), { seed: n, before }), (thrown) => thrown === error);
        assert.ok(failed);
      }
    });

    test("an abort at any operation ends the run with its reason", async () => {
      const { operations } = await run(engine, everything());
      for (let n = 0; n < operations.began.length; n++) {
        const controller = new AbortController();
        const reason = new Error(`aborted at ${n}`);
        const before = (at: number): void => {
          if (at === n) controller.abort(reason);
        };
        await assert.rejects(run(engine, everything(), { seed: n, before, signal: controller.signal }), (thrown) => thrown === reason);
      }
    });

    test("a result that cannot be delivered ends the run", async () => {
      const error = new Error("no room");
      const operations = new FakeOperations({});
      const failing = ENGINES[engine](everything(), operations, () => Promise.reject(error));
      await assert.rejects(failing, (thrown) => thrown === error);
      assert.equal(operations.running, 0);
    });
  });

test("a choice is made by what the coroutines have seen; the task graph makes the usual one", async () => {
  const chosen = (few: number) => {
    const a = source("a", ones(8));
    const options = [reduce("tree", map("m", [each(a)]), 4), map("x", [each(exchange("s", a, 2))])];
    return choice("c", [a], options, ([seen]) => ((seen?.partitions ?? 0) >= 2 ? (few > 1 ? 0 : 1) : null));
  };
  const tree = [Array.from({ length: 8 }, (_, p) => `m(a${p})`).join("+")];
  const spread = [0, 1].map((p) => `x(${Array.from({ length: 8 }, (_, i) => `s${p}(a${i})`).join("+")})`);
  assert.deepEqual((await run("rapidsmpf", chosen(2))).parts, tree);
  assert.deepEqual((await run("rapidsmpf", chosen(1))).parts, spread);
  for (const few of [1, 2]) assert.deepEqual((await run("tasks", chosen(few))).parts, tree);
});

/** A plan with every kind of node, shared ones among them. */
function everything(): PhysicalNode {
  const a = source("a", ones(4));
  const b = map("b", [each(a)], "earlier");
  const x = exchange("x", b, 3, [reduce("r", a, 2)]);
  return union("u", [map("m", [each(x), all(a)]), map("l", [each(b)], "earlier", 2), a]);
}

/** A random plan whose nodes are often shared. */
function randomPlan(random: Random): PhysicalNode {
  const nodes: PhysicalNode[] = [];
  const rows = (): readonly number[] => Array.from({ length: random.integer(1, 6) }, () => random.integer(0, 4));
  const steps = random.integer(3, 12);
  for (let i = 0; i < steps; i++) {
    const kind = nodes.length === 0 ? "source" : random.pick(["source", "map", "map", "limit", "exchange", "reduce", "union"] as const);
    if (kind === "source") {
      nodes.push(source(`s${i}.`, rows()));
      continue;
    }
    const input = random.pick(nodes);
    const same = nodes.filter((node) => node.partitions === input.partitions);
    if (kind === "map") {
      const others = random.some(nodes, 0, 2).map((node) => (same.includes(node) && random.chance(0.5) ? each(node) : all(node)));
      nodes.push(map(`m${i}.`, [each(input), ...others], random.pick(["none", "earlier", "all", "several"] as const)));
    } else if (kind === "limit") {
      const limit = random.integer(1, 5);
      nodes.push(reduce(`l${i}.`, map(`h${i}.`, [each(input)], "earlier", limit), Number.POSITIVE_INFINITY));
    } else if (kind === "exchange") nodes.push(exchange(`x${i}.`, input, random.integer(1, 4), random.some(nodes, 0, 1)));
    else if (kind === "reduce") nodes.push(reduce(`r${i}.`, input, random.pick([2, 3, Number.POSITIVE_INFINITY])));
    else nodes.push(union(`u${i}.`, random.some(nodes, 1, 3)));
  }
  const [last] = nodes.slice(-1);
  return last ?? source("s", [1]);
}

test("both engines make the same partitions of random plans", async () => {
  for (let seed = 0; seed < 150; seed++) {
    const plan = randomPlan(new Random(seed));
    const [tasks, coroutines] = [await run("tasks", plan, { seed }), await run("rapidsmpf", plan, { seed })];
    assert.deepEqual(coroutines.parts, tasks.parts, `seed ${seed}: ${physicalOrder(plan).map((node) => node.name)}`);
  }
});
