/** Plan nodes as tables: how each kind is written and read. */

import type { Offset } from "flatbuffers";
import type {
  Aggregate,
  Condition,
  Cpu,
  Distinct,
  Explode,
  Filter,
  Frame,
  Gather,
  GatherBy,
  HConcat,
  Lookup,
  Plan,
  PlanKind,
  Project,
  Require,
  RowIndex,
  Scan,
  Slice,
  Sort,
  Union,
  Window,
} from "../plan.ts";
import { codec, type NodeCodec } from "./codec.ts";
import * as wire from "./generated/index.ts";
import { ASOF_JOIN, JOIN, RANGE_JOIN } from "./joins.ts";
import type { PlanReader } from "./reader.ts";
import { readFunction, writeFunction } from "./windows.ts";
import { ABSENT, type PlanWriter } from "./writer.ts";

type PlanByKind = { readonly [K in PlanKind]: Extract<Plan, { readonly kind: K }> };

const CODECS: { readonly [K in PlanKind]: NodeCodec<PlanByKind[K]> } = {
  scan: codec<Scan, wire.Scan>(
    wire.Node.Scan,
    wire.Scan,
    (w, node) => {
      const [dsl, format] = [w.text(node.dsl), w.text(node.format)];
      const predicate = node.predicate === null ? null : w.expr(node.predicate);
      const { slice } = node;
      const range = slice === null ? ABSENT : wire.RowRange.createRowRange(w.builder, w.integer(slice.offset), w.integer(slice.length));
      const fileSchema = wire.Scan.createFileSchemaVector(w.builder, w.fields(node.fileSchema));
      wire.Scan.startScan(w.builder);
      wire.Scan.addDsl(w.builder, dsl);
      wire.Scan.addFormat(w.builder, format);
      if (predicate !== null) wire.Scan.addPredicate(w.builder, predicate);
      wire.Scan.addSlice(w.builder, range);
      wire.Scan.addFileSchema(w.builder, fileSchema);
      return wire.Scan.endScan(w.builder);
    },
    (r, table, schema) => {
      const [predicate, range] = [table.predicate(), table.slice()];
      return {
        kind: "scan",
        dsl: r.text(table.dsl()),
        format: r.text(table.format()),
        predicate: predicate === null ? null : r.expr(predicate),
        slice: range === null ? null : { offset: r.integer(range.offset()), length: r.integer(range.length()) },
        schema,
        fileSchema: r.list(table.fileSchemaLength(), (i) => r.field(table.fileSchema(i))),
      };
    },
  ),
  frame: codec<Frame, wire.Frame>(
    wire.Node.Frame,
    wire.Frame,
    (w, node) => wire.Frame.createFrame(w.builder, w.integer(node.source)),
    (r, table, schema) => ({ kind: "frame", source: r.integer(table.source()), schema }),
  ),
  cpu: codec<Cpu, wire.Cpu>(
    wire.Node.Cpu,
    wire.Cpu,
    (w, node) => {
      const [name, dsl] = [w.text(node.node), w.text(node.dsl)];
      const inputs = wire.Cpu.createInputsVector(w.builder, positions(w, node.inputs));
      const reasons = wire.Cpu.createReasonsVector(w.builder, w.texts(node.reasons));
      return wire.Cpu.createCpu(w.builder, name, dsl, inputs, reasons);
    },
    (r, table, schema) => ({
      kind: "cpu",
      node: r.text(table.node()),
      dsl: r.text(table.dsl()),
      inputs: r.list(table.inputsLength(), (i) => r.node(table.inputs(i))),
      reasons: r.list(table.reasonsLength(), (i) => r.text(table.reasons(i))),
      schema,
    }),
  ),
  project: codec<Project, wire.Project>(
    wire.Node.Project,
    wire.Project,
    (w, node) => wire.Project.createProject(w.builder, w.node(node.input), wire.Project.createExprsVector(w.builder, w.named(node.exprs))),
    (r, table, schema) => ({
      kind: "project",
      input: r.node(table.input()),
      exprs: r.list(table.exprsLength(), (i) => r.named(table.exprs(i))),
      schema,
    }),
  ),
  filter: codec<Filter, wire.Filter>(
    wire.Node.Filter,
    wire.Filter,
    (w, node) => wire.Filter.createFilter(w.builder, w.node(node.input), w.expr(node.predicate)),
    (r, table, schema) => ({ kind: "filter", input: r.node(table.input()), predicate: r.expr(table.predicate()), schema }),
  ),
  slice: codec<Slice, wire.Slice>(
    wire.Node.Slice,
    wire.Slice,
    (w, node) => wire.Slice.createSlice(w.builder, w.node(node.input), w.integer(node.offset), w.optionalInteger(node.length)),
    (r, table, schema) => ({
      kind: "slice",
      input: r.node(table.input()),
      offset: r.integer(table.offset()),
      length: r.optionalInteger(table.length()),
      schema,
    }),
  ),
  sort: codec<Sort, wire.Sort>(
    wire.Node.Sort,
    wire.Sort,
    (w, node) => {
      const by = wire.Sort.createByVector(w.builder, w.sortKeys(node.by));
      return wire.Sort.createSort(w.builder, w.node(node.input), by, w.optionalInteger(node.limit));
    },
    (r, table, schema) => ({
      kind: "sort",
      input: r.node(table.input()),
      by: r.list(table.byLength(), (i) => r.sortKey(table.by(i))),
      limit: r.optionalInteger(table.limit()),
      schema,
    }),
  ),
  aggregate: codec<Aggregate, wire.Aggregate>(
    wire.Node.Aggregate,
    wire.Aggregate,
    (w, node) => {
      const keys = wire.Aggregate.createKeysVector(w.builder, w.named(node.keys));
      const aggregates = wire.Aggregate.createAggregatesVector(w.builder, w.named(node.aggregates));
      return wire.Aggregate.createAggregate(w.builder, w.node(node.input), keys, aggregates);
    },
    (r, table, schema) => ({
      kind: "aggregate",
      input: r.node(table.input()),
      keys: r.list(table.keysLength(), (i) => r.named(table.keys(i))),
      aggregates: r.list(table.aggregatesLength(), (i) => r.named(table.aggregates(i))),
      schema,
    }),
  ),
  join: JOIN,
  distinct: codec<Distinct, wire.Distinct>(
    wire.Node.Distinct,
    wire.Distinct,
    (w, node) => {
      const subset = wire.Distinct.createSubsetVector(w.builder, w.texts(node.subset));
      return wire.Distinct.createDistinct(w.builder, w.node(node.input), subset, wire.DistinctKeep[node.keep]);
    },
    (r, table, schema) => ({
      kind: "distinct",
      input: r.node(table.input()),
      subset: r.list(table.subsetLength(), (i) => r.text(table.subset(i))),
      keep: r.nameOf(wire.DistinctKeep, table.keep()),
      schema,
    }),
  ),
  union: codec<Union, wire.Union>(
    wire.Node.Union,
    wire.Union,
    (w, node) => wire.Union.createUnion(w.builder, wire.Union.createInputsVector(w.builder, positions(w, node.inputs))),
    (r, table, schema) => ({ kind: "union", inputs: r.list(table.inputsLength(), (i) => r.node(table.inputs(i))), schema }),
  ),
  hconcat: codec<HConcat, wire.HConcat>(
    wire.Node.HConcat,
    wire.HConcat,
    (w, node) =>
      wire.HConcat.createHConcat(
        w.builder,
        wire.HConcat.createInputsVector(w.builder, positions(w, node.inputs)),
        wire.HConcatLengths[node.lengths],
      ),
    (r, table, schema) => ({
      kind: "hconcat",
      inputs: r.list(table.inputsLength(), (i) => r.node(table.inputs(i))),
      lengths: r.nameOf(wire.HConcatLengths, table.lengths()),
      schema,
    }),
  ),
  row_index: codec<RowIndex, wire.RowIndex>(
    wire.Node.RowIndex,
    wire.RowIndex,
    (w, node) => wire.RowIndex.createRowIndex(w.builder, w.node(node.input), w.text(node.name), w.integer(node.offset)),
    (r, table, schema) => ({
      kind: "row_index",
      input: r.node(table.input()),
      name: r.text(table.name()),
      offset: r.integer(table.offset()),
      schema,
    }),
  ),
  asof_join: ASOF_JOIN,
  range_join: RANGE_JOIN,
  require: codec<Require, wire.Require>(
    wire.Node.Require,
    wire.Require,
    (w, { input, condition }) => {
      const by = wire.Require.createByVector(w.builder, w.exprList(condition.by));
      return wire.Require.createRequire(w.builder, w.node(input), condition.kind === "unique" ? null : w.expr(condition.key), by);
    },
    (r, table, schema) => {
      const key = table.ascending();
      const by = r.list(table.byLength(), (i) => r.expr(table.by(i)));
      const condition: Condition = key === null ? { kind: "unique", by } : { kind: "ascending", key: r.expr(key), by };
      return { kind: "require", input: r.node(table.input()), condition, schema };
    },
  ),
  explode: codec<Explode, wire.Explode>(
    wire.Node.Explode,
    wire.Explode,
    (w, node) => {
      const names = wire.Explode.createColumnsVector(w.builder, w.texts(node.columns));
      return wire.Explode.createExplode(w.builder, w.node(node.input), names, node.emptyAsNull, node.keepNulls);
    },
    (r, table, schema) => ({
      kind: "explode",
      input: r.node(table.input()),
      columns: r.list(table.columnsLength(), (i) => r.text(table.columns(i))),
      emptyAsNull: table.emptyAsNull(),
      keepNulls: table.keepNulls(),
      schema,
    }),
  ),
  gather: codec<Gather, wire.Gather>(
    wire.Node.Gather,
    wire.Gather,
    (w, node) => {
      const rows = wire.Gather.createRowsVector(
        w.builder,
        node.rows.map((row) => w.integer(row ?? -1)),
      );
      return wire.Gather.createGather(w.builder, w.node(node.input), rows);
    },
    (r, table, schema) => ({
      kind: "gather",
      input: r.node(table.input()),
      rows: r.list(table.rowsLength(), (i) => {
        const row = r.integer(r.present(table.rows(i), "a row number"));
        return row < 0 ? null : row;
      }),
      schema,
    }),
  ),
  gather_by: codec<GatherBy, wire.GatherBy>(
    wire.Node.GatherBy,
    wire.GatherBy,
    (w, node) => wire.GatherBy.createGatherBy(w.builder, w.node(node.input), w.node(node.by)),
    (r, table, schema) => ({ kind: "gather_by", input: r.node(table.input()), by: r.node(table.by()), schema }),
  ),
  lookup: codec<Lookup, wire.Lookup>(
    wire.Node.Lookup,
    wire.Lookup,
    (w, node) => {
      const args = wire.Lookup.createArgsVector(w.builder, w.texts(node.args));
      const outputs = wire.Lookup.createOutputsVector(
        w.builder,
        node.outputs.map(({ name, dsl, dtype }) =>
          wire.LookupOutput.createLookupOutput(w.builder, w.text(name), w.text(dsl), w.dtype(dtype)),
        ),
      );
      return wire.Lookup.createLookup(w.builder, w.node(node.input), args, outputs);
    },
    (r, table, schema) => ({
      kind: "lookup",
      input: r.node(table.input()),
      args: r.list(table.argsLength(), (i) => r.text(table.args(i))),
      outputs: r.list(table.outputsLength(), (i) => {
        const output = r.present(table.outputs(i), "a looked-up column");
        return { name: r.text(output.name()), dsl: r.text(output.dsl()), dtype: r.dtype(output.dtype()) };
      }),
      schema,
    }),
  ),
  window: codec<Window, wire.Window>(
    wire.Node.Window,
    wire.Window,
    (w, node) => {
      const partitionBy = wire.Window.createPartitionByVector(w.builder, w.exprList(node.partitionBy));
      const orderBy = wire.Window.createOrderByVector(w.builder, w.sortKeys(node.orderBy));
      const functions = wire.Window.createFunctionsVector(
        w.builder,
        node.functions.map((f) => writeFunction(w, f)),
      );
      return wire.Window.createWindow(w.builder, w.node(node.input), partitionBy, orderBy, functions);
    },
    (r, table, schema) => ({
      kind: "window",
      input: r.node(table.input()),
      partitionBy: r.list(table.partitionByLength(), (i) => r.expr(table.partitionBy(i))),
      orderBy: r.list(table.orderByLength(), (i) => r.sortKey(table.orderBy(i))),
      functions: r.list(table.functionsLength(), (i) => readFunction(r, table.functions(i))),
      schema,
    }),
  ),
};

const positions = (w: PlanWriter, nodes: readonly Plan[]): number[] => nodes.map((node) => w.node(node));

/** Writes a node whose inputs and expressions are written, and notes its position. */
export function writeNode(w: PlanWriter, node: Plan): void {
  const offset = writeKind(w, node.kind, node);
  const schema = wire.PlanNode.createSchemaVector(w.builder, w.fields(node.schema));
  w.nodes.add(node, wire.PlanNode.createPlanNode(w.builder, schema, CODECS[node.kind].type, offset));
}

const writeKind = <K extends PlanKind>(w: PlanWriter, kind: K, node: PlanByKind[K]): Offset => CODECS[kind].write(w, node);

const READERS: ReadonlyMap<number, NodeCodec<never>["read"]> = new Map(Object.values(CODECS).map(({ type, read }) => [type, read]));

/** @throws InvalidPlanError */
export function readNode(r: PlanReader, table: wire.PlanNode | null): Plan {
  const holder = r.present(table, "a node");
  const read = r.present(READERS.get(holder.nodeType()), `the kind ${holder.nodeType()} of nodes`);
  return read(
    r,
    holder,
    r.list(holder.schemaLength(), (i) => r.field(holder.schema(i))),
  );
}
