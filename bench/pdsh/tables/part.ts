/** PART, 200,000 rows for each unit of scale, and PARTSUPP, four suppliers for each part. */
import type { TableGenerator } from "../chunks.ts";
import type { TextColumn } from "../frame.ts";
import type { Random } from "../random.ts";
import { pick, TextSource } from "../text.ts";
import { ascii, colors, containers, partTypes } from "../words.ts";
import { supplierCount } from "./supplier.ts";

const manufacturer = ascii("Manufacturer#");
const brand = ascii("Brand#");
const space = ascii(" ");

/** Rows of PART at `scale`. */
export const partCount = (scale: number): number => Math.max(1, Math.round(200_000 * scale));

/** P_RETAILPRICE in cents. */
export const retailCents = (part: number): number => 90_000 + (Math.floor(part / 10) % 20_001) + 100 * (part % 1_000);

/** The key of the `i`th (0 to 3) of the four suppliers of a part, of `suppliers` in all. */
export const supplierOfPart = (part: number, i: number, suppliers: number): number =>
  ((part + i * (Math.floor(suppliers / 4) + Math.floor((part - 1) / suppliers))) % suppliers) + 1;

export const part: TableGenerator = {
  stream: "part",
  keys: partCount,
  rowsForEachKey: 4,
  fill(random, scale, first, end, make) {
    const text = new TextSource(random);
    const suppliers = supplierCount(scale);
    const columns = {
      p_partkey: make.int(),
      p_name: make.text(),
      p_mfgr: make.text(),
      p_brand: make.text(),
      p_type: make.text(),
      p_size: make.int(),
      p_container: make.text(),
      p_retailprice: make.float(),
      p_comment: make.text(),
    };
    const supplies = {
      ps_partkey: make.int(),
      ps_suppkey: make.int(),
      ps_availqty: make.int(),
      ps_supplycost: make.float(),
      ps_comment: make.text(),
    };
    for (let key = first + 1; key <= end; key++) {
      columns.p_partkey.push(key);
      addName(columns.p_name, random);
      const maker = random.between(1, 5);
      columns.p_mfgr.add(manufacturer);
      columns.p_mfgr.addNumber(maker, 1);
      columns.p_mfgr.push();
      columns.p_brand.add(brand);
      columns.p_brand.addNumber(10 * maker + random.between(1, 5), 2);
      columns.p_brand.push();
      columns.p_type.pushWord(pick(random, partTypes));
      columns.p_size.push(random.between(1, 50));
      columns.p_container.pushWord(pick(random, containers));
      columns.p_retailprice.push(retailCents(key) / 100);
      text.comment(columns.p_comment, 5, 22);
      columns.p_comment.push();
      for (let i = 0; i < 4; i++) {
        supplies.ps_partkey.push(key);
        supplies.ps_suppkey.push(supplierOfPart(key, i, suppliers));
        supplies.ps_availqty.push(random.between(1, 9_999));
        supplies.ps_supplycost.push(random.between(100, 100_000) / 100);
        text.comment(supplies.ps_comment, 49, 198);
        supplies.ps_comment.push();
      }
    }
    return { part: columns, partsupp: supplies };
  },
};

/** Five different colours. */
function addName(column: TextColumn, random: Random): void {
  const chosen: Uint8Array[] = [];
  while (chosen.length < 5) {
    const color = pick(random, colors);
    if (chosen.includes(color)) continue;
    if (chosen.length > 0) column.add(space);
    column.add(color);
    chosen.push(color);
  }
  column.push();
}
