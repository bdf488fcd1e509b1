/** A line chart with logarithmic axes as SVG, readable on a light and on a dark page. */

export interface Line {
  readonly name: string;
  /** Lines of one group have one colour. */
  readonly group: number;
  readonly dashed: boolean;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
  /** A number on an axis. */
  tick(value: number): string;
}

const [WIDTH, HEIGHT] = [860, 480];
const PLOT = { left: 76, right: 640, top: 48, bottom: 416 };
/** Told apart on white and on black. */
const COLOURS = ["#3b7dd8", "#d97706", "#2f9e62", "#c0458a"];

const style = `.page{fill:#fff}text{font:13px system-ui,sans-serif;fill:#222}.title{font-size:16px;font-weight:600}.grid{stroke:#ccc}.axis{stroke:#666}
@media(prefers-color-scheme:dark){.page{fill:#16181c}text{fill:#ddd}.grid{stroke:#444}.axis{stroke:#999}}`;

/** Decades that hold all values. */
function decades(values: readonly number[]): readonly [number, number] {
  const logs = values.map(Math.log10);
  const low = Math.floor(Math.min(...logs));
  return [low, Math.max(low + 1, Math.ceil(Math.max(...logs)))];
}

const steps = ([low, high]: readonly [number, number]): readonly number[] => Array.from({ length: high - low + 1 }, (_, i) => low + i);

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const text = (x: number, y: number, anchor: "start" | "middle" | "end", content: string, more = ""): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${more}>${escaped(content)}</text>`;

const segment = (kind: "grid" | "axis", x1: number, y1: number, x2: number, y2: number): string =>
  `<line class="${kind}" x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}"/>`;

const stroke = ({ group, dashed }: Line): string =>
  `fill="none" stroke="${COLOURS[group % COLOURS.length]}" stroke-width="2"${dashed ? ' stroke-dasharray="6 5"' : ""}`;

/** Lines without points are left out. */
export function plot({ title, x, y, lines: all, tick }: Chart): string {
  const lines = all.filter(({ points }) => points.length > 0);
  const points = lines.flatMap((line) => line.points);
  const [across, up] =
    points.length === 0
      ? ([
          [0, 1],
          [0, 1],
        ] as const)
      : [decades(points.map(([a]) => a)), decades(points.map(([, b]) => b))];
  const atX = (log: number): number => PLOT.left + ((log - across[0]) / (across[1] - across[0])) * (PLOT.right - PLOT.left);
  const atY = (log: number): number => PLOT.bottom - ((log - up[0]) / (up[1] - up[0])) * (PLOT.bottom - PLOT.top);
  const [middleX, middleY] = [(PLOT.left + PLOT.right) / 2, (PLOT.top + PLOT.bottom) / 2];
  const marks = [
    ...steps(across).flatMap((log) => [
      segment("grid", atX(log), PLOT.top, atX(log), PLOT.bottom),
      text(atX(log), PLOT.bottom + 20, "middle", tick(10 ** log)),
    ]),
    ...steps(up).flatMap((log) => [
      segment("grid", PLOT.left, atY(log), PLOT.right, atY(log)),
      text(PLOT.left - 8, atY(log) + 4, "end", tick(10 ** log)),
    ]),
    segment("axis", PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom),
    segment("axis", PLOT.left, PLOT.top, PLOT.left, PLOT.bottom),
    text(middleX, PLOT.bottom + 46, "middle", x),
    text(18, middleY, "middle", y, ` transform="rotate(-90 18 ${middleY})"`),
    text(PLOT.left, 26, "start", title, ' class="title"'),
  ];
  const drawn = lines.flatMap((line, i) => {
    const at = line.points.map(([a, b]) => [atX(Math.log10(a)), atY(Math.log10(b))] as const);
    const colour = COLOURS[line.group % COLOURS.length];
    const legendY = PLOT.top + 10 + 22 * i;
    return [
      `<polyline points="${at.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(" ")}" ${stroke(line)}/>`,
      ...at.map(([a, b]) => `<circle cx="${a.toFixed(1)}" cy="${b.toFixed(1)}" r="3" fill="${colour}"/>`),
      `<path d="M${PLOT.right + 20} ${legendY}h28" ${stroke(line)}/>`,
      text(PLOT.right + 56, legendY + 4, "start", line.name),
    ];
  });
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">`;
  const page = `<rect class="page" width="${WIDTH}" height="${HEIGHT}"/>`;
  return `${[head, `<style>${style}</style>`, page, ...marks, ...drawn, "</svg>"].join("\n")}\n`;
}
