/** Examines a case: where each of its columns runs, and whether the engine gives what CPU polars gives. */

import pl, { type DataFrame, type LazyDataFrame } from "nodejs-polars";
import { frameDifference } from "../fallback/frame-difference.ts";
import { GPUEngine, UnsupportedError } from "../index.ts";
import type { Case, ExpressionCase } from "./case.ts";
import { COLUMNS, type ColumnName } from "./columns.ts";
import { type Place, placementOf } from "./placement.ts";
import { VARIANTS, type Variant } from "./variants.ts";

/** A case over the column of one dtype, or a whole query. */
export interface Outcome {
  readonly name: string;
  readonly section: string;
  /** Null for queries. */
  readonly column: ColumnName | null;
  /** `rejected`: by CPU polars, with the same error by the engine. */
  readonly place: Place | "rejected";
  readonly reasons: readonly string[];
  /** What is wrong, with the data on which it is; null: nothing was found. */
  readonly wrong: { readonly variant: string; readonly difference: string } | null;
}

interface Part {
  readonly column: ColumnName | null;
  readonly place: Place;
  readonly reasons: readonly string[];
  readonly make: (frame: LazyDataFrame) => LazyDataFrame;
}

export class Examiner {
  readonly #variants: readonly Variant[];
  readonly #engines = new Map<string, GPUEngine>();
  readonly #first: Variant;

  readonly #runs: (column: ColumnName, of: Case) => boolean;

  /**
   * Runs over the first `variants` kinds of data, 0 asks for places only, which needs no GPU; `runs` says which columns are run, places are
   * found for all.
   */
  constructor(variants: number = VARIANTS.length, runs: (column: ColumnName, of: Case) => boolean = () => true) {
    this.#runs = runs;
    const made = VARIANTS.slice(0, Math.max(1, variants)).map(({ make }) => make());
    const [first] = made;
    if (first === undefined) throw new RangeError("there is no data");
    this.#first = first;
    this.#variants = variants === 0 ? [] : made;
  }

  async close(): Promise<void> {
    for (const engine of this.#engines.values()) await engine.close();
    this.#engines.clear();
  }

  async examine(of: Case): Promise<readonly Outcome[]> {
    const { name, section } = of;
    const frame = this.#first.frame.lazy();
    const parts: Part[] = [];
    const rejected: Outcome[] = [];
    let compared = this.#variants.length === 0;
    for (const { column, make } of partsOf(of)) {
      const cpu = collectSync(() => make(frame));
      if ("frame" in cpu) parts.push({ column, make, ...(await placementOf(this.#engine({}), make(frame))) });
      else {
        const asked: boolean = !compared && cpu.error.includes(REJECTION);
        compared ||= asked;
        const wrong = asked ? await this.#otherError(() => make(frame), cpu.error) : null;
        rejected.push({ name, section, column, place: "rejected", reasons: [], wrong });
      }
    }
    const wrong = new Map<ColumnName | null, NonNullable<Outcome["wrong"]>>();
    for (const variant of this.#variants) {
      const run = parts.filter(({ column }) => column === null || this.#runs(column, of));
      for (const [column, difference] of await this.#differences(of, run, variant))
        if (!wrong.has(column)) wrong.set(column, { variant: variant.name, difference });
    }
    const accepted = parts.map(({ column, place, reasons }) => ({
      name,
      section,
      column,
      place,
      reasons,
      wrong: wrong.get(column) ?? null,
    }));
    return [...accepted, ...rejected];
  }

  /** What differs, by column. Columns of one case go into one query where their lengths are the same. */
  async #differences(of: Case, parts: readonly Part[], variant: Variant): Promise<ReadonlyMap<ColumnName | null, string>> {
    const answered = parts.flatMap((part) => {
      const cpu = collectSync(() => part.make(variant.frame.lazy()));
      return "frame" in cpu ? [{ part, expected: cpu.frame }] : [];
    });
    const found = new Map<ColumnName | null, string>();
    for (const own of Map.groupBy(answered, ({ part, expected }) => (part.place === "fallback" ? part : expected.height)).values()) {
      if (
        of.kind === "expression" &&
        own.length > 1 &&
        (await this.#differenceOfAll(
          of,
          own.map(({ part }) => part),
          variant,
        )) === null
      )
        continue;
      for (const { part, expected } of own) {
        const difference = await this.#difference(of, part.make, expected, variant, part.place !== "fallback");
        if (difference !== null) found.set(part.column, difference);
      }
    }
    return found;
  }

  /** Of several columns in one query. */
  async #differenceOfAll(of: ExpressionCase, parts: readonly Part[], variant: Variant): Promise<string | null> {
    const exprs = parts.flatMap(({ column }) => (column === null ? [] : [named(of, column)]));
    const make = (frame: LazyDataFrame): LazyDataFrame => of.within(frame, exprs);
    const cpu = collectSync(() => make(variant.frame.lazy()));
    return "frame" in cpu ? this.#difference(of, make, cpu.frame, variant, true) : cpu.error;
  }

  async #difference(of: Case, make: Part["make"], expected: DataFrame, variant: Variant, strict: boolean): Promise<string | null> {
    try {
      const gpu = await make(variant.frame.lazy()).collect({ engine: this.#engine(variant.execution, strict) });
      return frameDifference(expected, gpu, of.tolerance);
    } catch (error) {
      return `${error instanceof UnsupportedError ? "falls back: " : ""}${messageOf(error)}`;
    }
  }

  /** The engine has to give polars' own error. */
  async #otherError(make: () => LazyDataFrame, expected: string): Promise<Outcome["wrong"]> {
    try {
      await make().collect({ engine: this.#engine({}) });
      return { variant: this.#first.name, difference: `CPU polars rejects it, the engine does not: ${expected}` };
    } catch (error) {
      const actual = messageOf(error);
      return actual === expected ? null : { variant: this.#first.name, difference: `expected the error ${expected}; got ${actual}` };
    }
  }

  #engine(execution: Variant["execution"], strict = false): GPUEngine {
    const key = `${JSON.stringify(execution)} ${strict}`;
    const known = this.#engines.get(key);
    if (known !== undefined) return known;
    const made = new GPUEngine({ warn: "silent", raiseOnFail: strict, placement: "gpu", ...execution });
    this.#engines.set(key, made);
    return made;
  }
}

const named = (of: ExpressionCase, column: string) => of.make(pl.col(column)).as(column);

function partsOf(of: Case): readonly Pick<Part, "column" | "make">[] {
  if (of.kind === "query") return [{ column: null, make: of.make }];
  return COLUMNS.filter((column) => !of.except.includes(column)).map((column) => {
    const expr = once(() => named(of, column));
    return { column, make: (frame) => of.within(frame, [expr()]) };
  });
}

/** What `make` gives the first time: expressions of nodejs-polars take longer to make than small queries take to run. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** What polars says against a plan. Other errors may be panics, which end the process when they come from another thread. */
const REJECTION = "Resolved plan until failure";

/** On this thread, where a panic inside polars is an error. */
function collectSync(make: () => LazyDataFrame): { readonly frame: DataFrame } | { readonly error: string } {
  try {
    return { frame: make().collectSync() };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
