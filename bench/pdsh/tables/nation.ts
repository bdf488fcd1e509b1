/** NATION and REGION, the same at every scale but for their comments. */
import { frameOf, IntColumn, TextColumn } from "../frame.ts";
import type { TableChunks } from "../generate.ts";
import { Random } from "../random.ts";
import { TextSource } from "../text.ts";
import { ascii, nations, regions } from "../words.ts";

export const nation: TableChunks = function* (_scale, seed) {
  const text = new TextSource(new Random(seed, "nation"));
  const nationColumns = {
    n_nationkey: new IntColumn(),
    n_name: new TextColumn(),
    n_regionkey: new IntColumn(),
    n_comment: new TextColumn(),
  };
  for (const [key, [name, region]] of nations.entries()) {
    nationColumns.n_nationkey.push(key);
    nationColumns.n_name.pushWord(ascii(name));
    nationColumns.n_regionkey.push(region);
    text.comment(nationColumns.n_comment, 31, 114);
    nationColumns.n_comment.push();
  }
  const regionColumns = { r_regionkey: new IntColumn(), r_name: new TextColumn(), r_comment: new TextColumn() };
  for (const [key, name] of regions.entries()) {
    regionColumns.r_regionkey.push(key);
    regionColumns.r_name.pushWord(name);
    text.comment(regionColumns.r_comment, 31, 115);
    regionColumns.r_comment.push();
  }
  yield { nation: frameOf(nationColumns), region: frameOf(regionColumns) };
};
