/** What the tables of one plan are read with: the lists that tables refer to, and checks of single values. */

import type { DType } from "../dtype.ts";
import type { Expr, NamedExpr, SortKey } from "../expr.ts";
import type { Plan } from "../plan.ts";
import type { Field } from "../schema.ts";
import { corrupt } from "./checked-buffer.ts";
import * as wire from "./generated/index.ts";

/** Every method throws InvalidPlanError where the bytes do not say what they have to say. */
export class PlanReader {
  readonly dtypes: DType[] = [];
  readonly exprs: Expr[] = [];
  readonly nodes: Plan[] = [];

  /** @param what for the message. */
  present<T>(value: T | null | undefined, what: string): T {
    return value ?? corrupt(`${what} is missing`);
  }

  text(value: string | null): string {
    return this.present(value, "a string");
  }

  integer(value: bigint): number {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : corrupt(`the integer ${value} is too large`);
  }

  optionalInteger(value: bigint | null): number | null {
    return value === null ? null : this.integer(value);
  }

  /** The name of an enum's value. */
  nameOf<K extends string>(values: Readonly<Record<K, number>>, value: number): K {
    const name = Object.keys(values).find((key): key is K => isKey(values, key) && values[key] === value);
    return name ?? corrupt(`${value} is not one of ${Object.keys(values).join(", ")}`);
  }

  list<T>(length: number, item: (index: number) => T): T[] {
    const items: T[] = [];
    for (let i = 0; i < length; i += 1) items.push(item(i));
    return items;
  }

  dtype(position: number): DType {
    return this.present(this.dtypes[position], `dtype ${position}`);
  }

  dtypeOf(table: wire.DType): DType {
    const kind = this.nameOf(wire.DTypeKind, table.kind());
    switch (kind) {
      case "Datetime":
        return { kind, unit: this.nameOf(wire.TimeUnit, table.unit()), zone: table.zone() };
      case "Duration":
        return { kind, unit: this.nameOf(wire.TimeUnit, table.unit()) };
      case "Categorical":
      case "Enum":
      case "Decimal":
      case "Opaque":
        return { kind, dsl: this.text(table.dsl()) };
      case "Boolean":
      case "String":
      case "Binary":
      case "Date":
      case "Time":
      case "Null":
        return { kind };
      default:
        return { kind };
    }
  }

  field(table: wire.Field | null): Field {
    const field = this.present(table, "a field");
    return { name: this.text(field.name()), dtype: this.dtype(field.dtype()) };
  }

  /** An expression that stands before the one that refers to it. */
  expr(position: number | null): Expr {
    return this.present(this.exprs[this.present(position, "a reference")], `expression ${position}`);
  }

  /** A node that stands before the one that refers to it. */
  node(position: number | null): Plan {
    return this.present(this.nodes[this.present(position, "a reference")], `node ${position}`);
  }

  sortKey(table: wire.SortKey | null): SortKey {
    const key = this.present(table, "a sort key");
    return { expr: this.expr(key.expr()), descending: key.descending(), nullsLast: key.nullsLast() };
  }

  named(table: wire.NamedExpr | null): NamedExpr {
    const named = this.present(table, "a named expression");
    return { name: this.text(named.name()), expr: this.expr(named.expr()) };
  }
}

const isKey = <K extends string>(values: Readonly<Record<K, number>>, key: string): key is K => Object.hasOwn(values, key);
