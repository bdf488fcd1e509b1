/** SUPPLIER: 10,000 rows for each unit of scale. */
import type { TableGenerator } from "../chunks.ts";
import { TextSource } from "../text.ts";
import { ascii } from "../words.ts";

const name = ascii("Supplier#");
const customer = ascii("Customer ");
const complaints = ascii(" Complaints");
const recommends = ascii(" Recommends");

/** Rows of SUPPLIER at `scale`. */
export const supplierCount = (scale: number): number => Math.max(1, Math.round(10_000 * scale));

/** One supplier in 2,000 has a comment about complaints of customers, one about their recommendation. */
const complaintKey = 13;
const recommendKey = 1013;

export const supplier: TableGenerator = {
  stream: "supplier",
  keys: supplierCount,
  rowsForEachKey: 1,
  fill(random, _scale, first, end, make) {
    const text = new TextSource(random);
    const columns = {
      s_suppkey: make.int(),
      s_name: make.text(),
      s_address: make.text(),
      s_nationkey: make.int(),
      s_phone: make.text(),
      s_acctbal: make.float(),
      s_comment: make.text(),
    };
    for (let key = first + 1; key <= end; key++) {
      columns.s_suppkey.push(key);
      columns.s_name.add(name);
      columns.s_name.addNumber(key, 9);
      columns.s_name.push();
      text.address(columns.s_address, 10, 40);
      columns.s_address.push();
      const nation = random.between(0, 24);
      columns.s_nationkey.push(nation);
      text.phone(columns.s_phone, nation);
      columns.s_phone.push();
      columns.s_acctbal.push(random.between(-99_999, 999_999) / 100);
      const kind = key % 2000;
      if (kind === complaintKey || kind === recommendKey) {
        text.comment(columns.s_comment, 5, 30);
        columns.s_comment.add(customer);
        text.comment(columns.s_comment, 2, 20);
        columns.s_comment.add(kind === complaintKey ? complaints : recommends);
        text.comment(columns.s_comment, 5, 30);
      } else text.comment(columns.s_comment, 25, 100);
      columns.s_comment.push();
    }
    return { supplier: columns };
  },
};
