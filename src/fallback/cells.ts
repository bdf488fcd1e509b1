/** The cells of a frame as JavaScript values that lose nothing: what results are compared by. */

import { inspect } from "node:util";
import pl, { type DataFrame, type Series } from "nodejs-polars";
import { dslText } from "../polars/dsl-text.ts";
import { zeroFrame } from "../polars/zero-frame.ts";

/** Integers and points in time are bigints, floats numbers, everything else text. */
export type Cell = null | boolean | bigint | number | string;

export interface CellColumn {
  readonly name: string;
  /** Polars' own spelling, with units, zones and inner dtypes. */
  readonly dtype: string;
  readonly float: boolean;
  readonly cells: readonly Cell[];
}

/** Names and dtypes of the frame's columns, in order. */
export const columnDtypes = (frame: DataFrame): readonly Pick<CellColumn, "name" | "dtype">[] =>
  zeroFrame(frame._df).fields.map(([name, dtype]) => ({ name, dtype: typeof dtype === "string" ? dtype : dslText(dtype) }));

/** The columns of the frame, in order. */
export function cellColumns(frame: DataFrame): readonly CellColumn[] {
  const series = frame.getColumns();
  return columnDtypes(frame).map(({ name, dtype }, i) => {
    const column = series[i];
    if (column === undefined) throw new RangeError(`column ${name} is missing`);
    return { name, dtype, float: dtype === "Float32" || dtype === "Float64", cells: cellsOf(column, dtype) };
  });
}

function cellsOf(series: Series, dtype: string): readonly Cell[] {
  if (dtype === "Null") return Array.from({ length: series.length }, () => null);
  if (dtype === "Boolean" || dtype === "String") return valuesOf(series);
  if (dtype === "Binary" || /^\{"(?:Categorical|Enum|Decimal)"/.test(dtype)) return valuesOf(series.cast(pl.String));
  // What nodejs-polars has no JavaScript values for.
  if (/^U?Int128/.test(dtype)) return valuesOf(series.cast(pl.String));
  if (/"Binary"|"Decimal"|Int128"/.test(dtype)) return valuesOf(series.cast(dtype.startsWith('{"List"') ? pl.List(pl.String) : pl.String));
  if (/^U?Int|^Float/.test(dtype)) return numbersOf(series);
  if (dtype === "Date" || dtype === "Time" || /^\{"(?:Datetime|Duration)"/.test(dtype)) return numbersOf(series.cast(pl.Int64));
  return valuesOf(series);
}

function numbersOf(series: Series): readonly Cell[] {
  const nulls = valuesOf(series.isNull());
  const filled = series.nullCount() === 0 ? series : series.fillNull("zero");
  return Array.from<number | bigint, Cell>(series.length === 0 ? [] : filled.rechunk().toTypedArray(), (value, row) =>
    nulls[row] === true ? null : series.isFloat() ? value : BigInt(value),
  );
}

const valuesOf = (series: Series): readonly Cell[] =>
  [...series.toArray()].map(
    (value: unknown): Cell =>
      value === null || typeof value === "boolean" || typeof value === "string"
        ? value
        : inspect(value, { depth: null, maxArrayLength: null, breakLength: Number.POSITIVE_INFINITY }),
  );
