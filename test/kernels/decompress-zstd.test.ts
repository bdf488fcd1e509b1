/** Frames of zstd on the device against zlib. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { parquetMetadata } from "hyparquet";
import { pageHeader } from "../../src/fallback/parquet/page-header.ts";
import { Device } from "../../src/gpu/device.ts";
import { decompressZstd } from "../../src/gpu/kernels/decompress-zstd.ts";
import { ZstdFrames } from "../../src/gpu/kernels/zstd-frames.ts";
import { random } from "./host-column.ts";
import { countKinds, type Kinds } from "./zstd-walker.ts";

/** Default limits: two blocks share a workgroup. */
let narrow: Device;
/** As many blocks in a workgroup as its memory has room for. */
let wide: Device;
before(async () => {
  narrow = await Device.open({ limits: "default" });
  wide = await Device.open();
});
after(() => {
  narrow.destroy();
  wide.destroy();
});

interface Frame {
  readonly bytes: Uint8Array;
  /** Bytes of the content that are asked for. */
  readonly size: number;
}

interface Decompressed {
  readonly contents: readonly Uint8Array[];
  readonly failed: boolean;
}

const GUARD = 0xc0ffee11;
/** Words of no frame behind each content. */
const GAP = 3;

/** All frames at once, at odd places. @throws AssertionError when words outside of the contents change. */
const decompress = async (device: Device, frames: readonly Frame[]): Promise<Decompressed> => {
  const list = new ZstdFrames();
  const packed: number[] = [0xa5];
  const starts: number[] = [];
  let word = GAP;
  let refused = false;
  for (const [k, { bytes, size }] of frames.entries()) {
    try {
      list.add(bytes, packed.length, word * 4, size);
    } catch (error) {
      assert.ok(error instanceof RangeError);
      refused = true;
    }
    for (const byte of bytes) packed.push(byte);
    for (let i = 0; i < k % 3; i++) packed.push(0xa5);
    starts.push(word * 4);
    word += Math.ceil(size / 4) + GAP;
  }
  const guards = new Uint32Array(word).fill(GUARD);
  const source = device.alloc(Math.ceil(packed.length / 4) + 2, "source");
  const target = device.alloc(word, "target");
  const failures = device.allocZeroed(4, "failures");
  device.write(source, 0, Uint8Array.from(packed));
  device.write(target, 0, guards);
  decompressZstd(device, { source, frames: list, target, failures });
  const [words, flags] = await device.readMany([
    { buffer: target, word: 0, words: word },
    { buffer: failures, word: 0, words: 4 },
  ]);
  for (const buffer of [source, target, failures]) buffer.release();
  assert.equal(device.stats.allocatedBytes, 0);
  assert.ok(words !== undefined && flags !== undefined);
  assert.deepEqual([...flags.subarray(1)], [0, 0, 0]);
  const bytes = new Uint8Array(words.buffer);
  let gap = 0;
  const contents = frames.map(({ size }, k) => {
    const first = starts[k] ?? 0;
    for (; gap < first / 4; gap++) assert.equal(words[gap], GUARD, `word ${gap} before frame ${k}`);
    gap += Math.ceil(size / 4);
    return bytes.subarray(first, first + size);
  });
  for (; gap < word; gap++) assert.equal(words[gap], GUARD, `word ${gap} behind the last frame`);
  return { contents, failed: refused || flags[0] !== 0 };
};

/** First byte that differs, -1 for none. */
const firstDifference = (actual: Uint8Array, expected: Uint8Array): number => {
  if (Buffer.compare(actual, expected) === 0) return -1;
  return expected.findIndex((byte, at) => byte !== actual[at]);
};

const expectContents = async (device: Device, frames: readonly Uint8Array[], contents: readonly Uint8Array[]): Promise<void> => {
  const result = await decompress(
    device,
    frames.map((bytes, k) => ({ bytes, size: contents[k]?.length ?? 0 })),
  );
  contents.forEach((content, k) => {
    const actual = result.contents[k] ?? new Uint8Array(0);
    const at = firstDifference(actual, content);
    assert.equal(at, -1, `frame ${k}: byte ${at} of ${content.length} is ${actual[at]}, not ${content[at]}`);
  });
  assert.equal(result.failed, false, "a failure is reported");
};

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const bytesAt = (size: number, byte: (at: number) => number): Uint8Array => Uint8Array.from({ length: size }, (_, at) => byte(at));
const doubles = (count: number, value: (row: number) => number): Uint8Array =>
  bytesOf(Float64Array.from({ length: count }, (_, row) => value(row)));
const MIB = 1 << 20;
const BLOCK = 1 << 17;

const WORDS = "the quick brown fox jumps over a lazy dog and so on while deposits sleep furiously among special requests".split(" ");
const text = (size: number, seed: number): Uint8Array => {
  const next = random(seed);
  const parts: string[] = [];
  for (let length = 0; length < size; length += parts.at(-1)?.length ?? 0) parts.push(`${WORDS[next() % WORDS.length]} `);
  return Buffer.from(parts.join("")).subarray(0, size);
};

/** Short periods, one after another, with a byte of noise between: matches that overlap what they write. */
const periods = (size: number, longest: number): Uint8Array => {
  const next = random(size);
  const bytes: number[] = [];
  for (let k = 0; bytes.length < size; k++) {
    const period = Array.from({ length: 1 + (k % 7) }, () => next() & 0xff);
    const run = 4 + (next() % longest);
    for (let i = 0; i < run; i++) bytes.push(period[i % period.length] ?? 0);
    bytes.push(next() & 0xff);
  }
  return Uint8Array.from(bytes.slice(0, size));
};

const packedIndices = (count: number, bits: number, distinct: number): Uint8Array => {
  const next = random(bits);
  const bytes = new Uint8Array(Math.ceil((count * bits) / 8) + 4);
  for (let row = 0; row < count; row++) {
    const code = next() % distinct;
    for (let bit = 0; bit < bits; bit++) {
      const at = row * bits + bit;
      if ((code >>> bit) & 1) bytes[at >>> 3] = (bytes[at >>> 3] ?? 0) | (1 << (at & 7));
    }
  }
  return bytes;
};

const DATA: Record<string, () => Uint8Array> = {
  empty: () => new Uint8Array(0),
  "one byte": () => Uint8Array.of(7),
  "five bytes": () => Uint8Array.of(1, 2, 3, 4, 5),
  "a MiB of one byte": () => new Uint8Array(MIB).fill(0x5a),
  random: () => {
    const next = random(3);
    return bytesAt(300_001, () => next() & 0xff);
  },
  "three kinds of bytes": () => {
    const next = random(4);
    return bytesAt(200_003, () => [65, 66, 200][next() % 3] ?? 0);
  },
  text: () => text(400_003, 5),
  "few doubles": () => {
    const next = random(6);
    const values = Array.from({ length: 50 }, () => (next() % 10_000) / 100);
    return doubles(40_000, () => values[next() % 50] ?? 0);
  },
  "prices of 100,000": () => {
    const next = random(7);
    return doubles(BLOCK, () => (next() % 100_000) / 100);
  },
  "products of prices": () => {
    const next = random(8);
    return doubles(60_000, () => ((next() % 50) + 1) * ((next() % 100_000) / 100));
  },
  "ascending i64": () => {
    const next = random(9);
    let value = 1n;
    return bytesOf(BigInt64Array.from({ length: 50_000 }, () => (value += BigInt(next() % 7))));
  },
  "packed indices": () => packedIndices(150_000, 6, 50),
  "packed skewed indices": () => packedIndices(150_000, 11, 7),
  "short periods": () => periods(200_001, 60),
  "long periods": () => periods(500_001, 20_000),
  "very long matches": () => {
    const next = random(10);
    const noise = bytesAt(150_000, () => next() & 0xff);
    return Buffer.concat([noise, noise, Buffer.from("tail"), noise.subarray(3), noise]);
  },
};
/** Pieces of equal length of what came before, with the same byte between. */
DATA["equal pieces"] = () => {
  const next = random(11);
  const noise = bytesAt(BLOCK, () => 1 + (next() % 255));
  const pieces = Array.from({ length: 6000 }, () => {
    const at = next() % (BLOCK - 12);
    return Buffer.concat([noise.subarray(at, at + 12), Uint8Array.of(0)]);
  });
  return Buffer.concat([noise, ...pieces]);
};
DATA["four smallest bytes"] = () => {
  const next = random(12);
  return bytesAt(3001, () => [0, 0, 0, 0, 1, 1, 2, 3][next() % 8] ?? 0);
};
for (const size of [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3]) DATA[`text of ${size} bytes`] = () => text(size, size);
for (let size = 2; size < 40; size += 3) DATA[`text of ${size} bytes`] = () => text(size, size);

const made = new Map<string, Uint8Array>();
const dataOf = (name: string): Uint8Array => {
  const known = made.get(name);
  if (known !== undefined) return known;
  const data = DATA[name]?.() ?? assert.fail(name);
  made.set(name, data);
  return data;
};

interface Options {
  readonly checksum?: boolean;
  readonly contentSize?: boolean;
  readonly windowLog?: number;
}
const compress = (data: Uint8Array, level: number, { checksum = false, contentSize = true, windowLog }: Options = {}): Uint8Array =>
  zstdCompressSync(data, {
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0,
      [constants.ZSTD_c_contentSizeFlag]: contentSize ? 1 : 0,
      ...(windowLog === undefined ? {} : { [constants.ZSTD_c_windowLog]: windowLog }),
    },
    ...(contentSize ? { pledgedSrcSize: data.length } : {}),
  });

const LEVELS = [-5, 1, 3, 9, 19] as const;
const seen: Kinds = new Map();
for (const name of Object.keys(DATA)) {
  test(`${name}, compressed at levels ${LEVELS.join(", ")}`, async () => {
    const data = dataOf(name);
    const frames = LEVELS.flatMap((level) =>
      data.length > 300_000
        ? [compress(data, level, { checksum: level === 3, contentSize: level !== 1 })]
        : [compress(data, level), compress(data, level, { checksum: true }), compress(data, level, { contentSize: false })],
    );
    for (const frame of frames) countKinds(frame, seen);
    for (const device of [narrow, wide])
      await expectContents(
        device,
        frames,
        frames.map(() => data),
      );
  });
}

test("the frames have blocks, literals and sequence tables of every kind", () => {
  const kinds = [
    ...["raw", "RLE", "compressed"].map((kind) => `block: ${kind}`),
    ...["raw", "RLE", "compressed in 1", "compressed in 4", "treeless in 4"].map((kind) => `literals: ${kind}`),
    ...["direct", "FSE"].map((kind) => `weights: ${kind}`),
    ...["literal lengths", "offsets", "match lengths"].flatMap((table) =>
      ["predefined", "RLE", "FSE", "repeat"].map((mode) => `${table}: ${mode}`),
    ),
  ];
  assert.deepEqual(
    kinds.filter((kind) => !seen.has(kind)),
    [],
  );
});

test("frames of several MiB with small windows", async () => {
  const data = Buffer.concat([dataOf("prices of 100,000"), text(MIB, 20), dataOf("few doubles"), dataOf("prices of 100,000")]);
  const frames = [10, 14, 17, 19].flatMap((windowLog) => [compress(data.subarray(0, 600_000), 3, { windowLog, contentSize: false })]);
  await expectContents(
    wide,
    [compress(data, 3), compress(data, 1, { contentSize: false }), ...frames],
    [data, data, ...frames.map(() => data.subarray(0, 600_000))],
  );
});

test("many frames in one dispatch", async () => {
  const next = random(21);
  const datas = Array.from({ length: 400 }, (_, k) => {
    const data = dataOf(["text", "few doubles", "packed indices", "short periods", "random"][k % 5] ?? "");
    const size = next() % ([10, 100, 5000, 20_000][k % 4] ?? 10);
    const at = next() % (data.length - size);
    return data.subarray(at, at + size);
  });
  const frames = datas.map((data, k) => compress(data, [1, 3, 19][k % 3] ?? 1));
  await expectContents(narrow, frames, datas);
  await expectContents(wide, frames, datas);
});

/** What zlib makes of a frame, null where that is an error or has another length. */
const oracle = (frame: Uint8Array, size: number): Uint8Array | null => {
  try {
    const content = zstdDecompressSync(frame, { maxOutputLength: size + 1 });
    return content.length === size ? content : null;
  } catch {
    return null;
  }
};

/** Between two frames that are not corrupt. @returns whether the device took the frame for corrupt though zlib does not. */
const expectAsZlib = async (bytes: Uint8Array, size: number, name: string): Promise<boolean> => {
  const expected = oracle(bytes, size);
  const whole = dataOf("text of 38 bytes");
  const sound = { bytes: compress(whole, 1), size: whole.length };
  const { contents, failed } = await decompress(wide, [sound, { bytes, size }, sound]);
  const [first, own, last] = contents;
  assert.ok(first !== undefined && own !== undefined && last !== undefined);
  assert.deepEqual([firstDifference(first, whole), firstDifference(last, whole)], [-1, -1], `${name}: the others`);
  if (expected === null) assert.ok(failed, `${name}: zlib fails`);
  else if (!failed) assert.equal(firstDifference(own, expected), -1, name);
  return expected !== null && failed;
};

const BROKEN = [
  "text",
  "few doubles",
  "packed skewed indices",
  "short periods",
  "equal pieces",
  "four smallest bytes",
  "prices of 100,000",
];
for (const name of BROKEN) {
  test(`corrupt frames: ${name}`, async () => {
    const next = random(31);
    const whole = dataOf(name);
    let strict = 0;
    for (let k = 0; k < 60; k++) {
      const size = Math.min(whole.length, [200, 3000, 20_000][k % 3] ?? 0);
      const data = name === "equal pieces" ? Buffer.concat([whole.subarray(0, 3000), whole.subarray(0, 12)]) : whole.subarray(0, size);
      const frame = Uint8Array.from(compress(data, LEVELS[k % 5] ?? 1, { contentSize: k % 2 === 0 }));
      const changes = 1 + (next() % 3);
      for (let c = 0; c < changes; c++) {
        const range = k % 4 === 0 ? Math.min(frame.length, 100) : frame.length;
        const at = next() % range;
        frame[at] = k % 2 === 0 ? (frame[at] ?? 0) ^ (1 << (next() % 8)) : next() & 0xff;
      }
      if (await expectAsZlib(frame, data.length, `${name} ${k}`)) strict += 1;
    }
    // Its decoder of two symbols at once lets a last code pass that is longer than what is left of the stream; RFC 8878 does not.
    assert.ok(strict <= 5, `${strict} frames that zlib takes`);
  });
}

test("truncated frames", async () => {
  const data = text(3000, 40);
  for (const level of LEVELS) {
    const frame = compress(data, level);
    for (let size = 0; size < frame.length; size += 1 + (size >> 3))
      await expectAsZlib(frame.subarray(0, size), data.length, `${size} bytes`);
    const noisy = Buffer.concat([frame, Uint8Array.of(0)]);
    assert.ok((await decompress(narrow, [{ bytes: noisy, size: data.length }])).failed, "a byte too many");
    for (const size of [0, data.length - 1, data.length + 1])
      assert.ok((await decompress(narrow, [{ bytes: frame, size }])).failed, `content of ${size} bytes`);
  }
});

test("frames that are none, that have a dictionary, two in one", async () => {
  const data = text(100, 41);
  const frame = compress(data, 3, { contentSize: false });
  const flags = frame[4] ?? 0;
  const withDictionary = (id: number): Uint8Array =>
    Uint8Array.from([...frame.subarray(0, 4), flags | 1, ...frame.subarray(5, 6), id, ...frame.subarray(6)]);
  await expectContents(narrow, [withDictionary(0)], [data]);
  const skippable = Uint8Array.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  const corrupt = [
    new Uint8Array(0),
    new Uint8Array(50),
    withDictionary(9),
    Buffer.concat([skippable, frame]),
    Buffer.concat([frame, skippable]),
  ];
  for (const bytes of corrupt) assert.ok((await decompress(narrow, [{ bytes, size: 100 }])).failed);
  assert.ok((await decompress(narrow, [{ bytes: Buffer.concat([frame, frame]), size: 200 }])).failed);
  assert.ok(
    (
      await decompress(
        wide,
        [frame, withDictionary(9), frame].map((bytes) => ({ bytes, size: 100 })),
      )
    ).failed,
    "one of three",
  );
});

const lineitem = new URL("../../bench/data/pdsh-sf0.01/lineitem/part-000.parquet", import.meta.url);
test("pages of a Parquet file", { skip: !existsSync(lineitem) }, async () => {
  const file = readFileSync(lineitem);
  const { row_groups } = parquetMetadata(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
  const pages: Uint8Array[] = [];
  for (const { columns } of row_groups)
    for (const { meta_data: column } of columns) {
      assert.ok(column !== undefined && column.codec === "ZSTD");
      const first = Number(column.dictionary_page_offset ?? column.data_page_offset);
      for (let at = first; at < first + Number(column.total_compressed_size); ) {
        const { headerBytes, compressedBytes, levels } = pageHeader(file, at);
        const skipped = levels === null ? 0 : levels.definition + levels.repetition;
        if (levels?.isCompressed !== false) pages.push(file.subarray(at + headerBytes + skipped, at + headerBytes + compressedBytes));
        at += headerBytes + compressedBytes;
      }
    }
  assert.ok(pages.length >= 16);
  const contents = pages.map((page) => zstdDecompressSync(page));
  await expectContents(narrow, pages, contents);
  await expectContents(wide, pages, contents);
});

test("no frames", async () => {
  await expectContents(narrow, [], []);
});
