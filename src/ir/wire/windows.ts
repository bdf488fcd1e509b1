/** Window functions as tables. */

import type { Offset } from "flatbuffers";
import { type NamedWindow, WINDOW_FUNCTIONS } from "../windows.ts";
import { corrupt } from "./checked-buffer.ts";
import * as wire from "./generated/index.ts";
import type { PlanReader } from "./reader.ts";
import type { PlanWriter } from "./writer.ts";

export function writeFunction(w: PlanWriter, { name, call }: NamedWindow): Offset {
  const args = wire.WindowFunction.createArgsVector(w.builder, w.exprList(call.args));
  const options = wire.WindowFunction.createOptionsVector(w.builder, [...call.options]);
  return wire.WindowFunction.createWindowFunction(w.builder, w.text(name), w.text(call.fn), args, options, w.dtype(call.dtype));
}

/** @throws InvalidPlanError */
export function readFunction(r: PlanReader, table: wire.WindowFunction | null): NamedWindow {
  const one = r.present(table, "a window function");
  const fn = r.text(one.fn());
  return {
    name: r.text(one.name()),
    call: {
      fn: WINDOW_FUNCTIONS.find((known) => known === fn) ?? corrupt(`there is no window function '${fn}'`),
      args: r.list(one.argsLength(), (i) => r.expr(one.args(i))),
      options: r.list(one.optionsLength(), (i) => r.present(one.options(i), "an option")),
      dtype: r.dtype(one.dtype()),
    },
  };
}
