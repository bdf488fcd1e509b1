/** A thread that decodes columns of Parquet files: from bytes of a file to bytes of another one. */

import { readSync, writeSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { decodeChunk } from "./column-chunk.ts";
import type { DecodeAnswer, Decoded, DecodeRequest, DecodeTask } from "./decoding.ts";

function decode({ parts, rows, words, into }: DecodeTask): Decoded {
  const values = new Uint32Array(rows * words);
  const valid = new Uint32Array(Math.ceil(rows / 32)).fill(0xffff_ffff);
  let nulls = 0;
  let row = 0;
  for (const part of parts) {
    nulls += decodeChunk(bytesOf(part.file, part.chunk.at, part.chunk.bytes), part, { words: values, row, valid });
    row += part.count;
  }
  const bytes = new Uint8Array(values.buffer);
  for (let done = 0; done < bytes.byteLength; ) done += writeSync(into.file, bytes, done, bytes.byteLength - done, into.at + done);
  return nulls === 0 ? null : valid;
}

function bytesOf(file: number, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const read = readSync(file, bytes, done, length - done, at + done);
    if (read === 0) throw new RangeError("a Parquet file is shorter than its footer says");
    done += read;
  }
  return bytes;
}

const answerTo = ({ id, task }: DecodeRequest): DecodeAnswer => {
  try {
    return { id, valid: decode(task) };
  } catch (error) {
    return { id, failure: error instanceof Error ? error.message : String(error) };
  }
};

const port = parentPort;
port?.on("message", (request: DecodeRequest) => port.postMessage(answerTo(request)));
