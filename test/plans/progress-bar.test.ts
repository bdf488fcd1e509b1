/** The bar of long queries: drawn on terminals only, after two seconds, ten times a second at most, and taken away. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ProgressBar } from "../../src/engine/progress-bar.ts";

const at = (done: number) => ({ done, total: 4, name: "SORT", step: "compute" });

function drawn(isTTY: boolean, times: readonly number[]): readonly string[] {
  const texts: string[] = [];
  let now = 0;
  const bar = new ProgressBar({ isTTY, columns: 60, write: (text) => void texts.push(text) }, () => now);
  for (const [i, time] of times.entries()) {
    now = time;
    bar.update(at(i));
  }
  bar.end();
  return texts;
}

test("nothing where nobody looks, nothing for short queries", () => {
  assert.deepEqual(drawn(false, [0, 3000, 4000]), []);
  assert.deepEqual(drawn(true, [0, 1000, 1999]), []);
});

test("the share that is done, and the line is taken away", () => {
  const texts = drawn(true, [0, 2000, 2050, 2100]);
  assert.equal(texts.length, 3);
  assert.match(texts[0] ?? "", /^\r\[#{8}-{22}\] 25 % SORT/);
  assert.match(texts[1] ?? "", /75 % SORT/);
  assert.equal(texts[2], "\r\u001b[K");
});
