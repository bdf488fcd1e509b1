/** Compilation of expressions that were compiled before: over any inputs it is that of expressions never seen. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Column } from "../../src/gpu/column.ts";
import { valueWords } from "../../src/gpu/column.ts";
import type { Recoding } from "../../src/gpu/compile/compile.ts";
import { compile } from "../../src/gpu/compile/compile.ts";
import type { Dictionaries, Dictionary } from "../../src/gpu/dictionary.ts";
import { collectGarbage } from "../../src/gpu/garbage.ts";
import type { DType } from "../../src/ir/dtype.ts";
import type { Expr } from "../../src/ir/expr.ts";
import { call, column, literal, lookup } from "../../src/ir/expr.ts";

const INT: DType = { kind: "Int64" };
const FLOAT: DType = { kind: "Float64" };
const TEXT: DType = { kind: "String" };
const BOOL: DType = { kind: "Boolean" };

const ROWS = 100;
const buffer = { words: 1024, bytes: 4096, retain: () => buffer, release: () => undefined };
const columnOf = (dtype: DType, nullable = false, dictionary: Dictionary | null = null, length = ROWS): Column => ({
  dtype,
  length,
  buffer,
  validityOffset: nullable ? valueWords(dtype, length) : null,
  dictionary,
});

const dictionaryOf = (size: number): Dictionary => ({ size, unique: true, sorted: false });

/** Answers of the right form, the same ones for the same question. */
class Answers implements Dictionaries {
  /** Of those that `unify` brings together, the first keeps its codes. */
  readonly keepsFirst: boolean;
  readonly nullableTables: boolean;
  readonly #known = new Map<string, unknown>();
  readonly #ids = new Map<Dictionary, number>();
  evaluations = 0;

  constructor(keepsFirst: boolean, nullableTables: boolean) {
    this.keepsFirst = keepsFirst;
    this.nullableTables = nullableTables;
  }

  literal(value: string | null): Dictionary {
    return this.#once(`literal ${value}`, () => dictionaryOf(1));
  }

  async unify(dictionaries: readonly Dictionary[], need: "unique" | "sorted") {
    return this.#once(`unify ${need} ${dictionaries.map((d) => this.#id(d)).join()}`, () => {
      const dictionary = dictionaryOf(dictionaries.reduce((n, d) => n + d.size, 0));
      const tables = dictionaries.map((d, k) => (k === 0 && this.keepsFirst ? null : columnOf(TEXT, true, dictionary, d.size + 1)));
      return { dictionary, tables };
    });
  }

  async evaluate(dictionary: Dictionary, dsl: string, dtype: DType): Promise<Column> {
    this.evaluations += 1;
    return this.#once(`evaluate ${this.#id(dictionary)} ${dsl}`, () => columnOf(dtype, this.nullableTables, null, dictionary.size + 1));
  }

  isUnified(): boolean {
    return false;
  }

  elements(): Promise<Column> {
    throw new Error("not asked");
  }

  lists(): Promise<Dictionary> {
    throw new Error("not asked");
  }

  #id(dictionary: Dictionary): number {
    const id = this.#ids.get(dictionary) ?? this.#ids.size;
    this.#ids.set(dictionary, id);
    return id;
  }

  #once<T>(question: string, make: () => T): T {
    const known = this.#known.get(question) ?? make();
    this.#known.set(question, known);
    return known as T;
  }
}

interface Case {
  readonly columns: ReadonlyMap<string, Column>;
  readonly answers: Answers;
  readonly recodings: readonly (Recoding | null)[];
}

/** The same names over columns, dictionaries and answers of every form. */
function* cases(): Generator<Case> {
  const [one, other, target] = [dictionaryOf(5), dictionaryOf(9), dictionaryOf(20)];
  for (const nullable of [false, true])
    for (const dictionary of [one, other])
      for (const shared of [false, true])
        for (const dtype of [INT, FLOAT])
          for (const keepsFirst of [true, false])
            for (const recoded of [null, "as it is", "by a table"]) {
              const a = columnOf(dtype, nullable);
              const table = recoded === "by a table" ? columnOf(TEXT, false, target, one.size + 1) : null;
              yield {
                columns: new Map([
                  ["a", a],
                  ["b", shared ? a : columnOf(dtype, !nullable)],
                  ["s", columnOf(TEXT, nullable, one)],
                  ["t", columnOf(TEXT, false, dictionary)],
                ]),
                answers: new Answers(keepsFirst, nullable),
                recodings: recoded === null ? [] : [new Map([[one, { dictionary: target, table }]])],
              };
            }
}

const [a, b, s, t] = [column("a", INT), column("b", INT), column("s", TEXT), column("t", TEXT)];
const isLong = lookup("{}", s, BOOL);
const LISTS: readonly (readonly Expr[])[] = [
  [call("add", [a, b], INT)],
  [a, call("add", [a, a], INT)],
  [call("add", [a, literal(3n, INT)], INT), call("is_null", [b], BOOL)],
  [s, call("and", [isLong, call("eq", [s, t], BOOL)], BOOL)],
  [call("ternary", [isLong, s, t], TEXT), call("eq", [s, literal("x", TEXT)], BOOL)],
  [call("reinterpret", [a], INT), call("reinterpret", [a], FLOAT)],
  [call("coalesce", [s, literal(null, TEXT)], TEXT), s],
];

const compileIn = ({ columns, answers, recodings }: Case, exprs: readonly Expr[]) => compile(exprs, columns, ROWS, answers, recodings);

/** The expressions as nobody has compiled them: a literal of a value of its own beside them. */
let unseen = 0n;
const compileAnew = async (of: Case, exprs: readonly Expr[]) => {
  unseen += 1n;
  const { program, outputs } = await compileIn(of, [...exprs, call("add", [column("a", INT), literal(1_000_000n + unseen, INT)], INT)]);
  return { program, outputs: outputs.slice(0, -1) };
};

test("what was compiled over one batch is right for every other", async () => {
  for (const exprs of LISTS) {
    const longer = [...exprs, call("add", [column("a", INT), literal(7n, INT)], INT)];
    for (const of of cases()) {
      const known = await compileIn(of, longer);
      const anew = await compileAnew(of, exprs);
      assert.equal(known.program.wgsl, anew.program.wgsl);
      assert.equal(known.program.key, anew.program.key);
      assert.deepEqual(known.program.columns, anew.program.columns);
      assert.ok(known.program.columns.every((bound, k) => bound === anew.program.columns[k]));
      const differing = known.program.args.filter((word, k) => word !== anew.program.args[k]);
      assert.deepEqual(differing, [7], "only the literal differs");
      assert.equal(known.program.args.length, known.program.argWords);
      assert.deepEqual(known.program.outputs, anew.program.outputs);
      assert.deepEqual(
        known.outputs.slice(0, -1).map(({ dtype }) => dtype),
        anew.outputs.map(({ dtype }) => dtype),
      );
      assert.ok(known.outputs.slice(0, -1).every(({ dictionary }, k) => dictionary === anew.outputs[k]?.dictionary));
    }
  }
});

test("dictionaries are asked each time", async () => {
  const exprs = [call("not", [isLong], BOOL)];
  const [first, second] = [new Answers(true, false), new Answers(true, false)];
  const columns = (size: number) => new Map([["s", columnOf(TEXT, true, dictionaryOf(size))]]);
  const small = await compile(exprs, columns(5), ROWS, first);
  const large = await compile(exprs, columns(6), ROWS, second);
  assert.deepEqual([first.evaluations, second.evaluations], [1, 1]);
  assert.equal(large.program.key, small.program.key);
  assert.notEqual(large.program.columns[1], small.program.columns[1]);
  assert.deepEqual([small.program.args[2], large.program.args[2]], [5, 6]);
});

test("equal expressions of other plans are the same ones", async () => {
  const columns = new Map([["a", columnOf(INT)]]);
  const sum = (value: bigint) => [call("add", [column("a", INT), literal(value, INT)], INT)];
  const [one, again, two] = [sum(1n), sum(1n), sum(2n)].map((exprs) => compile(exprs, columns, ROWS, new Answers(true, false)));
  assert.equal((await again)?.program.wgsl, (await one)?.program.wgsl);
  assert.deepEqual((await again)?.program.args, (await one)?.program.args);
  assert.equal((await two)?.program.key, (await one)?.program.key);
  assert.deepEqual((await two)?.program.args, [ROWS, 2, 0, 0]);
});

test("what is kept of a compilation holds on to nothing that it was about", async () => {
  const refs: WeakRef<object>[] = [];
  const compileOnce = async (): Promise<void> => {
    const [one, other] = [dictionaryOf(5), dictionaryOf(9)];
    const answers = new Answers(false, true);
    const columns = new Map([
      ["a", columnOf(INT, true)],
      ["s", columnOf(TEXT, true, one)],
      ["t", columnOf(TEXT, true, other)],
    ]);
    const target = dictionaryOf(20);
    const recoding: Recoding = new Map([[one, { dictionary: target, table: columnOf(TEXT, true, target, 6) }]]);
    const exprs = [
      s,
      call("is_null", [a], BOOL),
      call("or", [isLong, call("eq", [s, t], BOOL)], BOOL),
      call("eq", [s, literal("y", TEXT)], BOOL),
    ];
    await compile(exprs, columns, ROWS, answers, [recoding]);
    refs.push(...[answers, columns, one, other, target, ...columns.values()].map((held) => new WeakRef(held)));
  };
  await compileOnce();
  await setImmediate();
  collectGarbage();
  const held = refs.flatMap((ref, k) => (ref.deref() === undefined ? [] : [k]));
  assert.deepEqual(held, []);
});
