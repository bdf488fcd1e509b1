/** `npm run ledger`: where every case of the conformance suite runs, into test/conformance/ledger.txt and SUPPORT.md. */
import "./patient-polls.ts";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CASES } from "../src/conformance/cases.ts";
import { Examiner, type Outcome } from "../src/conformance/examine.ts";
import { ledgerText } from "../src/conformance/ledger.ts";
import { supportText } from "../src/conformance/support.ts";
import { root } from "./checks.ts";
import { prepareTests } from "./prepare-tests.ts";

prepareTests();

const examiner = new Examiner(0);
const outcomes: Outcome[] = [];
for (const of of CASES) outcomes.push(...(await examiner.examine(of)));
await examiner.close();
writeFileSync(join(root, "test/conformance/ledger.txt"), ledgerText(outcomes));
writeFileSync(join(root, "SUPPORT.md"), supportText(outcomes));
console.log(`${outcomes.length} cells of ${CASES.length} cases written`);
process.exit(0);
