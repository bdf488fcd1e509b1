/** How one kind of plan node is written as a table and read again. */

import type { Offset } from "flatbuffers";
import type { Plan } from "../plan.ts";
import type { Schema } from "../schema.ts";
import type * as wire from "./generated/index.ts";
import type { PlanReader } from "./reader.ts";
import type { PlanWriter } from "./writer.ts";

export interface NodeCodec<P extends Plan> {
  readonly type: wire.Node;
  readonly write: (writer: PlanWriter, node: P) => Offset;
  readonly read: (reader: PlanReader, holder: wire.PlanNode, schema: Schema) => Plan;
}

export const codec = <P extends Plan, T>(
  type: wire.Node,
  Empty: new () => T,
  write: (writer: PlanWriter, node: P) => Offset,
  read: (reader: PlanReader, table: T, schema: Schema) => P,
): NodeCodec<P> => ({
  type,
  write,
  read: (reader, holder, schema) => {
    const table: T | null = holder.node(new Empty());
    return read(reader, reader.present(table, "a node"), schema);
  },
});
