/** Decompresses zstd frames (RFC 8878): what pages of Parquet files are, for one. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import { withScratch } from "./keys-scratch.ts";
import { writeContent } from "./zstd-content.ts";
import { LITERALS_WORDS, SEQUENCES_WORDS, type ZstdFrames } from "./zstd-frames.ts";
import { decodeLiterals } from "./zstd-literals.ts";
import { readStates } from "./zstd-states.ts";

export interface Compressed {
  /** Compressed bytes of all frames, less than 512 MiB; two words more than they have are readable. */
  readonly source: DeviceBuffer;
  readonly frames: ZstdFrames;
  /** Room for the content of all frames; bytes of a frame's last word that are not content become zero or keep their value. */
  readonly target: DeviceBuffer;
  /** Its first word becomes nonzero if one of the frames is corrupt, or its content has another length. */
  readonly failures: DeviceBuffer;
}

/**
 * Records the decompression of all frames. What a frame needs besides its content: its coded literals, and 8 bytes for each of its sequences. Checksums are
 * not looked at. What is written for a corrupt frame is unspecified, but stays within the words of its content.
 * @throws OutOfDeviceMemoryError
 */
export function decompressZstd(device: Device, { source, frames, target, failures }: Compressed): void {
  if (frames.count === 0) return;
  withScratch(device, (room) => {
    const listed = (words: readonly number[], label: string): DeviceBuffer => {
      const buffer = room.alloc(words.length, label);
      device.write(buffer, 0, Uint32Array.from(words));
      return buffer;
    };
    const scratch = room.alloc(Math.ceil(frames.literalBytes / 4) + 2, "literals");
    const sequences = room.alloc(2 * frames.sequenceCount, "sequences");
    const coded = frames.literals.length / LITERALS_WORDS;
    if (coded > 0) decodeLiterals(device, { source, jobs: listed(frames.literals, "coded literals"), count: coded, scratch, failures });
    const streams = frames.sequences.length / SEQUENCES_WORDS;
    if (streams > 0)
      readStates(device, { source, jobs: listed(frames.sequences, "sequence streams"), count: streams, sequences, failures });
    const lists = { frames: listed(frames.frames, "frames"), blocks: listed(frames.blocks, "blocks") };
    writeContent(device, { source, ...lists, count: frames.count, sequences, scratch, target, failures });
  });
}
