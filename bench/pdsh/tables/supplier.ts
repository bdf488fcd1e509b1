/** SUPPLIER: 10,000 rows for each unit of scale. */
import { FloatColumn, frameOf, IntColumn, TextColumn } from "../frame.ts";
import type { TableChunks } from "../generate.ts";
import { Random } from "../random.ts";
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

export const supplier: TableChunks = function* (scale, seed, rowsPerChunk) {
  const random = new Random(seed, "supplier");
  const text = new TextSource(random);
  const count = supplierCount(scale);
  for (let first = 1; first <= count; first += rowsPerChunk) {
    const columns = {
      s_suppkey: new IntColumn(),
      s_name: new TextColumn(),
      s_address: new TextColumn(),
      s_nationkey: new IntColumn(),
      s_phone: new TextColumn(),
      s_acctbal: new FloatColumn(),
      s_comment: new TextColumn(),
    };
    const end = Math.min(count + 1, first + rowsPerChunk);
    for (let key = first; key < end; key++) {
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
    yield { supplier: frameOf(columns) };
  }
};
