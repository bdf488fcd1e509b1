/** The checksum behind the bytes of a plan. */

import { crc32 } from "node:zlib";
import { corrupt } from "./checked-buffer.ts";

const SEAL_BYTES = 4;

/** The bytes and their checksum. */
export function seal(bytes: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(bytes.length + SEAL_BYTES);
  sealed.set(bytes);
  new DataView(sealed.buffer).setUint32(bytes.length, crc32(bytes), true);
  return sealed;
}

/** The bytes without their checksum. @throws InvalidPlanError when they are not what was sealed. */
export function unseal(sealed: Uint8Array): Uint8Array {
  const length = sealed.length - SEAL_BYTES;
  if (length < 0) return corrupt("there are too few of them");
  const bytes = sealed.subarray(0, length);
  if (new DataView(sealed.buffer, sealed.byteOffset).getUint32(length, true) !== crc32(bytes)) corrupt("the checksum is wrong");
  return bytes;
}
