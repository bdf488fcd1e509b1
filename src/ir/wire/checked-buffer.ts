/** A FlatBuffer from an unknown hand: whatever its bytes say, reading it stays inside them and ends. */

import { ByteBuffer } from "flatbuffers";
import { InvalidPlanError } from "../../errors.ts";

/** @throws InvalidPlanError */
export function corrupt(what: string): never {
  throw new InvalidPlanError(`These bytes are not a plan: ${what}.`);
}

/** Bytes that may be read for each byte of the buffer: a well-formed table is read through its vtable, field by field. */
const READS_FOR_EACH_BYTE = 64;

/**
 * The generated code reads only by these methods. Everything that they do not override goes through one that they do.
 * Objects that overlap could be reached so often that reading never ends: hence the allowance.
 */
export class CheckedBuffer extends ByteBuffer {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #allowance: number;

  constructor(bytes: Uint8Array) {
    super(bytes);
    this.#allowance = (bytes.length + 64) * READS_FOR_EACH_BYTE;
  }

  #take(offset: number, bytes: number): void {
    if (bytes < 0 || offset < 0 || offset + bytes > this.capacity()) corrupt("an offset points out of them");
    this.#allowance -= bytes;
    if (this.#allowance < 0) corrupt("its parts overlap");
  }

  override readUint8(offset: number): number {
    this.#take(offset, 1);
    return super.readUint8(offset);
  }

  override readUint16(offset: number): number {
    this.#take(offset, 2);
    return super.readUint16(offset);
  }

  override readInt32(offset: number): number {
    this.#take(offset, 4);
    return super.readInt32(offset);
  }

  override __vector_len(offset: number): number {
    const length = super.__vector_len(offset);
    if (length < 0) corrupt("a vector has a negative length");
    return length;
  }

  /** Unlike the base class refuses bytes that are not UTF-8, and keeps a byte order mark. */
  override __string(offset: number): string {
    const start = this.__indirect(offset);
    const length = this.readInt32(start);
    this.#take(start + 4, length);
    try {
      return this.#decoder.decode(this.bytes().subarray(start + 4, start + 4 + length));
    } catch {
      return corrupt("a string is not UTF-8");
    }
  }
}
