/** SUPPORT.md: what runs where, made from the outcomes of the examination. */

import { COLUMNS, type ColumnName, DTYPES } from "./columns.ts";
import type { Outcome } from "./examine.ts";
import { shareOf, totalsOf } from "./report.ts";

const INTRODUCTION = `# Support

Where polars-webgpu runs what a LazyFrame of nodejs-polars can hold: each function with each dtype, each query of the conformance suite.
Made by \`npm run ledger\` from the examined cases; do not edit.

- **GPU**: kernels.
- **distinct values**: CPU polars evaluates the expression on the distinct values of its columns only, the GPU does the rest.
- **CPU polars**: the node runs on CPU polars, for the reason given; nodes around it stay on the GPU.

What CPU polars itself rejects for a dtype is left out.
`;

/** Dtypes that are named together where all of them are there. */
const FAMILIES: readonly { readonly name: string; readonly columns: readonly ColumnName[] }[] = [
  { name: "integers", columns: ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"] },
  { name: "floats", columns: ["f32", "f64"] },
  { name: "Datetime", columns: ["ms", "us", "ns", "utc", "zoned"] },
  { name: "Duration", columns: ["d_ms", "d_us", "d_ns"] },
];

export function supportText(outcomes: readonly Outcome[]): string {
  const accepted = outcomes.filter(({ place }) => place !== "rejected");
  const totals = totalsOf(outcomes);
  const part = (count: number, where: string): string => `${count} ${where} (${shareOf(totals, count)})`;
  const parts = [part(totals.native, "on the GPU"), part(totals.dictionary, "on distinct values"), part(totals.fallback, "on CPU polars")];
  const summary = `Of ${totals.accepted} cases that CPU polars accepts: ${parts.join(", ")}.`;
  const sections = [...Map.groupBy(accepted, ({ section }) => section)].map(([section, cells]) => {
    const rows = [...Map.groupBy(cells, ({ name }) => name)].map(
      ([name, own]) => `| \`${name}\` | ${dtypesText(own, "native")} | ${dtypesText(own, "dictionary")} | ${fallbackText(own)} |`,
    );
    return [`## ${section}`, "", "| | GPU | distinct values | CPU polars |", "| - | - | - | - |", ...rows].join("\n");
  });
  return `${[INTRODUCTION, summary, ...sections].join("\n\n")}\n`;
}

function dtypesText(cells: readonly Outcome[], place: Outcome["place"]): string {
  const own = cells.filter((cell) => cell.place === place);
  if (own.some(({ column }) => column === null)) return "yes";
  const columns = new Set<ColumnName>(own.flatMap(({ column }) => column ?? []));
  if (columns.size > 0 && own.length === cells.length && columns.size === COLUMNS.length) return "all";
  const names: string[] = [];
  for (const { name, columns: members } of FAMILIES) {
    if (!members.every((c) => columns.has(c))) continue;
    names.push(name);
    for (const c of members) columns.delete(c);
  }
  return [...names, ...COLUMNS.filter((c) => columns.has(c)).map((c) => DTYPES[c])].join(", ");
}

const fallbackText = (cells: readonly Outcome[]): string =>
  [
    ...Map.groupBy(
      cells.filter(({ place }) => place === "fallback"),
      ({ reasons }) => reasons.join("; "),
    ),
  ]
    .map(([reasons, own]) => `${dtypesText(own, "fallback")}: ${reasons.replaceAll("|", "\\|").replaceAll("<", "&lt;")}`)
    .join("<br>");
