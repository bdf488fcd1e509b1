/** The threads that decode Parquet columns: started when first needed, and idle ones do not keep the process alive. */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { DeviceError } from "../../errors.ts";
import type { DecodeAnswer, Decoded, DecodeRequest, DecodeTask } from "./decoding.ts";

/** Tasks that run at once. */
export const DECODERS = Math.max(1, Math.min(16, availableParallelism()));

interface Pending {
  resolve(valid: Decoded): void;
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

  run(task: DecodeTask): Promise<Decoded> {
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
    if ("valid" in answer) pending?.resolve(answer.valid);
    else pending?.reject(new RangeError(answer.failure));
  }

  #failed(error: Error): void {
    decoders.delete(this);
    for (const pending of this.#pending.values()) pending.reject(new DeviceError(error.message));
    this.#pending.clear();
  }
}

const decoders = new Set<Decoder>();

/** The validity of the decoded rows. @throws RangeError for what cannot be decoded here. */
export function decoded(task: DecodeTask): Promise<Decoded> {
  let idlest: Decoder | null = null;
  for (const decoder of decoders) if (idlest === null || decoder.load < idlest.load) idlest = decoder;
  if (idlest === null || (idlest.load > 0 && decoders.size < DECODERS)) {
    idlest = new Decoder();
    decoders.add(idlest);
  }
  return idlest.run(task);
}
