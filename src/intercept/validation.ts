/** Runs some of the queries on CPU polars as well, and compares. */

import type { DataFrame } from "nodejs-polars";
import type { ResultDifference, Validation } from "../config.ts";
import type { Tolerance } from "../fallback/frame-difference.ts";
import type { RowOrder } from "../translate/row-order.ts";

/** What floats may differ by, as the documentation says. */
const FLOATS: Tolerance = { rel: 1e-12, ulps: 2 };

/** Comparisons since the engine was made, and how many of them found a difference. */
export interface ValidationCounts {
  readonly compared: number;
  readonly differing: number;
}

export interface ComparedQuery {
  readonly result: DataFrame;
  readonly order: RowOrder;
  readonly runOnCpu: () => Promise<DataFrame>;
  /** The explained plan, made only where it is told. */
  readonly plan: () => string;
}

export class Validator {
  readonly #options: Validation;
  readonly #tell: (found: ResultDifference) => void;
  #queries = 0;
  #compared = 0;
  #differing = 0;

  constructor(options: Validation, warn: (message: string) => void) {
    this.#options = options;
    this.#tell = options.onDifference ?? ((found) => warn(warningOf(found)));
  }

  get counts(): ValidationCounts {
    return { compared: this.#compared, differing: this.#differing };
  }

  /** Whether the next query is compared: the first one, and then as many as the share says, evenly. */
  isDue(): boolean {
    const { share } = this.#options;
    const before = this.#queries;
    this.#queries += 1;
    return Math.ceil(this.#queries * share) > Math.ceil(before * share);
  }

  /** The query's own result, or that of CPU polars where they differ. @throws what CPU polars throws, which is a difference as well. */
  async compared({ result, order, runOnCpu, plan }: ComparedQuery): Promise<DataFrame> {
    this.#compared += 1;
    let expected: DataFrame;
    try {
      expected = await runOnCpu();
    } catch (error) {
      this.#differ(`CPU polars rejects the query: ${error instanceof Error ? error.message : String(error)}`, plan);
      throw error;
    }
    const difference = await resultDifference(expected, result, order);
    if (difference === null) return result;
    this.#differ(difference, plan);
    return expected;
  }

  #differ(difference: string, plan: () => string): void {
    this.#differing += 1;
    this.#tell({ difference, plan: plan() });
  }
}

async function resultDifference(expected: DataFrame, result: DataFrame, { rows, sortedBy }: RowOrder): Promise<string | null> {
  const { frameDifference } = await import("../fallback/frame-difference.ts");
  if (rows !== "open") {
    const found = frameDifference(expected, result, { ...FLOATS, order: rows });
    if (found !== null) return found;
  }
  const schema = frameDifference(expected.head(0), result.head(0), FLOATS);
  const keys = sortedBy.filter((name) => expected.columns.includes(name));
  if (schema !== null || keys.length === 0) return schema;
  return frameDifference(expected.select(...keys), result.select(...keys), FLOATS);
}

const warningOf = ({ difference, plan }: ResultDifference): string =>
  `polars-webgpu: the GPU's result differs from CPU polars', which is returned; please report it:\n  - ${difference}\n${plan}`;
