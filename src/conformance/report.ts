/** The report of an examination: numbers, differences with what is needed to run them again, and the matrix as a page of its own. */

import { COLUMNS, DTYPES } from "./columns.ts";
import type { Outcome } from "./examine.ts";

export interface Report {
  readonly adapter: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly date: string;
  /** Kinds of data that were run. */
  readonly variants: readonly string[];
  readonly outcomes: readonly Outcome[];
  /** Cases that ended the process, with what is known about it. */
  readonly crashes: readonly string[];
}

export interface Totals {
  readonly accepted: number;
  readonly native: number;
  readonly dictionary: number;
  readonly fallback: number;
  readonly rejected: number;
  readonly wrong: number;
}

export function totalsOf(outcomes: readonly Outcome[]): Totals {
  const count = (place: Outcome["place"]): number => outcomes.filter((o) => o.place === place).length;
  const [native, dictionary, fallback, rejected] = [count("native"), count("dictionary"), count("fallback"), count("rejected")];
  const wrong = outcomes.filter((o) => o.wrong !== null).length;
  return { accepted: native + dictionary + fallback, native, dictionary, fallback, rejected, wrong };
}

/** A part of the cases that polars accepts. */
export const shareOf = ({ accepted }: Totals, part: number): string => `${((100 * part) / Math.max(1, accepted)).toFixed(1)} %`;

/** For a terminal. */
export function summaryText(report: Report): string {
  const totals = totalsOf(report.outcomes);
  const share = (part: number): string => shareOf(totals, part);
  const wrong = report.outcomes.flatMap((o) => (o.wrong === null ? [] : [`  ${labelOf(o)}, ${o.wrong.variant}: ${o.wrong.difference}`]));
  return [
    `adapter: ${report.adapter}`,
    `${totals.accepted} cases: ${share(totals.native)} on the GPU, ${share(totals.dictionary)} on distinct values, ${share(totals.fallback)} on CPU polars; ${totals.rejected} rejected by polars`,
    `${totals.wrong} differ from CPU polars${wrong.length === 0 ? "" : ":"}`,
    ...wrong,
    ...report.crashes.map((crash) => `  ended the process: ${crash}`),
  ].join("\n");
}

const labelOf = ({ name, column }: Outcome): string => (column === null ? name : `${column}.${name}`);

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const STYLE = `
:root { color-scheme: light dark; --native: #2e9e5b; --dictionary: #3b82c4; --fallback: #c99a2e; --wrong: #d23c3c; --line: #8884; }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.totals { display: flex; flex-wrap: wrap; gap: 1rem; } .totals div { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem 1rem; }
.totals b { display: block; font-size: 1.4rem; }
table { border-collapse: collapse; } th { font-weight: 500; text-align: left; padding: .1rem .6rem .1rem 0; white-space: nowrap; }
thead th { vertical-align: bottom; padding: 0; height: 11rem; } thead span { writing-mode: vertical-rl; transform: rotate(180deg); font-size: 12px; }
td { border: 1px solid var(--line); width: 1.3rem; height: 1.3rem; padding: 0; } .scroll { overflow-x: auto; }
.native { background: var(--native); } .dictionary { background: var(--dictionary); } .fallback { background: var(--fallback); } .wrong { background: var(--wrong); }
.key { display: inline-block; width: .9rem; height: .9rem; border-radius: .2rem; margin: 0 .3rem 0 1rem; vertical-align: -1px; }
pre { white-space: pre-wrap; background: #8881; padding: .6rem; border-radius: .4rem; }`;

/** A page that needs nothing else. */
export function reportHtml(report: Report): string {
  const totals = totalsOf(report.outcomes);
  const share = (part: number): string => shareOf(totals, part);
  const box = (value: string, label: string): string => `<div><b>${value}</b>${label}</div>`;
  const sections = [...Map.groupBy(report.outcomes, ({ section }) => section)]
    .map(([section, own]) => sectionHtml(section, own))
    .join("\n");
  const wrong = report.outcomes.filter((o) => o.wrong !== null);
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>polars-webgpu conformance</title><style>${STYLE}</style></head><body>
<h1>polars-webgpu conformance</h1>
<p>${escaped(report.adapter)}<br>${escaped([...versions, report.date].join(" · "))}<br>data: ${escaped(report.variants.join("; "))}</p>
<div class="totals">${box(String(totals.accepted), "cases that polars accepts")}${box(share(totals.native), "on the GPU")}${box(share(totals.dictionary), "on distinct values")}${box(share(totals.fallback), "on CPU polars")}${box(String(totals.wrong), "differ from CPU polars")}</div>
<p><span class="key native"></span>GPU<span class="key dictionary"></span>CPU polars on distinct values, GPU for the rest<span class="key fallback"></span>CPU polars<span class="key wrong"></span>differs; empty: polars has no such thing</p>
${wrong.length === 0 ? "" : `<h2>Differences</h2>${wrong.map((o) => `<h3><code>${escaped(labelOf(o))}</code></h3><pre>${escaped(`${o.wrong?.variant}\n${o.wrong?.difference}`)}</pre>`).join("")}`}
${report.crashes.length === 0 ? "" : `<h2>Ended the process</h2><pre>${escaped(report.crashes.join("\n"))}</pre>`}
${sections}
</body></html>
`;
}

function sectionHtml(section: string, outcomes: readonly Outcome[]): string {
  const byName = [...Map.groupBy(outcomes, ({ name }) => name)];
  const queries = outcomes.every(({ column }) => column === null);
  const cell = (outcome: Outcome | undefined, label: string): string => {
    if (outcome === undefined || (outcome.place === "rejected" && outcome.wrong === null)) return "<td></td>";
    const place = outcome.wrong === null ? outcome.place : "wrong";
    return `<td class="${place}" title="${escaped([label, place, ...outcome.reasons].filter((t) => t !== "").join(": "))}"></td>`;
  };
  const rows = byName.map(([name, own]) => {
    const cells = queries
      ? cell(own[0], "")
      : COLUMNS.map((column) =>
          cell(
            own.find((o) => o.column === column),
            DTYPES[column],
          ),
        ).join("");
    return `<tr><th><code>${escaped(name)}</code></th>${cells}</tr>`;
  });
  const head = queries
    ? ""
    : `<thead><tr><th></th>${COLUMNS.map((c) => `<th><span>${escaped(DTYPES[c])}</span></th>`).join("")}</tr></thead>`;
  return `<h2>${escaped(section)}</h2><div class="scroll"><table>${head}<tbody>${rows.join("")}</tbody></table></div>`;
}
