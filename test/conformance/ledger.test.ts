/**
 * Every case of the conformance suite: where each dtype runs is what the committed ledger says, and some dtypes of each case, another choice
 * for each, give what CPU polars gives. `polars-webgpu conformance` runs all dtypes over all kinds of data.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import type { Case } from "../../src/conformance/case.ts";
import { CASES } from "../../src/conformance/cases.ts";
import { COLUMNS, type ColumnName } from "../../src/conformance/columns.ts";
import { Examiner, type Outcome } from "../../src/conformance/examine.ts";
import { ledgerText } from "../../src/conformance/ledger.ts";
import { supportText } from "../../src/conformance/support.ts";

const numbers = new Map<Case, number>(CASES.map((of, i) => [of, i]));
/** Kernels of many dtypes take long to compile on a software adapter: five dtypes of a case, in turn. */
const STEP = 6;
const runs = (column: ColumnName, of: Case): boolean => (COLUMNS.indexOf(column) + (numbers.get(of) ?? 0)) % STEP === 0;

const examiner = new Examiner(1, runs);
after(() => examiner.close());
const outcomes: Outcome[] = [];

for (const [section, cases] of Map.groupBy(CASES, ({ section }) => section))
  test(section, async (t) => {
    for (const of of cases)
      await t.test(of.name, async () => {
        const found = await examiner.examine(of);
        outcomes.push(...found);
        const wrong = found.flatMap((o) =>
          o.wrong === null ? [] : [`${o.column ?? "query"} (${o.wrong.variant}): ${o.wrong.difference}`],
        );
        assert.deepEqual(wrong, []);
      });
  });

test("names of cases are unique in their sections", () => {
  const names = CASES.map(({ section, name }) => `${section}: ${name}`);
  assert.equal(new Set(names).size, names.length);
});

test("the committed ledger and SUPPORT.md say what runs where; `npm run ledger` writes them", () => {
  const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
  assert.deepEqual(ledgerText(outcomes).split("\n"), read("ledger.txt").split("\n"));
  assert.equal(supportText(outcomes), read("../../SUPPORT.md"));
});
