/** Random rows for the aggregation tests, and every aggregate that there is of them. */

import type { Aggregate, AggregateKind } from "../../src/gpu/kernels/aggregate.ts";
import type { Physical } from "../../src/ir/dtype.ts";
import type { Input } from "./aggregate-harness.ts";
import { type Cell, f64OfBits } from "./aggregate-reference.ts";

/** Deterministic uniform numbers in [0, 1). */
export const generator = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

const word = (random: () => number): bigint => BigInt(Math.floor(random() * 2 ** 32));

const VALUE = {
  bool: (random: () => number): Cell => Number(random() < 0.5),
  i32: (random: () => number): Cell => Math.floor((random() - 0.5) * 2 ** 32),
  u32: (random: () => number): Cell => Math.floor(random() * 2 ** 32),
  code: (random: () => number): Cell => Math.floor(random() * 2 ** 32),
  i64: (random: () => number): Cell => BigInt.asIntN(64, (word(random) << 32n) | word(random)),
  u64: (random: () => number): Cell => (word(random) << 32n) | word(random),
  f32: (random: () => number): Cell => Math.fround((random() - 0.3) * 2 ** Math.floor(random() * 40 - 20)),
  f64: (random: () => number): Cell => (random() - 0.3 + random() * 2 ** -30) * 2 ** Math.floor(random() * 60 - 30),
} as const satisfies Record<Physical, (random: () => number) => Cell>;

/** Random values. */
export const column = (physical: Physical, rows: number, nulls: number, seed: number): Input => {
  const random = generator(seed);
  const cells = Array.from({ length: rows }, () => {
    const isNull = random() < nulls;
    const cell = VALUE[physical](random);
    return isNull ? null : cell;
  });
  return { physical, nullable: nulls > 0, cells };
};

const kindsOf = (physical: Physical): readonly AggregateKind[] => [
  "count",
  "null_count",
  "min",
  "max",
  ...(physical === "code" ? [] : (["sum", "mean", "var", "std"] as const)),
  ...(physical === "bool" ? (["any", "all"] as const) : []),
];

/** Every aggregate of output `input`. */
export const allOf = (physical: Physical, input: number): readonly Aggregate[] => [
  { kind: "len", input: -1 },
  { kind: "first_row", input: -1 },
  { kind: "last_row", input: -1 },
  { kind: "first_row", input },
  { kind: "last_row", input },
  ...kindsOf(physical).map((kind) => ({ kind, input })),
  ...(physical === "code" ? [] : [{ kind: "var" as const, input, ddof: 0 }]),
];

/** The group of each row; some rows are in none. */
export const idsFor = (rows: number, groups: number, seed: number): readonly number[] => {
  const random = generator(seed);
  return Array.from({ length: rows }, () => (random() < 0.05 ? 0xffffffff : Math.floor(random() * groups)));
};

/** f64 with random exponents: what is far below the largest is dropped, in every path alike. */
export const wild = (rows: number, seed: number): Input => {
  const random = generator(seed);
  const cells = Array.from({ length: rows }, () =>
    f64OfBits((((word(random) << 32n) | word(random)) & ~(1n << 62n)) | (random() < 0.5 ? 1n << 61n : 0n)),
  );
  return { physical: "f64", nullable: true, cells: cells.map((x, row) => (row % 50 === 0 ? null : x)) };
};
