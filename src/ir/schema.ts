/** Ordered column names with their dtypes. */

import type { DType } from "./dtype.ts";

export interface Field {
  readonly name: string;
  readonly dtype: DType;
}
export type Schema = readonly Field[];

export const sameDType = (a: DType, b: DType): boolean => describeDType(a) === describeDType(b);

export const sameSchema = (a: Schema, b: Schema): boolean =>
  a.length === b.length && a.every((f, i) => f.name === b[i]?.name && sameDType(f.dtype, b[i].dtype));

/** One text for each dtype, used for keys and messages. */
export function describeDType(dtype: DType): string {
  switch (dtype.kind) {
    case "Datetime":
      return `Datetime(${dtype.unit}${dtype.zone === null ? "" : `, ${dtype.zone}`})`;
    case "Duration":
      return `Duration(${dtype.unit})`;
    case "Categorical":
    case "Enum":
    case "Decimal":
    case "Opaque":
      return dtype.dsl;
    default:
      return dtype.kind;
  }
}
