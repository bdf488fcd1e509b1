/** Random plans over small tables, with shared subplans, hard numbers and every kind of node. */
import type { DType } from "../../../src/ir/dtype.ts";
import type { Expr, LiteralValue, NamedExpr } from "../../../src/ir/expr.ts";
import { aggregate, call, column, literal, lookup, named } from "../../../src/ir/expr.ts";
import type { FunctionName } from "../../../src/ir/functions.ts";
import type { JoinKind, JoinOutput, Plan } from "../../../src/ir/plan.ts";
import type { Field, Schema } from "../../../src/ir/schema.ts";
import { sameDType } from "../../../src/ir/schema.ts";
import type { NamedWindow } from "../../../src/ir/windows.ts";
import type { Row } from "./expr-interpreter.ts";
import type { Tables } from "./plan-interpreter.ts";

const BOOLEAN: DType = { kind: "Boolean" };
const I64: DType = { kind: "Int64" };
const F64: DType = { kind: "Float64" };
const MS: DType = { kind: "Datetime", unit: "ms", zone: null };

const VALUES = {
  Int8: [null, -128n, -1n, 0n, 1n, 2n, 127n],
  Int64: [null, -3n, 0n, 1n, 2n, 3n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n],
  UInt32: [null, 0n, 1n, 2n, 5n],
  Float64: [null, 0, -0, 1.5, -2, Number.NaN, Number.POSITIVE_INFINITY],
  String: [null, "", "a", "ab", "b"],
  Boolean: [null, true, false],
  Date: [null, 0n, 1n, -1n, 18_000n],
} as const satisfies Record<string, readonly LiteralValue[]>;
type Kind = keyof typeof VALUES;
const KINDS: readonly Kind[] = ["Int8", "Int64", "UInt32", "Float64", "String", "Boolean", "Date"];

const isKind = (kind: string): kind is Kind => kind in VALUES;
const isInteger = (dtype: DType): boolean => dtype.kind === "Int8" || dtype.kind === "Int64" || dtype.kind === "UInt32";

export interface RandomPlan {
  readonly plan: Plan;
  readonly tables: Tables;
}

/** The same number gives the same plan. */
export function randomPlan(seed: number): RandomPlan {
  return new Generator(seed).plan();
}

class Generator {
  #state: number;
  #names = 0;
  readonly #pool: Plan[] = [];
  readonly #frames = new Map<number, readonly Row[]>();
  readonly #files = new Map<string, readonly Row[]>();

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  }

  plan(): RandomPlan {
    const plan = this.#node(2 + this.#below(6));
    return { plan, tables: { frames: this.#frames, files: this.#files } };
  }

  /** xorshift32. */
  #below(n: number): number {
    let x = this.#state || 1;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % n;
  }

  #pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.#below(items.length)] ?? items[0];
  }

  #some<T>(items: readonly T[]): readonly T[] {
    const some = items.filter(() => this.#below(3) > 0);
    return some.length === 0 ? items.slice(0, 1) : some;
  }

  #name(): string {
    return `c${this.#names++}`;
  }

  #leaf(): Plan {
    const schema: Schema = KINDS.filter(() => this.#below(3) > 0)
      .concat(["Int64", "Float64"])
      .map((kind) => ({ name: this.#name(), dtype: { kind } }));
    const rows = Array.from({ length: this.#below(9) }, (): Row => new Map(schema.map((f) => [f.name, this.#value(f.dtype)])));
    if (this.#below(3) === 0) {
      const dsl = `{"Scan":{"sources":{"Paths":["${this.#files.size}"]}}}`;
      this.#files.set(dsl, rows);
      return {
        kind: "scan",
        dsl,
        format: this.#pick(["Parquet", "Parquet", "Csv"]),
        predicate: null,
        slice: this.#pick([null, null, { offset: 1, length: 3 }]),
        schema,
        fileSchema: schema,
      };
    }
    const source = this.#frames.size;
    this.#frames.set(source, rows);
    return { kind: "frame", source, schema };
  }

  #value(dtype: DType): LiteralValue {
    const values: readonly LiteralValue[] = isKind(dtype.kind) ? VALUES[dtype.kind] : [null];
    return values[this.#below(values.length)] ?? null;
  }

  #node(depth: number): Plan {
    const node = depth === 0 ? this.#leaf() : this.#made(depth);
    this.#pool.push(node);
    return node;
  }

  /** Now and then a node that is in the plan already. */
  #input(depth: number): Plan {
    const known = this.#below(4) === 0 ? this.#pool[this.#below(this.#pool.length || 1)] : undefined;
    return known ?? this.#node(depth - 1);
  }

  #made(depth: number): Plan {
    const input = this.#input(depth);
    const { schema } = input;
    switch (this.#below(15)) {
      case 0:
      case 1:
      case 2:
        return { kind: "filter", input, predicate: this.#predicate(schema, 3), schema };
      case 3:
      case 4: {
        const exprs = this.#projection(schema);
        return { kind: "project", input, exprs, schema: fieldsOf(exprs) };
      }
      case 5:
        return { kind: "slice", input, offset: this.#below(4) - 1, length: this.#pick([null, 0, 2, 5]), schema };
      case 6:
        return {
          kind: "sort",
          input,
          by: this.#some(schema).map((f) => ({
            expr: column(f.name, f.dtype),
            descending: this.#below(2) === 0,
            nullsLast: this.#below(2) === 0,
          })),
          limit: this.#pick([null, null, 3]),
          schema,
        };
      case 7:
        return this.#aggregate(input);
      case 8:
        return this.#join(input, this.#input(depth));
      case 9:
        return {
          kind: "distinct",
          input,
          subset: this.#some(schema).map((f) => f.name),
          keep: this.#pick(["first", "last", "none", "any"]),
          schema,
        };
      case 10: {
        const other: Plan = { kind: "filter", input, predicate: this.#predicate(schema, 1), schema };
        return { kind: "union", inputs: [input, other, this.#below(2) === 0 ? structuredClone(input) : input], schema };
      }
      case 11: {
        const name = this.#name();
        return { kind: "row_index", input, name, offset: this.#below(3), schema: [{ name, dtype: { kind: "UInt32" } }, ...schema] };
      }
      case 12: {
        const outputs = this.#some(["a", "1", "null"]).map((dsl) => ({ name: this.#name(), dsl, dtype: BOOLEAN }));
        const args = this.#some(schema).map((f) => f.name);
        return { kind: "lookup", input, args, outputs, schema: [...schema, ...outputs.map(({ name, dtype }) => ({ name, dtype }))] };
      }
      case 13:
        return this.#window(input);
      default:
        return this.#below(2) === 0
          ? this.#side(input)
          : { kind: "cpu", node: "Odd", dsl: this.#name(), inputs: [input], reasons: ["a test"], schema };
    }
  }

  #window(input: Plan): Plan {
    const { schema } = input;
    const moved = this.#some(schema).map((f): NamedWindow => {
      const call = { fn: "shift", args: [column(f.name, f.dtype)], options: [this.#below(5) - 2], dtype: f.dtype } as const;
      return { name: this.#name(), call };
    });
    const row: NamedWindow = { name: this.#name(), call: { fn: "row_number", args: [], options: [], dtype: { kind: "UInt32" } } };
    const functions = [...moved, row];
    const added = functions.map(({ name, call }) => ({ name, dtype: call.dtype }));
    const partitionBy = this.#below(2) === 0 ? [] : this.#some(schema).map((f) => column(f.name, f.dtype));
    return { kind: "window", input, partitionBy, orderBy: [], functions, schema: [...schema, ...added] };
  }

  /** The input beside a leaf. */
  #side(input: Plan): Plan {
    const leaf = this.#leaf();
    return { kind: "hconcat", inputs: [input, leaf], lengths: "pad", schema: [...input.schema, ...leaf.schema] };
  }

  #aggregate(input: Plan): Plan {
    const keys = this.#below(4) === 0 ? [] : this.#some(input.schema.slice(0, 3)).map((f) => named(this.#name(), column(f.name, f.dtype)));
    const aggregates = this.#some(input.schema).map((f) => {
      const arg = column(f.name, f.dtype);
      const sum = f.dtype.kind === "Int64" ? aggregate("sum", arg, I64) : aggregate("n_unique", arg, { kind: "UInt32" });
      const best =
        f.dtype.kind === "Boolean" ? aggregate("first", arg, f.dtype) : aggregate(this.#pick(["min", "max", "first"]), arg, f.dtype);
      return named(
        this.#name(),
        this.#pick([sum, best, aggregate("len", null, { kind: "UInt32" }), aggregate("count", arg, { kind: "UInt32" })]),
      );
    });
    return { kind: "aggregate", input, keys, aggregates, schema: fieldsOf([...keys, ...aggregates]) };
  }

  #join(left: Plan, right: Plan): Plan {
    const pairs = left.schema.flatMap((l) => right.schema.filter((r) => sameDType(l.dtype, r.dtype)).map((r) => [l, r] as const));
    const on = this.#some(pairs).slice(0, 2);
    const how: JoinKind = on.length === 0 ? "cross" : this.#pick(["inner", "left", "right", "full", "semi", "anti", "cross", "cross"]);
    const keys = how === "cross" ? [] : on;
    const output: JoinOutput[] = [];
    const schema: Field[] = [];
    for (const f of left.schema) {
      const pair = how === "full" ? keys.find(([l]) => l.name === f.name) : undefined;
      output.push({ name: f.name, from: pair === undefined ? "left" : "coalesce", left: f.name, right: pair?.[1].name ?? null });
      schema.push(f);
    }
    for (const f of how === "semi" || how === "anti" ? [] : right.schema) {
      const name = this.#name();
      output.push({ name, from: "right", left: null, right: f.name });
      schema.push({ name, dtype: f.dtype });
    }
    const columns = (i: 0 | 1): readonly Expr[] => keys.map((pair) => column(pair[i].name, pair[i].dtype));
    const join: Plan = {
      kind: "join",
      left,
      right,
      leftOn: columns(0),
      rightOn: columns(1),
      how,
      nullsEqual: how !== "cross" && this.#below(2) === 0,
      ordered: true,
      output,
      schema,
    };
    if (this.#below(3) === 0) return { kind: "slice", input: join, offset: this.#below(2), length: this.#pick([1, 2]), schema };
    if (how !== "cross" && how !== "inner") return join;
    const equal = [...on, ...this.#some(pairs)].slice(this.#below(2), 2).map(([l, r]) => {
      const sides: [Expr, Expr] = [column(l.name, l.dtype), column(output.find((o) => o.right === r.name)?.name ?? "", r.dtype)];
      return call("eq", this.#below(2) === 0 ? sides : sides.toReversed(), BOOLEAN);
    });
    const predicate = equal.reduce((all, e) => call("and", [all, e], BOOLEAN), this.#predicate(schema, 2));
    return { kind: "filter", input: join, predicate, schema };
  }

  #projection(schema: Schema): readonly NamedExpr[] {
    const kept = this.#some(schema).map((f) => named(this.#below(2) === 0 ? f.name : this.#name(), column(f.name, f.dtype)));
    const computed = Array.from({ length: this.#below(3) }, () =>
      named(this.#name(), this.#pick([this.#predicate(schema, 2), this.#number(schema, 2)])),
    );
    return [...kept, ...computed, ...(this.#below(4) === 0 ? this.#sharingQuotient(schema) : [])];
  }

  /** Two outputs with a division in common. */
  #sharingQuotient(schema: Schema): readonly NamedExpr[] {
    const quotient = call("div", [this.#number(schema, 1), this.#number(schema, 1)], F64);
    return [named(this.#name(), call("add", [quotient, this.#number(schema, 1)], F64)), named(this.#name(), quotient)];
  }

  #columnOf(schema: Schema, accepts: (dtype: DType) => boolean): Expr | null {
    const fitting = schema.filter((f) => accepts(f.dtype));
    const field = fitting[this.#below(fitting.length || 1)];
    return field === undefined ? null : column(field.name, field.dtype);
  }

  /** A Float64. */
  #number(schema: Schema, depth: number): Expr {
    const value = literal(this.#pick([0, -0, 0.5, 2, -1.5, Number.NaN, 2 ** 53, -(2 ** 63), Number.NEGATIVE_INFINITY, null]), F64);
    if (depth === 0) return value;
    const integer = this.#columnOf(schema, isInteger);
    switch (this.#below(5)) {
      case 0:
        return call(this.#pick(["add", "sub", "mul", "div"]), [this.#number(schema, depth - 1), this.#number(schema, depth - 1)], F64);
      case 1:
        return call("coalesce", [this.#number(schema, depth - 1), this.#number(schema, depth - 1), value], F64);
      case 2:
        return call("ternary", [this.#predicate(schema, depth - 1), this.#number(schema, depth - 1), value], F64);
      case 3:
        return integer === null ? value : call("cast", [integer], F64);
      default:
        return this.#columnOf(schema, (d) => d.kind === "Float64") ?? value;
    }
  }

  #predicate(schema: Schema, depth: number): Expr {
    const yes = literal(this.#pick([true, true, false, null]), BOOLEAN);
    if (depth === 0) return this.#columnOf(schema, (d) => d.kind === "Boolean") ?? yes;
    const comparison: FunctionName = this.#pick(["eq", "ne", "lt", "le", "gt", "ge", "eq_missing", "ne_missing"]);
    const sub = (): Expr => this.#predicate(schema, depth - 1);
    const any = this.#columnOf(schema, () => true) ?? yes;
    switch (this.#below(9)) {
      case 0:
        return call("and", [sub(), sub()], BOOLEAN);
      case 1: {
        const common = sub();
        return call("or", [call("and", [common, sub()], BOOLEAN), call("and", [sub(), common], BOOLEAN)], BOOLEAN);
      }
      case 2:
        return call("not", [sub()], BOOLEAN);
      case 3:
        return call(this.#pick(["is_null", "is_not_null"]), [any], BOOLEAN);
      case 4: {
        const text = this.#columnOf(schema, (d) => d.kind === "String");
        return text === null ? yes : lookup(this.#pick(["a", "b"]), text, BOOLEAN);
      }
      case 5: {
        const date = this.#columnOf(schema, (d) => d.kind === "Date");
        return date === null
          ? yes
          : call(comparison, [call("cast", [date], MS), literal(this.#pick([0n, 1n, -1n, 86_400_000n, 10n ** 15n]), MS)], BOOLEAN);
      }
      case 6: {
        const other = this.#columnOf(schema, (d) => sameDType(d, any.dtype)) ?? any;
        return call(this.#pick(["eq", comparison]), [any, other], BOOLEAN);
      }
      case 7: {
        const integer = this.#columnOf(schema, isInteger);
        const sides: [Expr, Expr] = [integer === null ? this.#number(schema, 1) : call("cast", [integer], F64), this.#number(schema, 0)];
        return call(comparison, this.#below(2) === 0 ? sides : sides.toReversed(), BOOLEAN);
      }
      default:
        return call(comparison, [this.#number(schema, depth - 1), this.#number(schema, depth - 1)], BOOLEAN);
    }
  }
}

const fieldsOf = (exprs: readonly NamedExpr[]): Schema => exprs.map((e) => ({ name: e.name, dtype: e.expr.dtype }));
