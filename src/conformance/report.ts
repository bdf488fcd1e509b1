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
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 68rem; padding: 0 1rem; background: Canvas; color: CanvasText; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } h3 { font-size: 1rem; margin-bottom: 0; }
.totals, .keys { display: flex; flex-wrap: wrap; gap: .8rem; } .totals div { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem 1rem; flex: 1 1 7rem; }
.totals b { display: block; font-size: 1.4rem; } .totals .bad b { color: var(--wrong); }
.keys { margin: 1rem 0; padding: 0; list-style: none; gap: .2rem 1.2rem; } .keys li { display: flex; align-items: center; gap: .4rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; }
th { font-weight: 400; text-align: left; padding: 0 .6rem 0 0; }
tbody th { position: sticky; left: 0; background: Canvas; width: 21rem; min-width: min(21rem, 38vw); max-width: min(21rem, 38vw); overflow-wrap: anywhere; line-height: 1.3; }
thead th { vertical-align: bottom; padding: .4rem 0 .2rem; } thead span { writing-mode: vertical-rl; transform: rotate(180deg); font-size: 12px; white-space: nowrap; }
td, .key { width: 1.3rem; min-width: 1.3rem; height: 1.3rem; padding: 0; box-sizing: border-box; border: 1px solid var(--line); text-align: center; font: bold 12px/1.3rem system-ui, sans-serif; color: #fff; }
.native { background: var(--native); } .dictionary { background: var(--dictionary); } .fallback { background: var(--fallback); } .wrong { background: var(--wrong); }
.fallback::after { content: "c"; } .wrong::after { content: "\\2715"; }
.queries { columns: 18rem; padding: 0; list-style: none; } .queries li { display: flex; gap: .6rem; padding: .1rem 0; break-inside: avoid; } .queries .key { flex: none; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #8881; padding: .6rem; border-radius: .4rem; margin: .4rem 0 1rem; }
dt { margin-top: .6rem; } dd { margin: 0 0 0 1.5rem; overflow-wrap: anywhere; } summary { cursor: pointer; }`;

type Shown = Exclude<Outcome["place"], "rejected"> | "wrong";

const PLACES: Readonly<Record<Shown, string>> = {
  native: "on the GPU",
  dictionary: "CPU polars on distinct values, the rest on the GPU",
  fallback: "on CPU polars",
  wrong: "differs from CPU polars",
};

/** A page that needs nothing else. */
export function reportHtml(report: Report): string {
  const totals = totalsOf(report.outcomes);
  const share = (part: number): string => shareOf(totals, part);
  const box = (value: string, label: string, bad = false): string => `<div${bad ? ' class="bad"' : ""}><b>${value}</b>${label}</div>`;
  const boxes = [
    box(String(totals.accepted), "cases that polars accepts"),
    box(share(totals.native), "on the GPU"),
    box(share(totals.dictionary), "on distinct values"),
    box(share(totals.fallback), "on CPU polars"),
    box(String(totals.wrong), "differ from CPU polars", totals.wrong > 0),
    ...(report.crashes.length === 0 ? [] : [box(String(report.crashes.length), "ended the process", true)]),
  ];
  const keys = [...Object.entries(PLACES), ["", "polars has no such thing"]].map(
    ([place, label]) => `<li><span class="key ${place}"></span>${label}</li>`,
  );
  const sections = [...Map.groupBy(report.outcomes, ({ section }) => section)].map(([section, own]) => sectionHtml(section, own));
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>polars-webgpu conformance</title><style>${STYLE}</style></head><body>
<h1>polars-webgpu conformance</h1>
<p>${escaped(report.adapter)}<br>${escaped([...versions, report.date].join(" · "))}<br>data: ${escaped(report.variants.join("; "))}</p>
<div class="totals">${boxes.join("")}</div>
<ul class="keys">${keys.join("")}</ul>
${differencesHtml(report.outcomes)}
${report.crashes.length === 0 ? "" : `<h2>Ended the process</h2><pre>${escaped(report.crashes.join("\n"))}</pre>`}
${sections.join("\n")}
${reasonsHtml(report.outcomes)}
</body></html>
`;
}

function differencesHtml(outcomes: readonly Outcome[]): string {
  const found = outcomes.flatMap((o) =>
    o.wrong === null
      ? []
      : [`<h3><code>${escaped(labelOf(o))}</code></h3><pre>${escaped(`${o.wrong.variant}\n${o.wrong.difference}`)}</pre>`],
  );
  return found.length === 0 ? "" : `<h2>Differences</h2>${found.join("")}`;
}

/** Why what runs on CPU polars does. */
function reasonsHtml(outcomes: readonly Outcome[]): string {
  const left = outcomes.filter((o) => o.place === "fallback");
  const reasons = [...Map.groupBy(left, (o) => o.reasons.join("; "))].map(
    ([reason, own]) => `<dt>${escaped(reason)}</dt><dd>${own.map((o) => `<code>${escaped(labelOf(o))}</code>`).join(", ")}</dd>`,
  );
  return reasons.length === 0
    ? ""
    : `<details><summary>On CPU polars, and why: ${left.length}</summary><dl>${reasons.join("")}</dl></details>`;
}

/** What is shown of a case; null: nothing, polars rejects it. */
const shown = ({ place, wrong }: Outcome): Shown | null => (wrong !== null ? "wrong" : place === "rejected" ? null : place);

const titleOf = (outcome: Outcome, place: Shown, label: string): string =>
  `title="${escaped([label, PLACES[place], ...outcome.reasons].filter((t) => t !== "").join(": "))}"`;

function sectionHtml(section: string, outcomes: readonly Outcome[]): string {
  const body = outcomes.every(({ column }) => column === null) ? queriesHtml(outcomes) : matrixHtml(outcomes);
  return `<h2>${escaped(section)}</h2>${body}`;
}

function queriesHtml(outcomes: readonly Outcome[]): string {
  const items = outcomes.map((outcome) => {
    const place = shown(outcome);
    const mark = place === null ? '<span class="key"></span>' : `<span class="key ${place}" ${titleOf(outcome, place, "")}></span>`;
    return `<li>${mark}<code>${escaped(outcome.name)}</code></li>`;
  });
  return `<ul class="queries">${items.join("")}</ul>`;
}

function matrixHtml(outcomes: readonly Outcome[]): string {
  const cell = (outcome: Outcome | undefined, label: string): string => {
    const place = outcome === undefined ? null : shown(outcome);
    return outcome === undefined || place === null ? "<td></td>" : `<td class="${place}" ${titleOf(outcome, place, label)}></td>`;
  };
  const rows = [...Map.groupBy(outcomes, ({ name }) => name)].map(([name, own]) => {
    const cells = COLUMNS.map((column) =>
      cell(
        own.find((o) => o.column === column),
        DTYPES[column],
      ),
    );
    return `<tr><th><code>${escaped(name)}</code></th>${cells.join("")}</tr>`;
  });
  const head = `<thead><tr><th></th>${COLUMNS.map((c) => `<th><span>${escaped(DTYPES[c])}</span></th>`).join("")}</tr></thead>`;
  return `<div class="scroll"><table>${head}<tbody>${rows.join("")}</tbody></table></div>`;
}
