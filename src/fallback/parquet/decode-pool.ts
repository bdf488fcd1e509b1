/** The threads that decode Parquet columns: started when first needed, and idle ones do not keep the process alive. */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { InternalError } from "../../errors.ts";
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
import type { PageLayout } from "./page-layout.ts";

/** Tasks that run at once. */
export const DECODERS = Math.max(1, Math.min(16, availableParallelism()));

type Answer = DecodedValues | DecodedTexts | FoundLayout;

interface Pending {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

class Decoder {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #next = 0;

  constructor() {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#worker = new Worker(new URL(`./decode-worker.${extension}`, import.meta.url));
    this.#worker.unref();
    this.#worker.on("message", (answer: DecodeAnswer) => this.#answered(answer));
    this.#worker.on("error", (error) => this.#failed(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on("exit", () => this.#failed(new Error("a thread that decodes Parquet columns ended")));
  }

  get load(): number {
    return this.#pending.size;
  }

  run(task: DecodeTask): Promise<Answer> {
    const request: DecodeRequest = { id: this.#next++, task };
    return new Promise((resolve, reject) => {
      this.#pending.set(request.id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(request);
    });
  }

  #answered(answer: DecodeAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if (answer.kind === "failure") pending?.reject(new RangeError(answer.message));
    else pending?.resolve(answer);
  }

  #failed(error: Error): void {
    decoders.delete(this);
    for (const pending of this.#pending.values()) pending.reject(new RangeError(error.message));
    this.#pending.clear();
  }
}

const decoders = new Set<Decoder>();

/** @throws RangeError for what cannot be decoded here. */
export async function decodedValues(task: ValuesTask): Promise<DecodedValues> {
  const answer = await idlest().run(task);
  if (answer.kind !== "values") throw new InternalError("texts in place of values");
  return answer;
}

/** @throws RangeError for what cannot be decoded here. */
export async function decodedTexts(task: TextsTask): Promise<DecodedTexts> {
  const answer = await idlest().run(task);
  if (answer.kind !== "texts") throw new InternalError("values in place of texts");
  return answer;
}

/** @throws RangeError for what the device cannot decode. */
export async function foundLayout(task: LayoutTask): Promise<PageLayout> {
  const answer = await idlest().run(task);
  if (answer.kind !== "layout") throw new InternalError("values in place of a layout");
  return answer.layout;
}

/** The thread with the fewest tasks; a new one rather than a busy one, as long as there may be more. */
function idlest(): Decoder {
  let found: Decoder | null = null;
  for (const decoder of decoders) if (found === null || decoder.load < found.load) found = decoder;
  if (found !== null && (found.load === 0 || decoders.size >= DECODERS)) return found;
  const decoder = new Decoder();
  decoders.add(decoder);
  return decoder;
}
