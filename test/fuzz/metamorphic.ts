/** Checks relations between answers of the engine over random plans and data. */

import { frameDifference } from "../../src/fallback/frame-difference.ts";
import { dataFrame, lazyFrame, sourceName } from "./evaluate.ts";
import { drawFrame, frameText } from "./frames.ts";
import { Random } from "./random.ts";
import { type Pair, RELATIONS, type Related, type Side } from "./relations.ts";
import { attempt, Engines, type Failure, messageOf } from "./run.ts";
import { type Case, shrink } from "./shrink.ts";
import { redrawn } from "./tree.ts";

export interface MetamorphicOptions {
  readonly seed: number;
  /** Shapes of plans; the relations take turns. */
  readonly shapes: number;
  /** Draws of data and constants for each shape. */
  readonly draws: number;
}

export interface MetamorphicReport {
  /** Pairs that were compared, by relation. */
  readonly checks: ReadonlyMap<string, number>;
  /** The first relation that does not hold: the smallest program that shows it. */
  readonly finding: string | null;
}

export async function metamorphic({ seed, shapes, draws }: MetamorphicOptions): Promise<MetamorphicReport> {
  const engines = new Engines("adapter");
  const checks = new Map(RELATIONS.map((r) => [r.name, 0]));
  let finding: string | null = null;
  for (let number = seed; finding === null && number < seed + shapes; number++) {
    const random = new Random(number);
    const relation = RELATIONS[(number - seed) % RELATIONS.length] ?? random.pick(RELATIONS);
    const related = relation.draw(random);
    for (let draw = 0; draw < draws && finding === null && !related.shape.rejected; draw++) {
      const found = { plan: redrawn(related.shape.plan, random), frames: related.shape.frames.map((f) => drawFrame(random, f)) };
      const outcome = await failureOf(related, found, engines);
      if (outcome === "nothing to compare") continue;
      checks.set(relation.name, (checks.get(relation.name) ?? 0) + 1);
      if (outcome === null) continue;
      const again = async (c: Case): Promise<Failure | null> => {
        const failure = await failureOf(related, c, engines);
        return failure === "nothing to compare" ? null : failure;
      };
      const smallest = await shrink(found, outcome, again);
      const pair = related.pair(smallest.found);
      finding = `seed ${number}: ${relation.name}\n${smallest.failure.message}\n${pair === null ? "" : programText(pair)}`;
    }
  }
  await engines.close();
  return { checks, finding };
}

/** CPU polars is asked only whether it has an answer at all: it fails on some data, and says so at another place than the engine. */
async function failureOf(related: Related, found: Case, engines: Engines): Promise<Failure | null | "nothing to compare"> {
  const pair = related.pair(found);
  if (pair === null || !answered(pair.left) || !answered(pair.right)) return "nothing to compare";
  const [left, right] = [await run(pair.left, engines), await run(pair.right, engines)];
  if ("error" in left) return { class: "error", message: `left: ${messageOf(left.error)}` };
  if ("error" in right) return { class: "error", message: `right: ${messageOf(right.error)}` };
  const order = pair.ordered ? "exact" : "any";
  const message = frameDifference(left.frame, right.frame, { order });
  return message === null ? null : { class: "difference", message };
}

const query = ({ text, frames }: Side) => lazyFrame(text, frames.map(dataFrame));
const run = (side: Side, engines: Engines) => attempt(() => query(side).collect({ engine: engines.for(side.execution) }));

function answered(side: Side): boolean {
  try {
    query(side).collectSync();
    return true;
  } catch {
    return false;
  }
}

/** A program that prints both answers. */
function programText({ left, right }: Pair): string {
  const side = (name: string, { text, frames, execution }: Side): readonly string[] => [
    `async function ${name}() {`,
    ...frames.map((f, i) => `  const ${sourceName(i)} = ${frameText(f)};`),
    `  const engine = new GPUEngine(${JSON.stringify({ ...execution, raiseOnFail: true })});`,
    `  console.log((await ${text}\n    .collect({ engine })).toString());`,
    "}",
  ];
  return [
    'import pl from "nodejs-polars";',
    'import { GPUEngine } from "polars-webgpu";',
    ...side("left", left),
    ...side("right", right),
    "await left();",
    "await right();",
  ].join("\n");
}
