/** The ledger: for each case where its dtypes run, as text that is compared and committed. */

import { COLUMNS } from "./columns.ts";
import type { Outcome } from "./examine.ts";

/** One line of the ledger for each case: the places in this order, each with its columns; queries have "query" as their only column. */
const PLACES = ["native", "dictionary", "fallback", "rejected"] as const;

export function ledgerText(outcomes: readonly Outcome[]): string {
  const bySection = Map.groupBy(outcomes, ({ section }) => section);
  const sections = [...bySection].map(([section, own]) => {
    const lines = [...Map.groupBy(own, ({ name }) => name)].map(
      ([name, cells]) => `${name}${PLACES.map((place) => cellsText(cells, place)).join("")}`,
    );
    return [`# ${section}`, ...lines].join("\n");
  });
  return `${sections.join("\n\n")}\n`;
}

function cellsText(cells: readonly Outcome[], place: (typeof PLACES)[number]): string {
  const columns = new Set(cells.filter((cell) => cell.place === place).map(({ column }) => column));
  if (columns.size === 0) return "";
  const names = columns.has(null) ? ["query"] : COLUMNS.filter((column) => columns.has(column));
  return ` | ${place}: ${names.join(" ")}`;
}
