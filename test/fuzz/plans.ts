/** Random plans: grown one node at a time from a source; CPU polars says after each node what its columns are. */

import type { DataFrame } from "nodejs-polars";
import { dataFrame, schemaOf, sourceName } from "./evaluate.ts";
import { drawFrame, type FrameShape, frameShape } from "./frames.ts";
import { type Grower, node } from "./growing.ts";
import { GROWERS } from "./nodes.ts";
import type { Random } from "./random.ts";
import type { Field, PlanTree } from "./tree.ts";
import { isTrusted } from "./tree.ts";

/** A plan and the shapes of the frames that it reads. */
export interface Shape {
  readonly plan: PlanTree;
  readonly frames: readonly FrameShape[];
  /** The plan's columns, where it is not rejected. */
  readonly fields: readonly Field[];
  /** Whether CPU polars rejects the plan. */
  readonly rejected: boolean;
}

/** Plans that polars rejects are kept this often: the engine has to reject them with the same words. */
const KEEP_REJECTED = 0.3;

/** What plans are made of. */
export interface PlanStyle {
  readonly growers: readonly Grower[];
  /** Whether the rows of a source have an order that plans may depend on. */
  readonly ordered: boolean;
  /** Whether values may depend on other rows. */
  readonly windows: boolean;
}

const EVERYTHING: PlanStyle = { growers: GROWERS, ordered: true, windows: true };

export class PlanMaker {
  readonly #random: Random;
  readonly #style: PlanStyle;
  readonly #shapes: FrameShape[] = [];
  readonly #samples: DataFrame[] = [];
  #names = 0;

  constructor(random: Random, style: PlanStyle = EVERYTHING) {
    this.#random = random;
    this.#style = style;
  }

  /** A plan of up to `depth` nodes above its first source. */
  make(depth: number): Shape {
    const { plan, fields, rejected } = this.#chain(this.#source(), this.#random.integer(1, depth), true);
    return { plan, fields, frames: this.#shapes, rejected };
  }

  #chain(
    start: PlanTree,
    steps: number,
    mayJoin: boolean,
  ): { readonly plan: PlanTree; readonly fields: readonly Field[]; readonly rejected: boolean } {
    let grown = { plan: start, fields: this.#fields(start), rejected: false };
    for (let i = 0; i < steps; i++) {
      const plan = this.#random.pick(this.#style.growers)({
        random: this.#random,
        input: grown.plan,
        fields: grown.fields,
        windows: this.#style.windows,
        fresh: () => `x${this.#names++}`,
        other: () =>
          mayJoin ? this.#chain(this.#random.chance(0.25) ? grown.plan : this.#source(), this.#random.integer(0, 1), false) : null,
      });
      if (plan === null || !isTrusted(plan)) continue;
      const answer = schemaOf(plan, this.#samples);
      if (answer === null) continue;
      if ("rejected" in answer) {
        if (mayJoin && this.#random.chance(KEEP_REJECTED)) return { ...grown, plan, rejected: true };
        continue;
      }
      grown = { plan, fields: answer.fields, rejected: false };
    }
    return grown;
  }

  #fields(plan: PlanTree): readonly Field[] {
    const answer = schemaOf(plan, this.#samples);
    return answer !== null && "fields" in answer ? answer.fields : [];
  }

  /** A new source, or one that is there already. */
  #source(): PlanTree {
    const known = this.#shapes.length;
    const index = known > 0 && (known >= 3 || this.#random.chance(0.3)) ? this.#random.integer(0, known - 1) : known;
    if (index === known) {
      const shape = frameShape(this.#random, this.#shapes[0] ?? null);
      this.#shapes.push(shape);
      this.#samples.push(dataFrame(drawFrame(this.#random.fork(), shape)));
    }
    const name = sourceName(index);
    return node("source", [], () => `${name}.lazy()`, { ordered: () => this.#style.ordered });
  }
}
