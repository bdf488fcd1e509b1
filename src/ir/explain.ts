/** Plans as text: where each node runs and why; the surface that users and plan tests read. */

import type { Expr, NamedExpr, SortKey } from "./expr.ts";
import { describeExpr, describeKey, mapExpr } from "./expr.ts";
import type { AsofJoin, Join, LookupOutput, Plan, RangeJoin, Scan, Window } from "./plan.ts";
import { children } from "./plan.ts";
import type { Schema } from "./schema.ts";
import { countParents } from "./traversal.ts";
import { describeWindow } from "./windows.ts";

export interface NodeReport {
  /** The node in polars' words: `INNER JOIN`, say. */
  readonly name: string;
  readonly where: "GPU" | "CPU";
  /** Why it runs on the CPU; null on the GPU. */
  readonly reason: string | null;
}

const quoted = (names: readonly string[]): string => `[${names.map((n) => shown(JSON.stringify(n))).join(", ")}]`;
const columns = (schema: Schema): string => quoted(schema.map((f) => f.name));

/** Generated columns start with a control character, which JSON writes as an escape. */
const shown = (text: string): string => text.replaceAll("\\u0001", "~");
/** Longer expressions of polars inside lookups are cut: a list of constants may hold thousands of bytes. */
const MAX_DSL = 200;
const shortened = (dsl: string): string => (dsl.length > MAX_DSL ? `${dsl.slice(0, MAX_DSL)}...` : dsl);
const shortenedIn = (expr: Expr): Expr => mapExpr(expr, (e) => (e.kind === "lookup" ? { ...e, dsl: shortened(e.dsl) } : e));
const exprText = (expr: Expr): string => shown(describeExpr(shortenedIn(expr)));
const namedText = ({ name, expr }: NamedExpr): string =>
  expr.kind === "column" && expr.name === name ? exprText(expr) : `${exprText(expr)}.alias(${shown(JSON.stringify(name))})`;
const lookupText = ({ name, dsl }: LookupOutput): string => `${shown(shortened(dsl))}.alias(${shown(JSON.stringify(name))})`;
const listText = (exprs: readonly NamedExpr[]): string => `[${exprs.map(namedText).join(", ")}]`;
const keyText = (key: SortKey): string => shown(describeKey({ ...key, expr: shortenedIn(key.expr) }));

const WORDS: Readonly<Record<string, string>> = { HStack: "WITH COLUMNS", HConcat: "HCONCAT", Distinct: "UNIQUE" };
/** `GroupBy` -> `GROUP BY`. */
const words = (tag: string): string => WORDS[tag] ?? tag.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toUpperCase();

/** The node in polars' words. */
export function nameOf(plan: Plan): string {
  switch (plan.kind) {
    case "scan":
      return `${plan.format.toUpperCase()} SCAN`;
    case "frame":
      return "DF";
    case "cpu":
      return words(plan.node);
    case "project":
      return "SELECT";
    case "distinct":
      return "UNIQUE";
    case "join":
      return `${plan.how.toUpperCase()} JOIN`;
    case "asof_join":
      return "ASOF JOIN";
    case "range_join":
      return "RANGE JOIN";
    case "row_index":
      return "ROW INDEX";
    case "gather_by":
      return "GATHER";
    default:
      return plan.kind.toUpperCase();
  }
}

/** Number of paths or other sources that the scan names. Paths and cloud options of the DSL never get into the text. */
function sourceCount(scan: Scan): string {
  const inner = (value: unknown, key: string): unknown =>
    typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  const sources = inner(inner(JSON.parse(scan.dsl), "Scan"), "sources");
  const [list] = typeof sources === "object" && sources !== null ? Object.values(sources) : [];
  const count = Array.isArray(list) ? list.length : 1;
  return `${count} ${count === 1 ? "source" : "sources"}`;
}

function scanText(scan: Scan): string {
  const parts = [sourceCount(scan), `${scan.schema.length}/${scan.fileSchema.length} COLUMNS ${columns(scan.schema)}`];
  if (scan.predicate !== null) parts.push(`SELECTION ${exprText(scan.predicate)}`);
  if (scan.slice !== null) parts.push(`SLICE offset ${scan.slice.offset}, length ${scan.slice.length}`);
  return parts.join("; ");
}

function joinText(join: Join): string {
  const keys =
    join.how === "cross"
      ? ""
      : `LEFT ON [${join.leftOn.map(exprText).join(", ")}] RIGHT ON [${join.rightOn.map(exprText).join(", ")}]${join.nullsEqual ? " NULLS EQUAL" : ""} `;
  return `${keys}OUTPUT ${quoted(join.output.map((o) => o.name))}`;
}

function asofText({ leftOn, rightOn, leftBy, rightBy, strategy, allowEqual, tolerance }: AsofJoin): string {
  const limits = `${allowEqual ? "" : " NOT EQUAL"}${tolerance === null ? "" : ` WITHIN ${tolerance}`}`;
  return `${strategy.toUpperCase()} ${exprText(leftOn)} TO ${exprText(rightOn)}${byText(leftBy, rightBy)}${limits}`;
}

function rangeText({ from, to, key, leftBy, rightBy }: RangeJoin): string {
  return `${exprText(key)} FROM ${exprText(from)} TO ${exprText(to)}${byText(leftBy, rightBy)}`;
}

const byText = (left: readonly Expr[], right: readonly Expr[]): string =>
  left.length === 0 ? "" : ` BY [${left.map(exprText).join(", ")}] AND [${right.map(exprText).join(", ")}]`;

function windowText({ partitionBy, orderBy, functions }: Window): string {
  const calls = functions.map((f) => `${shown(describeWindow(f.call))}.alias(${shown(JSON.stringify(f.name))})`).join(", ");
  const by = partitionBy.length === 0 ? "" : ` BY [${partitionBy.map(exprText).join(", ")}]`;
  return `[${calls}]${by}${orderBy.length === 0 ? "" : ` ORDER BY [${orderBy.map(keyText).join(", ")}]`}`;
}

/** What stands behind the name; `frames` numbers the in-memory frames of the plan. */
export function detailsOf(plan: Plan, frames: Map<number, number> = new Map()): string {
  switch (plan.kind) {
    case "scan":
      return scanText(plan);
    case "frame": {
      const number = frames.get(plan.source) ?? frames.size + 1;
      frames.set(plan.source, number);
      return `${number} ${columns(plan.schema)}`;
    }
    case "cpu":
      return `(${plan.reasons.join("; ")})`;
    case "project":
      return listText(plan.exprs);
    case "filter":
      return exprText(plan.predicate);
    case "slice":
      return `offset ${plan.offset}, length ${plan.length ?? "all"}`;
    case "sort":
      return `BY [${plan.by.map(keyText).join(", ")}]${plan.limit === null ? "" : ` LIMIT ${plan.limit}`}`;
    case "aggregate":
      return `${listText(plan.aggregates)}${plan.keys.length === 0 ? "" : ` BY ${listText(plan.keys)}`}`;
    case "join":
      return joinText(plan);
    case "asof_join":
      return asofText(plan);
    case "range_join":
      return rangeText(plan);
    case "distinct":
      return `BY ${quoted(plan.subset)} KEEP ${plan.keep}`;
    case "union":
      return "";
    case "hconcat":
      return plan.lengths === "pad" ? "" : plan.lengths.toUpperCase();
    case "explode":
      return quoted(plan.columns);
    case "require":
      return plan.condition.kind === "unique"
        ? `UNIQUE [${plan.condition.by.map(exprText).join(", ")}]`
        : `ASCENDING ${exprText(plan.condition.key)} BY [${plan.condition.by.map(exprText).join(", ")}]`;
    case "gather":
      return `${plan.rows.length} ${plan.rows.length === 1 ? "ROW" : "ROWS"}`;
    case "gather_by":
      return `BY ${columns(plan.by.schema)}`;
    case "row_index":
      return `${shown(JSON.stringify(plan.name))} FROM ${plan.offset}`;
    case "lookup":
      return `[${plan.outputs.map(lookupText).join(", ")}] OF ${quoted(plan.args)}`;
    case "window":
      return windowText(plan);
  }
}

const whereOf = (plan: Plan): "GPU" | "CPU" => (plan.kind === "cpu" || plan.kind === "scan" ? "CPU" : "GPU");

/**
 * The plan as a tree, a line for each node, inputs indented below: `GPU` or `CPU`, the node in polars' words, its expressions. CPU nodes
 * end with their reasons. A subplan that is read more than once is `#n = ...` where it comes first and `#n` afterwards; frames are not
 * numbered so. Holds column names and constants of the query, never paths or credentials.
 */
export function explain(plan: Plan): string {
  const parents = countParents(plan);
  const frames = new Map<number, number>();
  const numbers = new Map<Plan, number>();
  const lines: string[] = [];
  const pending: { readonly node: Plan; readonly depth: number }[] = [{ node: plan, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, depth } = next;
    const indent = "  ".repeat(depth);
    const known = numbers.get(node);
    if (known !== undefined) {
      lines.push(`${indent}#${known}`);
      continue;
    }
    const shared = node.kind !== "frame" && (parents.get(node) ?? 0) > 1;
    if (shared) numbers.set(node, numbers.size + 1);
    const text = `${whereOf(node)} ${nameOf(node)} ${detailsOf(node, frames)}`.trimEnd();
    lines.push(`${indent}${shared ? `#${numbers.size} = ` : ""}${text}`);
    for (const child of children(node).toReversed()) pending.push({ node: child, depth: depth + 1 });
  }
  return lines.join("\n");
}

/** Every node once with the place where it runs, in the order of `explain`. */
export function nodeReports(plan: Plan): readonly NodeReport[] {
  const seen = new Set<Plan>();
  const reports: NodeReport[] = [];
  const pending: Plan[] = [plan];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    reports.push({ name: nameOf(node), where: whereOf(node), reason: reasonOf(node) });
    pending.push(...children(node).toReversed());
  }
  return reports;
}

function reasonOf(plan: Plan): string | null {
  if (plan.kind === "scan") return "files are read on the CPU";
  return plan.kind === "cpu" ? plan.reasons.join("; ") : null;
}
