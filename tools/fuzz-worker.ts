/** A process that fuzzes as its parent orders, and sends a report before each shape and at the end. */
import "./patient-polls.ts";
import { type FuzzOptions, fuzz } from "../test/fuzz/fuzz.ts";

const send = (message: object): void => void process.send?.(message);

// Nobody listens any more.
process.once("disconnect", () => process.exit());
process.once("message", async (options: FuzzOptions) => {
  send({ finished: await fuzz(options, (report) => send({ under: report })) });
  process.disconnect();
});
