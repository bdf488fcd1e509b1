/** A thread that decodes columns of Parquet files. */

import { readSync, writeSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { decodeChunk, decodeTexts } from "./column-chunk.ts";
import type {
  DecodeAnswer,
  DecodedTexts,
  DecodedValues,
  DecodeRequest,
  DecodeTask,
  FoundLayout,
  LayoutTask,
  TextsTask,
  ValuesTask,
} from "./decoding.ts";
import { pageLayout } from "./page-layout.ts";

/** Reused between tasks: memory that is new is slow. */
let decoded = new Uint32Array(0);

function values({ parts, rows, words, into }: ValuesTask): DecodedValues {
  if (decoded.length < rows * words) decoded = new Uint32Array(rows * words);
  const valid = new Uint32Array(Math.ceil(rows / 32)).fill(0xffff_ffff);
  let nulls = 0;
  let row = 0;
  for (const part of parts) {
    nulls += decodeChunk(bytesOf(part.file, part.chunk.at, part.chunk.bytes), part, { words: decoded, row, valid });
    row += part.count;
  }
  const bytes = new Uint8Array(decoded.buffer, 0, 4 * rows * words);
  for (let done = 0; done < bytes.byteLength; ) done += writeSync(into, bytes, done, bytes.byteLength - done, done);
  return { kind: "values", valid: nulls === 0 ? null : valid };
}

const texts = ({ file, chunk }: TextsTask): DecodedTexts => ({
  kind: "texts",
  ...decodeTexts(bytesOf(file, chunk.at, chunk.dictionaryBytes), chunk),
});

let buffer = new Uint8Array(0);

function bytesOf(file: number, at: number, length: number): Uint8Array {
  if (buffer.byteLength < length) buffer = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const read = readSync(file, buffer, done, length - done, at + done);
    if (read === 0) throw new RangeError("a Parquet file is shorter than its footer says");
    done += read;
  }
  return buffer.subarray(0, length);
}

const layout = ({ part }: LayoutTask): FoundLayout => ({
  kind: "layout",
  layout: pageLayout(bytesOf(part.file, part.chunk.at, part.chunk.bytes), part),
});

const answersTo = (task: DecodeTask): DecodedValues | DecodedTexts | FoundLayout => {
  switch (task.kind) {
    case "values":
      return values(task);
    case "texts":
      return texts(task);
    case "layout":
      return layout(task);
  }
};

const answerTo = ({ id, task }: DecodeRequest): DecodeAnswer => {
  try {
    return { id, ...answersTo(task) };
  } catch (error) {
    return { id, kind: "failure", message: error instanceof Error ? error.message : String(error) };
  }
};

const port = parentPort;
port?.on("message", (request: DecodeRequest) => port.postMessage(answerTo(request)));
