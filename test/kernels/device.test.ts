/** The device layer: recording order, memory accounting, transfers, failures. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { DeviceError, InternalError, OutOfDeviceMemoryError } from "../../src/errors.ts";
import { Device } from "../../src/gpu/device.ts";
import { Fault } from "../../src/gpu/fault.ts";
import { collectGarbage } from "../../src/gpu/garbage.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";

/** to[i] = from[i] * P.x + P.y */
const affine: Kernel = {
  name: "affine",
  key: "affine",
  wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> target_: array<u32>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_id) lid: vec3<u32>) {
  let i = (wid.x + wid.y * nwg.x) * 64u + lid.x;
  if (i < P[0].z) { target_[i] = source[i] * P[0].x + P[0].y; }
}`,
  bindings: ["read", "read_write"],
  params: 3,
  workgroup: 64,
};

const broken: Kernel = { ...affine, name: "broken", key: "broken", wgsl: () => "fn main( {" };

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

test("concurrent reads are one round trip, each of its own words; those after one another are several", async () => {
  const buffers = [7, 8, 9].map((value) => {
    const buffer = device.alloc(4, "test");
    device.write(buffer, 0, Uint32Array.of(value, 0, 0, 0));
    return buffer;
  });
  const before = device.stats.roundTrips;
  const together = await Promise.all(buffers.map((buffer) => device.read(buffer, 0, 1)));
  assert.deepEqual(
    together.map(([word]) => word),
    [7, 8, 9],
  );
  assert.equal(device.stats.roundTrips - before, 1);
  for (const buffer of buffers) await device.read(buffer, 0, 1);
  assert.equal(device.stats.roundTrips - before, 4);
  for (const buffer of buffers) buffer.release();
});

test("commands execute in the order of their recording", async () => {
  const n = 5_000_000;
  const a = device.alloc(n, "a");
  const b = device.alloc(n, "b");
  device.write(
    a,
    0,
    Uint32Array.from({ length: n }, (_, i) => i),
  );
  device.launch({ kernel: affine, bindings: [a, b], params: [3, 1, n], workgroups: Math.ceil(n / 64) });
  device.launch({ kernel: affine, bindings: [b, a], params: [5, 2, n], workgroups: Math.ceil(n / 64) });
  device.clear(a, 10, 2);
  device.copy(a, 0, b, 4, 20);
  const [first, second] = await device.readMany([
    { buffer: a, word: 0, words: n },
    { buffer: b, word: 3, words: 22 },
  ]);
  assert.ok(first !== undefined && second !== undefined);
  for (let i = 0; i < n; i++) {
    const expected = i === 10 || i === 11 ? 0 : ((i * 3 + 1) * 5 + 2) >>> 0;
    if (first[i] !== expected) assert.equal(first[i], expected, `row ${i}`);
  }
  assert.deepEqual([...second], [10, ...first.subarray(0, 20), 73]);
  a.release();
  b.release();
});

test("a released buffer is handed out again, and its handle is dead", async () => {
  const a = device.alloc(1000, "a");
  const used = device.stats.allocatedBytes;
  a.retain();
  a.release();
  a.release();
  assert.ok(device.stats.allocatedBytes < used);
  assert.throws(() => device.clear(a, 0, 1), InternalError);
  assert.throws(() => a.release(), InternalError);
  const pooledBefore = device.stats.pooledBytes;
  const b = device.alloc(1000, "b");
  assert.ok(device.stats.pooledBytes < pooledBefore);
  b.release();
});

test("the memory limit is hard, and unused buffers go before it is refused", async () => {
  const small = await Device.open({ memoryLimit: 1 << 20 });
  const half = small.alloc(1 << 17, "half");
  small.clear(half, 0, half.words);
  assert.throws(() => small.alloc((1 << 17) + 1, "too much"), OutOfDeviceMemoryError);
  half.release();
  assert.equal(small.stats.pooledBytes, 1 << 19);
  const whole = small.allocZeroed(1 << 18, "whole");
  assert.deepEqual([small.stats.allocatedBytes, small.stats.pooledBytes, small.stats.peakBytes], [1 << 20, 0, 1 << 20]);
  assert.deepEqual([...(await small.read(whole, 0, 3))], [0, 0, 0]);
  assert.throws(() => small.alloc(2 ** 40, "huge"), OutOfDeviceMemoryError);
  small.destroy();
});

test("uploads of every size arrive, padded to words", async () => {
  for (const bytes of [0, 1, 3, 4, 1000, 1 << 18, (1 << 18) + 1, (1 << 24) + 5]) {
    const data = Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + (i >> 8)) & 255);
    const words = Math.ceil(bytes / 4);
    const buffer = device.allocZeroed(words + 2, "target");
    device.write(buffer, 1, data);
    const filled = device.alloc(words + 2, "filled");
    await device.uploadFrom(filled, 0, bytes, async (target) => {
      assert.equal(target.byteLength, bytes);
      target.set(data);
    });
    const [written, uploaded] = await device.readMany([
      { buffer, word: 0, words: words + 2 },
      { buffer: filled, word: 0, words },
    ]);
    const expected = new Uint8Array(words * 4 + 8);
    expected.set(data, 4);
    assert.ok(written !== undefined && uploaded !== undefined);
    assert.equal(Buffer.compare(new Uint8Array(written.buffer), expected), 0, `write of ${bytes} bytes`);
    assert.equal(Buffer.compare(new Uint8Array(uploaded.buffer), expected.subarray(4, 4 + words * 4)), 0, `upload of ${bytes} bytes`);
    buffer.release();
    filled.release();
  }
});

test("an upload in pieces arrives wherever recording submits", async () => {
  const n = (3 << 24) / 4 + 5;
  const data = Uint32Array.from({ length: n }, (_, i) => i * 7);
  const buffer = device.alloc(n, "in pieces");
  const other = device.alloc(4, "other");
  for (const before of [11, 12, 13, 14, 15]) {
    await device.idle();
    device.clear(buffer, 0, n);
    for (let i = 1; i < before; i++) device.clear(other, 0, 4);
    device.write(buffer, 0, data);
    assert.ok(Buffer.from(data.buffer).equals(Buffer.from((await device.read(buffer, 0, n)).buffer)), `behind ${before} commands`);
  }
  buffer.release();
  other.release();
});

test("a failed fill is the caller's error and leaves the device well", async () => {
  const buffer = device.allocZeroed(4, "target");
  const failure = device.uploadFrom(buffer, 0, 16, () => Promise.reject(new Error("no such file")));
  await assert.rejects(failure, /no such file/);
  assert.deepEqual([...(await device.read(buffer, 0, 4))], [0, 0, 0, 0]);
  buffer.release();
});

test("many uploads and reads at once", async () => {
  const results = await Promise.all(
    Array.from({ length: 40 }, async (_, k) => {
      const buffer = device.alloc(70_000, `part ${k}`);
      await device.uploadFrom(buffer, 0, 280_000, async (target) => {
        await Promise.resolve();
        target.fill(k);
      });
      const words = await device.read(buffer, 69_000, 1000);
      buffer.release();
      return words.every((word) => word === k * 0x01010101);
    }),
  );
  assert.ok(results.every((right) => right));
});

test("uploads wait for each other beyond the budget of upload memory", async () => {
  const piece = 1 << 24;
  const target = device.alloc(piece / 4, "target");
  const small = device.alloc(4, "small");
  const uploads = Array.from({ length: 40 }, async (_, k) => {
    device.write(small, 0, Uint32Array.of(k));
    await device.uploadFrom(target, 0, piece, async (bytes) => {
      bytes[piece - 1] = 77;
    });
  });
  await Promise.all(uploads);
  const [last] = await device.read(target, piece / 4 - 1, 1);
  assert.equal((last ?? 0) >>> 24, 77);
  target.release();
  small.release();
});

test("more parameters in a batch than the arena holds", async () => {
  const cells = Array.from({ length: 3000 }, () => device.alloc(4, "cell"));
  const source = device.allocZeroed(4, "source");
  for (const [k, cell] of cells.entries()) device.launch({ kernel: affine, bindings: [source, cell], params: [0, k, 1], workgroups: 1 });
  const words = await device.readMany(cells.map((buffer) => ({ buffer, word: 0, words: 1 })));
  assert.ok(words.every((word, k) => word[0] === k));
  for (const buffer of [...cells, source]) buffer.release();
});

test("wrong launches and copies are refused at the call", () => {
  const a = device.alloc(256, "a");
  const b = device.alloc(256, "b");
  assert.throws(() => device.launch({ kernel: affine, bindings: [a], params: [], workgroups: 1 }), InternalError);
  assert.throws(() => device.launch({ kernel: affine, bindings: [a, b], params: [1, 2, 3, 4], workgroups: 1 }), InternalError);
  const window = { buffer: a, offset: 100, size: 4 };
  assert.throws(() => device.launch({ kernel: affine, bindings: [window, b], params: [], workgroups: 1 }), InternalError);
  assert.throws(() => device.copy(a, 250, b, 0, 7), InternalError);
  assert.throws(() => device.copy(a, 0, a, 8, 2), InternalError);
  assert.throws(() => device.write(b, 255, new Uint8Array(5)), InternalError);
  a.release();
  b.release();
});

test("a window of a buffer is bound from its offset", async () => {
  const a = device.alloc(256, "a");
  device.write(
    a,
    0,
    Uint32Array.from({ length: 256 }, (_, i) => i),
  );
  const b = device.allocZeroed(4, "b");
  const window = { buffer: a, offset: 512, size: 16 };
  device.launch({ kernel: affine, bindings: [window, b], params: [1, 0, 4], workgroups: 1 });
  assert.deepEqual([...(await device.read(b, 0, 4))], [128, 129, 130, 131]);
  a.release();
  b.release();
});

test("a kernel that does not compile fails every reader until recovery, by name", async () => {
  const own = await Device.open();
  const a = own.allocZeroed(4, "a");
  const b = own.allocZeroed(4, "b");
  own.launch({ kernel: broken, bindings: [a, b], params: [], workgroups: 1 });
  const isNamed = (error: unknown): boolean => error instanceof DeviceError && /kernel broken.*expected/s.test(error.message);
  await assert.rejects(own.read(b, 0, 1), isNamed);
  await assert.rejects(own.idle(), isNamed);
  own.recover();
  assert.deepEqual([...(await own.read(b, 0, 1))], [0]);
  own.destroy();
});

test("an invalid use of a buffer is a DeviceError of every read from the next one on, until recovery", async () => {
  const own = await Device.open();
  const a = own.allocZeroed(4, "a");
  const b = own.allocZeroed(4, "b");
  const isSame = (error: unknown): boolean => error instanceof DeviceError && /usage/.test(error.message);
  for (let round = 0; round < 3; round++) {
    own.launch({ kernel: affine, bindings: [a, a], params: [1, 1, 1], workgroups: 1 });
    const reads = [own.read(a, 0, 1), own.read(b, 0, 1)];
    for (const read of reads) await assert.rejects(read, isSame);
    await assert.rejects(own.idle(), isSame);
    own.recover();
    own.launch({ kernel: affine, bindings: [a, b], params: [1, round, 1], workgroups: 1 });
    assert.deepEqual([...(await own.read(b, 0, 1))], [round]);
  }
  own.destroy();
});

test("an error has reached the fault when the submission returns that it is of", async () => {
  const own = await Device.open();
  const a = own.allocZeroed(4, "a");
  own.launch({ kernel: affine, bindings: [a, a], params: [1, 1, 1], workgroups: 1 });
  await own.flush();
  assert.ok(own.isFaulty);
  own.destroy();
});

test("allocations leave nothing behind once they are reported", async () => {
  const scopes = { pushErrorScope: () => undefined, popErrorScope: async () => null, createBuffer: () => ({}) };
  const fault = new Fault();
  const heap = async (): Promise<number> => {
    for (let i = 0; i < 50_000; i++) fault.allocate(scopes as unknown as GPUDevice, { size: 4, usage: 0 }, () => undefined);
    await fault.check();
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const first = await heap();
  await heap();
  assert.ok((await heap()) - first < 2 << 20);
});

test("an error outside of any command is a DeviceError of the next read", async () => {
  const own = await Device.open({ limits: "default" });
  own.prepare({ ...affine, name: "too wide", key: "wide", bindings: new Array(20).fill("read") });
  await assert.rejects(own.idle(), /storage buffers/);
  own.destroy();
});

test("a destroyed device refuses everything and rejects what is pending; others live on", async () => {
  const own = await Device.open({ limits: "default" });
  assert.deepEqual([own.limits.storageBuffers, own.limits.bindingBytes, own.limits.invocations], [8, 128 << 20, 256]);
  const a = own.allocZeroed(4, "a");
  const pending = own.read(a, 0, 1);
  own.destroy();
  await assert.rejects(pending, DeviceError);
  await assert.rejects(own.read(a, 0, 1), DeviceError);
  assert.throws(() => own.alloc(4, "b"), DeviceError);
  assert.throws(() => own.clear(a, 0, 1), DeviceError);
  await device.idle();
});

test("adapters by kind and name", async () => {
  await assert.rejects(Device.open({ adapter: "no such adapter" }), DeviceError);
  const again = await Device.open({ adapter: device.adapter.software ? "software" : "hardware" });
  assert.equal(again.adapter.description, device.adapter.description);
  again.destroy();
});

test("the profile counts launches by kernel", async () => {
  const own = await Device.open();
  const a = own.allocZeroed(64, "a");
  const b = own.allocZeroed(64, "b");
  own.profile(true);
  for (let k = 0; k < 5; k++) own.launch({ kernel: affine, bindings: [a, b], params: [1, 1, 64], workgroups: 1 });
  const profile = await own.takeProfile();
  assert.equal(profile.get("affine")?.launches, own.features.timestamps ? 5 : undefined);
  assert.equal((await own.takeProfile()).size, 0);
  own.destroy();
});

test("a process ends by itself once its devices are destroyed", async () => {
  const script = `
    import { Device } from ${JSON.stringify(new URL("../../src/gpu/device.ts", import.meta.url).href)};
    const device = await Device.open();
    const buffer = device.allocZeroed(4, "a");
    await device.read(buffer, 0, 4);
    device.destroy();
    console.log("destroyed");`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module-typescript", "-e", script], { timeout: 20_000 });
  assert.match(stdout, /destroyed/);
});
