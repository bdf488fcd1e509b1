/** CUSTOMER: 150,000 rows for each unit of scale. */
import { FloatColumn, frameOf, IntColumn, TextColumn } from "../frame.ts";
import type { TableChunks } from "../generate.ts";
import { Random } from "../random.ts";
import { pick, TextSource } from "../text.ts";
import { ascii, segments } from "../words.ts";

const name = ascii("Customer#");

/** Rows of CUSTOMER at `scale`. */
export const customerCount = (scale: number): number => Math.max(1, Math.round(150_000 * scale));

export const customer: TableChunks = function* (scale, seed, rowsPerChunk) {
  const random = new Random(seed, "customer");
  const text = new TextSource(random);
  const count = customerCount(scale);
  for (let first = 1; first <= count; first += rowsPerChunk) {
    const columns = {
      c_custkey: new IntColumn(),
      c_name: new TextColumn(),
      c_address: new TextColumn(),
      c_nationkey: new IntColumn(),
      c_phone: new TextColumn(),
      c_acctbal: new FloatColumn(),
      c_mktsegment: new TextColumn(),
      c_comment: new TextColumn(),
    };
    const end = Math.min(count + 1, first + rowsPerChunk);
    for (let key = first; key < end; key++) {
      columns.c_custkey.push(key);
      columns.c_name.add(name);
      columns.c_name.addNumber(key, 9);
      columns.c_name.push();
      text.address(columns.c_address, 10, 40);
      columns.c_address.push();
      const nation = random.between(0, 24);
      columns.c_nationkey.push(nation);
      text.phone(columns.c_phone, nation);
      columns.c_phone.push();
      columns.c_acctbal.push(random.between(-99_999, 999_999) / 100);
      columns.c_mktsegment.pushWord(pick(random, segments));
      text.comment(columns.c_comment, 29, 116);
      columns.c_comment.push();
    }
    yield { customer: frameOf(columns) };
  }
};
