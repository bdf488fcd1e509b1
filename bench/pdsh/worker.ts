/** A generating process: does the jobs that its parent sends, one after the other, and answers each with the rows written. */
import { type ChunkJob, writeChunk } from "./write-chunk.ts";

process.on("message", (job: ChunkJob) => process.send?.(writeChunk(job)));
process.on("disconnect", () => process.exit(0));
