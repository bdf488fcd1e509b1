/** The meaning of IR plans on small tables in plain JavaScript, row order included: what an optimised plan must still compute. */
import assert from "node:assert/strict";
import type { Expr, LiteralValue } from "../../../src/ir/expr.ts";
import type { Aggregate, Distinct, Join, Plan, Scan, Window } from "../../../src/ir/plan.ts";
import { cellOf, compareValues, keyOf, type Row } from "./expr-interpreter.ts";

/** Rows of frames by source number, of files by the text of their scan. */
export interface Tables {
  readonly frames: ReadonlyMap<number, readonly Row[]>;
  readonly files: ReadonlyMap<string, readonly Row[]>;
}

/** The rows in order, each with exactly the columns of the schema. */
export function rowsOf(plan: Plan, tables: Tables): readonly Row[] {
  const names = plan.schema.map((f) => f.name);
  return interpret(plan, tables).map((row) => new Map(names.map((name) => [name, cell(row, name)])));
}

function cell(row: Row, name: string): LiteralValue {
  const value = row.get(name);
  assert(value !== undefined, `no column ${name}`);
  return value;
}

const where = (rows: readonly Row[], predicate: Expr): readonly Row[] => rows.filter((row) => cellOf(predicate, row) === true);

function slice<T>(rows: readonly T[], offset: number, length: number | null): readonly T[] {
  const start = offset < 0 ? rows.length + offset : offset;
  const end = length === null ? rows.length : start + length;
  return rows.filter((_, i) => i >= start && i < end);
}

function interpret(plan: Plan, tables: Tables): readonly Row[] {
  const input = (i: Plan): readonly Row[] => rowsOf(i, tables);
  switch (plan.kind) {
    case "scan":
      return scan(plan, tables);
    case "frame":
      return tables.frames.get(plan.source) ?? [];
    case "cpu":
      return plan.inputs.flatMap((i) => {
        assert.deepEqual(i.schema, plan.schema, "a CPU node must get the columns that it asked for");
        return input(i).filter((_, n) => n % 2 === 0);
      });
    case "project":
      return input(plan.input).map((row) => new Map(plan.exprs.map((e) => [e.name, cellOf(e.expr, row)])));
    case "filter":
      return where(input(plan.input), plan.predicate);
    case "slice":
      return slice(input(plan.input), plan.offset, plan.length);
    case "sort": {
      const keyed = input(plan.input).map((row) => ({ row, keys: plan.by.map((k) => cellOf(k.expr, row)) }));
      const sorted = keyed.toSorted((a, b) => {
        for (const [i, by] of plan.by.entries()) {
          const order = compareValues(a.keys[i] ?? null, b.keys[i] ?? null, by.descending, by.nullsLast);
          if (order !== 0) return order;
        }
        return 0;
      });
      return slice(
        sorted.map((s) => s.row),
        0,
        plan.limit,
      );
    }
    case "aggregate":
      return aggregate(plan, input(plan.input));
    case "join":
      return join(plan, input(plan.left), input(plan.right));
    case "distinct":
      return distinct(plan, input(plan.input));
    case "union":
      return plan.inputs.flatMap(input);
    case "hconcat": {
      const parts = plan.inputs.map((i) => ({ rows: input(i), names: i.schema.map((f) => f.name) }));
      const height = Math.max(...parts.map((p) => p.rows.length));
      return Array.from(
        { length: height },
        (_, i) => new Map(parts.flatMap((p) => p.names.map((name) => [name, p.rows[i]?.get(name) ?? null] as const))),
      );
    }
    case "asof_join":
    case "range_join":
      throw new Error("plans of tests have no joins by order");
    case "require":
      return input(plan.input);
    case "explode":
      throw new Error("plans of tests have no lists");
    case "gather": {
      const rows = input(plan.input);
      return plan.rows.map((row) => rows[row ?? -1] ?? new Map(plan.schema.map((f) => [f.name, null])));
    }
    case "gather_by": {
      const [rows, [by]] = [input(plan.input), plan.by.schema];
      return input(plan.by).map((row) => rows[Number(row.get(by?.name ?? "") ?? -1)] ?? new Map(plan.schema.map((f) => [f.name, null])));
    }
    case "row_index":
      return input(plan.input).map((row, i) => new Map([[plan.name, BigInt(plan.offset + i)], ...row]));
    case "lookup":
      return input(plan.input).map((row) => {
        const text = plan.args.map((name) => `${cell(row, name)}`).join();
        return new Map([...row, ...plan.outputs.map((o) => [o.name, text.includes(o.dsl)] as const)]);
      });
    case "window":
      return windowed(plan, input(plan.input));
  }
}

function scan(plan: Scan, { files }: Tables): readonly Row[] {
  const rows = files.get(plan.dsl) ?? [];
  const kept = plan.predicate === null ? rows : where(rows, plan.predicate);
  return plan.slice === null ? kept : slice(kept, plan.slice.offset, plan.slice.length);
}

function grouped<T>(items: readonly T[], key: (item: T) => string): readonly (readonly [T, ...T[]])[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

/** Only what random plans draw: values shifted by a row, and numbers of rows, in row order. */
function windowed(plan: Window, rows: readonly Row[]): readonly Row[] {
  assert(plan.orderBy.length === 0);
  const made = new Map<Row, Row>();
  for (const segment of grouped(rows, (row) => keysText(plan.partitionBy, row))) {
    segment.forEach((row, i) => {
      const values = plan.functions.map(({ name, call }): [string, LiteralValue] => {
        if (call.fn === "row_number") return [name, BigInt(i)];
        assert(call.fn === "shift");
        const [arg] = call.args;
        const source = segment[i - (call.options[0] ?? 0)];
        return [name, arg === undefined || source === undefined ? null : cellOf(arg, source)];
      });
      made.set(row, new Map([...row, ...values]));
    });
  }
  return rows.map((row) => made.get(row) ?? row);
}

const keysText = (exprs: readonly Expr[], row: Row): string => exprs.map((e) => keyOf(cellOf(e, row))).join();

function aggregate(plan: Aggregate, rows: readonly Row[]): readonly Row[] {
  const keys = plan.keys.map((k) => k.expr);
  const groups: readonly (readonly Row[])[] = keys.length === 0 ? [rows] : grouped(rows, (row) => keysText(keys, row));
  return groups.map((group) => {
    const [first] = group;
    const own = plan.keys.map((k) => [k.name, first === undefined ? null : cellOf(k.expr, first)] as const);
    return new Map<string, LiteralValue>([...own, ...plan.aggregates.map((a) => [a.name, reduced(a.expr, group)] as const)]);
  });
}

function reduced(expr: Expr, group: readonly Row[]): LiteralValue {
  assert(expr.kind === "aggregate");
  const { arg } = expr;
  const values = arg === null ? [] : group.map((row) => cellOf(arg, row));
  const present = values.filter((v) => v !== null);
  switch (expr.fn) {
    case "len":
      return BigInt(group.length);
    case "count":
      return BigInt(present.length);
    case "first":
      return values[0] ?? null;
    case "n_unique":
      return BigInt(new Set(values.map(keyOf)).size);
    case "sum":
      return BigInt.asIntN(
        64,
        present.reduce<bigint>((sum, v) => sum + BigInt(v), 0n),
      );
    default:
      assert(expr.fn === "min" || expr.fn === "max");
      return present.toSorted((a, b) => compareValues(a, b, expr.fn === "max", true))[0] ?? null;
  }
}

function join(plan: Join, left: readonly Row[], right: readonly Row[]): readonly Row[] {
  const keys = (exprs: readonly Expr[], row: Row): string | null =>
    !plan.nullsEqual && exprs.some((e) => cellOf(e, row) === null) ? null : keysText(exprs, row);
  const matches = (l: Row, r: Row): boolean => {
    if (plan.how === "cross") return true;
    const key = keys(plan.leftOn, l);
    return key !== null && key === keys(plan.rightOn, r);
  };
  const made = (l: Row | null, r: Row | null): Row =>
    new Map(
      plan.output.map((o) => {
        const [a, b] = [o.left === null || l === null ? null : cell(l, o.left), o.right === null || r === null ? null : cell(r, o.right)];
        return [o.name, o.from === "left" ? a : o.from === "right" ? b : l === null ? b : a];
      }),
    );
  switch (plan.how) {
    case "semi":
      return left.filter((l) => right.some((r) => matches(l, r))).map((l) => made(l, null));
    case "anti":
      return left.filter((l) => !right.some((r) => matches(l, r))).map((l) => made(l, null));
    case "right":
      return right.flatMap((r) => orMissing(left.filter((l) => matches(l, r))).map((l) => made(l, r)));
  }
  const outer = plan.how === "left" || plan.how === "full";
  const rows = left.flatMap((l) => {
    const found = right.filter((r) => matches(l, r));
    return (outer ? orMissing(found) : found).map((r) => made(l, r));
  });
  const rest = plan.how === "full" ? right.filter((r) => !left.some((l) => matches(l, r))) : [];
  return [...rows, ...rest.map((r) => made(null, r))];
}

const orMissing = (rows: readonly Row[]): readonly (Row | null)[] => (rows.length === 0 ? [null] : rows);

function distinct(plan: Distinct, rows: readonly Row[]): readonly Row[] {
  const numbered = rows.map((row, i) => ({ row, i }));
  const groups = grouped(numbered, ({ row }) => plan.subset.map((name) => keyOf(cell(row, name))).join());
  const kept = groups.flatMap((group) => {
    if (plan.keep === "none") return group.length === 1 ? group : [];
    return plan.keep === "last" ? group.slice(-1) : group.slice(0, 1);
  });
  return kept.toSorted((a, b) => a.i - b.i).map(({ row }) => row);
}
