/** Lists of the rows of groups: polars makes them of the exported values, and they are the entries of a dictionary. */

import type { Column } from "../gpu/column.ts";
import type { Device } from "../gpu/device.ts";
import type { DType } from "../ir/dtype.ts";
import { LOOKUP_COLUMN } from "../ir/expr.ts";
import { exprFromDsl } from "../polars/composing.ts";
import type { DslExpr } from "../polars/dsl.ts";
import { castDsl } from "../polars/dtypes.ts";
import type { NativeDataFrame, NativePolars } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import { exportFrame } from "./export.ts";
import { functionOf, HostDictionary, rename, select, VALUE } from "./host-dictionary.ts";

/** Name of the column of group numbers beside the values. */
const GROUP = "group";

/**
 * One list for each length: the next values. Rows behind all of them are in no list. `slice`: offset and length of what is kept of each list,
 * a negative length meaning the rest.
 */
export async function listDictionary(
  native: NativePolars,
  device: Device,
  values: Column,
  lengths: Uint32Array,
  dtype: DType,
  slice: readonly [number, number] | null,
): Promise<HostDictionary> {
  const batch = { rows: values.length, columns: new Map([[LOOKUP_COLUMN, values]]) };
  const exported = await exportFrame(native, device, [batch], [{ name: LOOKUP_COLUMN, dtype: values.dtype }]);
  const rows = lengths.reduce((sum, length) => sum + length, 0);
  const owners = new Uint32Array(rows);
  const entries = new Uint32Array(lengths.length);
  const filled = lengths.filter((length) => length > 0).length;
  let [row, next] = [0, 0];
  lengths.forEach((length, group) => {
    owners.fill(next, row, row + length);
    row += length;
    entries[group] = length > 0 ? next : filled;
    if (length > 0) next += 1;
  });
  const used = quietly(() => exported.slice(0, rows));
  const lists = await quietly(() =>
    new native.JsDataFrame([used.column(LOOKUP_COLUMN), native.JsSeries.newUint32Array(GROUP, owners)])
      .lazy()
      .groupby([exprFromDsl(native, { Column: GROUP })], true)
      .agg([exprFromDsl(native, VALUE)])
      .select([exprFromDsl(native, VALUE)])
      .collect(),
  );
  const empty = await select(
    native,
    quietly(() => used.slice(0, 0)),
    [rename({ Agg: { Implode: { input: VALUE, maintain_order: true } } }, LOOKUP_COLUMN)],
  );
  const all = quietly(() => lists.vstack(empty));
  const picked = quietly(() => {
    const series = all.column(LOOKUP_COLUMN).takeWithSeries(native.JsSeries.newUint32Array("entry", entries));
    series.rename(LOOKUP_COLUMN);
    return new native.JsDataFrame([series]);
  });
  return new HostDictionary(await finished(native, picked, dtype, slice), dtype, "any");
}

const integer = (value: number): DslExpr => ({ Literal: { Scalar: { Int64: value } } });

function finished(
  native: NativePolars,
  lists: NativeDataFrame,
  dtype: DType,
  slice: readonly [number, number] | null,
): Promise<NativeDataFrame> {
  const rest: DslExpr = { Literal: { Scalar: { Null: "Null" } } };
  const kept =
    slice === null ? VALUE : functionOf({ ListExpr: "Slice" }, VALUE, integer(slice[0]), slice[1] < 0 ? rest : integer(slice[1]));
  return select(native, lists, [rename(castDsl(kept, dtype), LOOKUP_COLUMN)]);
}
