/** `node bench/pdsh/make.ts 1 10`: makes the data of these scale factors, as the benchmark does by itself when it starts. */
import { ensureData } from "./generate.ts";

for (const text of process.argv.slice(2)) {
  const scale = Number(text);
  if (!(scale > 0)) throw new RangeError(`'${text}' is not a positive number`);
  await ensureData(scale, (line) => console.log(`[data] ${line}`));
}
process.exit(0);
