/** ORDERS, 1,500,000 rows for each unit of scale, and LINEITEM, one to seven rows for each order. */
import type { TableGenerator } from "../chunks.ts";
import type { ColumnKinds } from "../frame.ts";
import type { Random } from "../random.ts";
import { pick, TextSource } from "../text.ts";
import { ascii, instructions, priorities, shipModes } from "../words.ts";
import { customerCount } from "./customer.ts";
import { partCount, retailCents, supplierOfPart } from "./part.ts";
import { supplierCount } from "./supplier.ts";

const day = (iso: string): number => Date.parse(iso) / 86_400_000;
const firstOrder = day("1992-01-01");
const lastOrder = day("1998-12-31") - 151;
const today = day("1995-06-17");

const clerk = ascii("Clerk#");
const letter = { A: ascii("A"), F: ascii("F"), N: ascii("N"), O: ascii("O"), P: ascii("P"), R: ascii("R") };

/** Rows of ORDERS at `scale`. */
export const orderCount = (scale: number): number => Math.max(1, Math.round(1_500_000 * scale));

/** Rows of LINEITEM at `scale`, about. */
export const lineitemRows = (scale: number): number => 4 * orderCount(scale);

/** The `i`th order key (from 0): of each 32 keys only the first 8 are used. */
const orderKey = (i: number): number => Math.floor(i / 8) * 32 + (i % 8) + 1;

const lineitemColumns = (make: ColumnKinds) => ({
  l_orderkey: make.int(),
  l_partkey: make.int(),
  l_suppkey: make.int(),
  l_linenumber: make.int(),
  l_quantity: make.int(),
  l_extendedprice: make.float(),
  l_discount: make.float(),
  l_tax: make.float(),
  l_returnflag: make.text(),
  l_linestatus: make.text(),
  l_shipdate: make.date(),
  l_commitdate: make.date(),
  l_receiptdate: make.date(),
  l_shipinstruct: make.text(),
  l_shipmode: make.text(),
  l_comment: make.text(),
});

const orderColumns = (make: ColumnKinds) => ({
  o_orderkey: make.int(),
  o_custkey: make.int(),
  o_orderstatus: make.text(),
  o_totalprice: make.float(),
  o_orderdate: make.date(),
  o_orderpriority: make.text(),
  o_clerk: make.text(),
  o_shippriority: make.int(),
  o_comment: make.text(),
});

export const orders: TableGenerator = {
  stream: "orders",
  keys: orderCount,
  rowsForEachKey: 4,
  fill(random, scale, first, end, make) {
    const text = new TextSource(random);
    const customers = customerCount(scale);
    const parts = partCount(scale);
    const suppliers = supplierCount(scale);
    const clerks = Math.max(1, Math.round(1_000 * scale));
    const o = orderColumns(make);
    const l = lineitemColumns(make);
    for (let i = first; i < end; i++) {
      const key = orderKey(i);
      const date = random.between(firstOrder, lastOrder);
      const lines = random.between(1, 7);
      let shipped = 0;
      let total = 0;
      for (let line = 1; line <= lines; line++) {
        const partKey = random.between(1, parts);
        const quantity = random.between(1, 50);
        const cents = quantity * retailCents(partKey);
        const discount = random.between(0, 10);
        const tax = random.between(0, 8);
        const shipDate = date + random.between(1, 121);
        const receiptDate = shipDate + random.between(1, 30);
        l.l_orderkey.push(key);
        l.l_partkey.push(partKey);
        l.l_suppkey.push(supplierOfPart(partKey, random.between(0, 3), suppliers));
        l.l_linenumber.push(line);
        l.l_quantity.push(quantity);
        l.l_extendedprice.push(cents / 100);
        l.l_discount.push(discount / 100);
        l.l_tax.push(tax / 100);
        l.l_returnflag.pushWord(receiptDate > today ? letter.N : random.between(0, 1) === 0 ? letter.R : letter.A);
        l.l_linestatus.pushWord(shipDate > today ? letter.O : letter.F);
        l.l_shipdate.push(shipDate);
        l.l_commitdate.push(date + random.between(30, 90));
        l.l_receiptdate.push(receiptDate);
        l.l_shipinstruct.pushWord(pick(random, instructions));
        l.l_shipmode.pushWord(pick(random, shipModes));
        text.comment(l.l_comment, 10, 43);
        l.l_comment.push();
        total += Math.floor((Math.floor((cents * (100 - discount)) / 100) * (100 + tax)) / 100);
        if (shipDate <= today) shipped++;
      }
      o.o_orderkey.push(key);
      o.o_custkey.push(orderingCustomer(random, customers));
      o.o_orderstatus.pushWord(shipped === lines ? letter.F : shipped === 0 ? letter.O : letter.P);
      o.o_totalprice.push(total / 100);
      o.o_orderdate.push(date);
      o.o_orderpriority.pushWord(pick(random, priorities));
      o.o_clerk.add(clerk);
      o.o_clerk.addNumber(random.between(1, clerks), 9);
      o.o_clerk.push();
      o.o_shippriority.push(0);
      text.comment(o.o_comment, 19, 78);
      o.o_comment.push();
    }
    return { orders: o, lineitem: l };
  },
};

/** A customer whose key is not divisible by 3: a third of the customers never order. */
function orderingCustomer(random: Random, customers: number): number {
  let key = random.between(1, customers);
  while (key % 3 === 0) key = random.between(1, customers);
  return key;
}
