/** The 22 PDS-H queries by number, each as the Polars project publishes it (a `LIKE "x%"` as startsWith), written with nodejs-polars. */
import type { Query } from "./expressions.ts";
import { q01 } from "./q01.ts";
import { q02 } from "./q02.ts";
import { q03 } from "./q03.ts";
import { q04 } from "./q04.ts";
import { q05 } from "./q05.ts";
import { q06 } from "./q06.ts";
import { q07 } from "./q07.ts";
import { q08 } from "./q08.ts";
import { q09 } from "./q09.ts";
import { q10 } from "./q10.ts";
import { q11 } from "./q11.ts";
import { q12 } from "./q12.ts";
import { q13 } from "./q13.ts";
import { q14 } from "./q14.ts";
import { q15 } from "./q15.ts";
import { q16 } from "./q16.ts";
import { q17 } from "./q17.ts";
import { q18 } from "./q18.ts";
import { q19 } from "./q19.ts";
import { q20 } from "./q20.ts";
import { q21 } from "./q21.ts";
import { q22 } from "./q22.ts";

/** Query number to query. */
export const queries: ReadonlyMap<number, Query> = new Map<number, Query>([
  [1, q01],
  [2, q02],
  [3, q03],
  [4, q04],
  [5, q05],
  [6, q06],
  [7, q07],
  [8, q08],
  [9, q09],
  [10, q10],
  [11, q11],
  [12, q12],
  [13, q13],
  [14, q14],
  [15, q15],
  [16, q16],
  [17, q17],
  [18, q18],
  [19, q19],
  [20, q20],
  [21, q21],
  [22, q22],
]);

/** The queries of a list such as `1,6,14`, or every one for `all`. Throws on what is no query number. */
export function parseQueries(list: string): readonly number[] {
  if (list === "all") return [...queries.keys()];
  return list.split(",").map((text) => {
    const number = Number(text);
    if (!queries.has(number)) throw new RangeError(`--queries: '${text}' is not a number from 1 to 22 (or 'all')`);
    return number;
  });
}

/** The query of a number from 1 to 22. */
export function queryOf(number: number): Query {
  const query = queries.get(number);
  if (query === undefined) throw new RangeError(`there is no PDS-H query ${number}`);
  return query;
}
