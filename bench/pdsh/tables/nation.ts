/** NATION and REGION, the same at every scale but for their comments. */
import type { TableGenerator } from "../chunks.ts";
import { TextSource } from "../text.ts";
import { ascii, nations, regions } from "../words.ts";

export const nation: TableGenerator = {
  stream: "nation",
  keys: () => 1,
  rowsForEachKey: nations.length,
  fill(random, _scale, _first, _end, make) {
    const text = new TextSource(random);
    const nationColumns = {
      n_nationkey: make.int(),
      n_name: make.text(),
      n_regionkey: make.int(),
      n_comment: make.text(),
    };
    for (const [key, [name, region]] of nations.entries()) {
      nationColumns.n_nationkey.push(key);
      nationColumns.n_name.pushWord(ascii(name));
      nationColumns.n_regionkey.push(region);
      text.comment(nationColumns.n_comment, 31, 114);
      nationColumns.n_comment.push();
    }
    const regionColumns = { r_regionkey: make.int(), r_name: make.text(), r_comment: make.text() };
    for (const [key, name] of regions.entries()) {
      regionColumns.r_regionkey.push(key);
      regionColumns.r_name.pushWord(name);
      text.comment(regionColumns.r_comment, 31, 115);
      regionColumns.r_comment.push();
    }
    return { nation: nationColumns, region: regionColumns };
  },
};
