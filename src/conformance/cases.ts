/** All that is examined. */

import type { Case } from "./case.ts";
import { AGGREGATE_CASES } from "./cases/aggregates.ts";
import { ELEMENTWISE } from "./cases/elementwise.ts";
import { FRAME_CASES } from "./cases/frames.ts";
import { MATHEMATICS } from "./cases/mathematics.ts";
import { ORDER } from "./cases/order.ts";

export const CASES: readonly Case[] = [...ELEMENTWISE, ...MATHEMATICS, ...ORDER, ...AGGREGATE_CASES, ...FRAME_CASES];
