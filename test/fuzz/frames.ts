/** Random source frames, biased to what breaks engines: nulls, NaN, signed zeros, extremes, duplicates, no rows, one row. */

import type { Random } from "./random.ts";
import type { Field, Kind } from "./tree.ts";

/** How a column is drawn and written. Values are source text; `calls` make the series of them one of the dtype. */
interface ColumnKind {
  readonly kind: Kind;
  readonly dtype: string;
  readonly from: "pl.String" | "pl.Float64" | "pl.Bool";
  readonly calls: string;
  readonly value: (random: Random) => string;
}

const quoted = (value: number | bigint): string => JSON.stringify(String(value));

const integers = (dtype: string, low: bigint, high: bigint): ColumnKind => ({
  kind: "int",
  dtype,
  from: "pl.String",
  calls: `.cast(pl.${dtype})`,
  value: (random) => {
    if (random.chance(0.06)) return quoted(random.pick([low, high, high - 1n, low + 1n]));
    const small = BigInt(random.integer(low < 0n ? -9 : 0, 12));
    return quoted(random.chance(0.8) ? small : small * BigInt(random.integer(0, high > 1000n ? 999 : 9)));
  },
});

const FLOATS = ["Number.NaN", "-0", "0", "Number.POSITIVE_INFINITY", "Number.NEGATIVE_INFINITY", "5e-324", "1e-310", "0.1"];

const floats = (dtype: string): ColumnKind => ({
  kind: "float",
  dtype,
  from: "pl.Float64",
  calls: dtype === "Float64" ? "" : `.cast(pl.${dtype})`,
  value: (random) => {
    if (random.chance(0.12)) return random.pick(FLOATS);
    if (random.chance(0.5)) return String(random.integer(-6, 6) / 2);
    return String((random.next() - 0.5) * random.pick([1, 10, 8000]));
  },
});

const ticks = (kind: Kind, dtype: string, calls: string, steps: readonly bigint[], negative = true): ColumnKind => ({
  kind,
  dtype,
  from: "pl.String",
  calls,
  value: (random) => {
    const value =
      BigInt(random.integer(negative ? -20 : 0, 40)) * random.pick(steps) + BigInt(random.integer(0, random.chance(0.3) ? 99 : 0));
    return quoted(value);
  },
});

const STRINGS = ["", "a", "b", "B", "ab", "Zebra", "ä", "日本", "a b", " pad ", "12", "-3", "null", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"];
const strings = (kind: Kind, dtype: string, calls: string): ColumnKind => ({
  kind,
  dtype,
  from: "pl.String",
  calls,
  value: (random) => JSON.stringify(random.chance(0.9) ? random.pick(STRINGS) : `s${random.integer(0, 99)}`),
});

/** Values of which the device sees only codes, read from text. */
const written = (kind: "decimal" | "nested", dtype: string, calls: string, text: (random: Random) => string): ColumnKind => ({
  kind: `${kind} ${dtype}`,
  dtype,
  from: "pl.String",
  calls,
  value: (random) => JSON.stringify(text(random)),
});

const HOUR = 3_600_000_000n;
export const COLUMN_KINDS: readonly ColumnKind[] = [
  integers("Int8", -128n, 127n),
  integers("Int16", -32768n, 32767n),
  integers("Int32", -(2n ** 31n), 2n ** 31n - 1n),
  integers("Int64", -(2n ** 63n), 2n ** 63n - 1n),
  integers("UInt8", 0n, 255n),
  integers("UInt16", 0n, 65535n),
  integers("UInt32", 0n, 2n ** 32n - 1n),
  integers("UInt64", 0n, 2n ** 64n - 1n),
  floats("Float32"),
  floats("Float64"),
  floats("Float64"),
  { kind: "bool", dtype: "Bool", from: "pl.Bool", calls: "", value: (random) => String(random.chance(0.5)) },
  strings("str", "String", ""),
  strings("str", "String", ""),
  strings("cat", "Categorical", ".cast(pl.Categorical)"),
  ticks("date", "Date", ".cast(pl.Int32).cast(pl.Date)", [1n, 30n, 365n]),
  ticks("datetime us", "Datetime(us,)", '.cast(pl.Int64).cast(pl.Datetime("us"))', [HOUR, 24n * HOUR, 24n * 365n * HOUR]),
  ticks("datetime ms", "Datetime(ms,)", '.cast(pl.Int64).cast(pl.Datetime("ms"))', [HOUR / 1000n, 24n * HOUR]),
  ticks("duration us", "Duration(us)", '.cast(pl.Int64).cast(pl.Duration("us"))', [1n, HOUR]),
  ticks("time", "Time", ".cast(pl.Int64).cast(pl.Time)", [1n, HOUR * 500n], false),
  written("decimal", "pl.Decimal(10, 2)", ".cast(pl.Decimal(10, 2))", (random) => (random.integer(-300, 400) / 4).toFixed(2)),
  written("nested", "pl.List(pl.String)", '.str.split(",")', (random) => random.some(STRINGS, 1, 3).join(",")),
  written("nested", "pl.Struct", '.str.jsonDecode(pl.Struct([new pl.Field("x", pl.Int64), new pl.Field("y", pl.String)]))', (random) =>
    JSON.stringify({ x: random.pick([null, 0, 1, -7]), y: random.pick([null, ...STRINGS]) }),
  ),
];

/** A column of a source. Whether it may have nulls is a part of the shape, as kernels depend on it. */
interface ColumnShape {
  readonly field: Field;
  readonly column: ColumnKind;
  readonly nullable: boolean;
}

/** Names and dtypes of a source; its rows are drawn anew for each run. */
export interface FrameShape {
  readonly columns: readonly ColumnShape[];
}

export interface SourceFrame {
  readonly columns: readonly {
    readonly name: string;
    readonly from: string;
    readonly calls: string;
    readonly values: readonly string[];
  }[];
}

const NAMES = ["a", "b", "c", "d", "e", "g", "h", "k"];

export function frameShape(random: Random, base: FrameShape | null): FrameShape {
  const shared = base === null ? [] : random.some(base.columns, 1, 3);
  const taken = new Set(shared.map((c) => c.field.name));
  const names = NAMES.filter((n) => !taken.has(n));
  const more = random.some(names, 2, 4).map((name): ColumnShape => {
    const column = random.pick(COLUMN_KINDS);
    return { column, nullable: random.chance(0.7), field: { name, kind: column.kind, dtype: column.dtype, noise: null } };
  });
  return { columns: [...shared, ...more] };
}

const ROWS = [0, 1, 2, 3, 7, 12, 20, 33, 40, 64, 65, 100];

/** Rows for a shape, `most` at most. */
export function drawFrame(random: Random, shape: FrameShape, most = Number.POSITIVE_INFINITY): SourceFrame {
  const rows = random.pick(ROWS.filter((n) => n <= most));
  return {
    columns: shape.columns.map(({ field, column, nullable }) => {
      const nulls = nullable ? random.pick([0.1, 0.2, 0.2, 0.5, 1]) : 0;
      const pool = random.chance(0.4) ? Array.from({ length: random.integer(1, 5) }, () => column.value(random)) : null;
      const values = Array.from({ length: rows }, () =>
        random.chance(nulls) ? "null" : pool === null ? column.value(random) : random.pick(pool),
      );
      return { name: field.name, from: column.from, calls: column.calls, values };
    }),
  };
}

export const frameText = (frame: SourceFrame): string => {
  const columns = frame.columns.map((c) => {
    const name = JSON.stringify(c.name);
    // Polars forgets the name of what it reads from JSON.
    const named = c.calls.includes("jsonDecode") ? `.alias(${name})` : "";
    return `    pl.Series(${name}, [${c.values.join(", ")}], ${c.from})${c.calls}${named},`;
  });
  return `pl.DataFrame([\n${columns.join("\n")}\n  ])`;
};
