/** Channels between coroutines: bound, fan-out, cancelling, failures; every reference is given back exactly once. Gates and turns. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Channel, type Chunk, type Reader, releaseChunk } from "../../../src/executors/coroutine/channel.ts";
import { Gate } from "../../../src/executors/coroutine/gate.ts";
import { Turns } from "../../../src/executors/memory/turns.ts";
import { Part } from "./fake.ts";

const METADATA = { partitions: 8, partitionedBy: null, rows: null };
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Chunks that know whether their part is still referred to. */
function chunks(count: number): readonly (Chunk & { readonly part: Part })[] {
  return Array.from({ length: count }, (_, partition) => {
    const part = new Part(`p${partition}`, 1);
    return { partition, part, parts: [part] };
  });
}

const references = (sent: readonly { readonly part: Part }[]): readonly number[] => sent.map(({ part }) => part.references);

/** Sends one after the other; `sent` counts what was taken. */
function sender(channel: Channel, sent: readonly Chunk[]) {
  const state = { sent: 0, refused: 0 };
  const done = (async () => {
    for (const chunk of sent) {
      if (await channel.send(chunk)) state.sent += 1;
      else state.refused += 1;
    }
  })();
  return { state, done };
}

async function next(reader: Reader): Promise<number | null> {
  const chunk = await reader.next();
  if (chunk === null) return null;
  releaseChunk(chunk);
  return chunk.partition;
}

test("a channel holds as many chunks as its capacity", async () => {
  const channel = new Channel(METADATA, 2);
  const reader = channel.reader();
  const sent = chunks(5);
  const { state, done } = sender(channel, sent);
  await settle();
  assert.deepEqual(state, { sent: 2, refused: 0 });
  assert.equal(await next(reader), 0);
  await settle();
  assert.equal(state.sent, 3);
  for (const partition of [1, 2, 3, 4]) assert.equal(await next(reader), partition);
  await done;
  channel.close();
  assert.equal(await next(reader), null);
  assert.deepEqual(references(sent), [0, 0, 0, 0, 0]);
});

test("a reader that lags behind holds up nobody, and misses nothing", async () => {
  const channel = new Channel(METADATA, 1);
  const [fast, slow] = [channel.reader(), channel.reader()];
  const sent = chunks(6);
  const { state, done } = sender(channel, sent);
  for (let partition = 0; partition < 6; partition++) assert.equal(await next(fast), partition);
  await done;
  assert.equal(state.sent, 6);
  assert.equal(slow.waiting, 6);
  assert.deepEqual(references(sent), [1, 1, 1, 1, 1, 1]);
  channel.close();
  for (let partition = 0; partition < 6; partition++) assert.equal(await next(slow), partition);
  assert.deepEqual([await next(fast), await next(slow)], [null, null]);
  assert.deepEqual(references(sent), [0, 0, 0, 0, 0, 0]);
});

test("a reader that is cancelled gives back what waits for it, and lets the sender go on", async () => {
  const channel = new Channel(METADATA, 1);
  const [one, other] = [channel.reader(), channel.reader()];
  const sent = chunks(4);
  const { state, done } = sender(channel, sent);
  assert.equal(await next(one), 0);
  await settle();
  assert.deepEqual(references(sent), [1, 2, 1, 1]);
  other.cancel();
  assert.deepEqual(references(sent), [0, 1, 1, 1]);
  assert.equal(await next(other), null);
  assert.ok(channel.wanted);
  one.cancel();
  await done;
  assert.ok(!channel.wanted);
  assert.deepEqual(state, { sent: 2, refused: 2 });
  assert.deepEqual(references(sent), [0, 0, 0, 0]);
});

test("a failure reaches every reader at once, and the sender", async () => {
  const channel = new Channel(METADATA, 1);
  const [one, other] = [channel.reader(), channel.reader()];
  const sent = chunks(3);
  const { state, done } = sender(channel, sent);
  assert.equal(await next(one), 0);
  assert.equal(await next(one), 1);
  assert.equal(await next(one), 2);
  await done;
  const waiting = one.next();
  const error = new Error("no more");
  channel.close({ error });
  for (const rejected of [waiting, one.next(), other.next()]) await assert.rejects(rejected, (thrown) => thrown === error);
  const [late] = chunks(1);
  assert.ok(late !== undefined);
  assert.equal(await channel.send(late), false);
  assert.deepEqual([state.sent, late.part.references], [3, 0]);
  channel.drain();
  channel.drain();
  assert.deepEqual(references(sent), [0, 0, 0]);
});

test("a sender that waits is told that the channel was closed", async () => {
  const channel = new Channel(METADATA, 1);
  const reader = channel.reader();
  const sent = chunks(2);
  const { state, done } = sender(channel, sent);
  await settle();
  channel.close({ error: new Error("closed") });
  await done;
  assert.deepEqual(state, { sent: 1, refused: 1 });
  assert.equal(reader.waiting, 1);
  channel.drain();
  assert.deepEqual(references(sent), [0, 0]);
});

test("what nobody reads is given back", async () => {
  const channel = new Channel(METADATA, 1);
  const sent = chunks(1);
  const [chunk] = sent;
  assert.ok(chunk !== undefined);
  assert.equal(await channel.send(chunk), false);
  assert.deepEqual(references(sent), [0]);
});

/** Works that end when they are told to. */
class Works {
  readonly began: string[] = [];
  readonly #ends = new Map<string, () => void>();

  readonly named = (name: string) => async (): Promise<void> => {
    this.began.push(name);
    await new Promise<void>((resolve) => void this.#ends.set(name, resolve));
  };

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await settle();
  }
}

test("a gate lets through in the order of the calls, also behind failures", async () => {
  const gate = new Gate(2);
  const works = new Works();
  const failing = gate.pass(() => Promise.reject(new Error("failed")));
  const passing = ["a", "b", "c"].map((name) => gate.pass(works.named(name)));
  await assert.rejects(failing, /failed/);
  await settle();
  assert.deepEqual(works.began, ["a", "b"]);
  await works.end("b");
  assert.deepEqual(works.began, ["a", "b", "c"]);
  for (const name of ["a", "c"]) await works.end(name);
  await Promise.all(passing);
});

test("who wants to be alone waits for the others, and they for it", async () => {
  const turns = new Turns();
  const works = new Works();
  const [a, b] = [turns.beside(works.named("a")), turns.beside(works.named("b"))];
  const [alone, second] = [turns.alone(works.named("alone")), turns.alone(works.named("second"))];
  const late = turns.beside(works.named("late"));
  await settle();
  assert.deepEqual(works.began, ["a", "b"]);
  await works.end("a");
  assert.deepEqual(works.began, ["a", "b"]);
  await works.end("b");
  assert.deepEqual(works.began, ["a", "b", "alone"]);
  await works.end("alone");
  assert.equal(works.began.length, 4);
  for (const name of ["late", "second", "late"]) await works.end(name);
  await Promise.all([a, b, alone, second, late]);
  assert.deepEqual(works.began.toSorted(), ["a", "alone", "b", "late", "second"]);
  await assert.rejects(
    turns.alone(() => Promise.reject(new Error("failed"))),
    /failed/,
  );
  assert.equal(await turns.beside(async () => 1), 1);
});
