/** CUSTOMER: 150,000 rows for each unit of scale. */
import type { TableGenerator } from "../chunks.ts";
import { pick, TextSource } from "../text.ts";
import { ascii, segments } from "../words.ts";

const name = ascii("Customer#");

/** Rows of CUSTOMER at `scale`. */
export const customerCount = (scale: number): number => Math.max(1, Math.round(150_000 * scale));

export const customer: TableGenerator = {
  stream: "customer",
  keys: customerCount,
  rowsForEachKey: 1,
  fill(random, _scale, first, end, make) {
    const text = new TextSource(random);
    const columns = {
      c_custkey: make.int(),
      c_name: make.text(),
      c_address: make.text(),
      c_nationkey: make.int(),
      c_phone: make.text(),
      c_acctbal: make.float(),
      c_mktsegment: make.text(),
      c_comment: make.text(),
    };
    for (let key = first + 1; key <= end; key++) {
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
    return { customer: columns };
  },
};
