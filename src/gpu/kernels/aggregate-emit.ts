/** WGSL over all slots of an entry, and the functions that it calls: what the templates of the aggregation kernels are filled with. */

import { type Memory, range, textOf } from "./aggregate-slot-text.ts";
import type { Layout, Placed } from "./aggregate-slots.ts";
import { windowName, windowWgsl } from "./exact-sum.ts";

/** Functions that the texts use, for each memory and all windows of the layout. */
export function supportWgsl(layout: Layout, memories: readonly Memory[]): string {
  const shapes = new Map(layout.slots.flatMap((slot) => (slot.kind === "window" ? [[windowName(slot.shape), slot.shape] as const] : [])));
  const perMemory = memories.map(
    (m) => `
fn ${m}_add64(at: u32, low: u32, high: u32) {
  var carried = high;
  if (low != 0u) { carried += u32(atomicAdd(&${m}[at], low) + low < low); }
  if (carried != 0u) { atomicAdd(&${m}[at + 1u], carried); }
}
fn ${m}_chunk(bins: u32, bin: i32, count: i32, chunk: u32, sign: u32) {
  if (chunk == 0u || bin < 0 || bin >= count) { return; }
  ${m}_add64(bins + 2u * u32(bin), (chunk ^ sign) - sign, sign);
}
fn ${m}_shift(at: u32, count: u32) {
  let next = atomicLoad(&${m}[at]);
  let bottom = atomicLoad(&${m}[at + 1u]);
  if (next <= bottom) { return; }
  for (var k = 0u; k < count; k++) {
    let source = k + (next - bottom);
    var low = 0u;
    var high = 0u;
    if (source < count) { low = atomicLoad(&${m}[at + 2u + 2u * source]); high = atomicLoad(&${m}[at + 3u + 2u * source]); }
    atomicStore(&${m}[at + 2u + 2u * k], low);
    atomicStore(&${m}[at + 3u + 2u * k], high);
  }
  atomicStore(&${m}[at + 1u], next);
}`,
  );
  return [KEYS, ...[...shapes.values()].map(windowWgsl), ...perMemory].join("\n");
}

/** Order-preserving keys of floats, or their complements where flip is all ones; NaN is 0, -0 is below 0. */
const KEYS = `
fn agg_f32_key(x: u32, flip: u32) -> u32 {
  let key = select(x | 0x80000000u, ~x, (x >> 31u) != 0u) ^ flip;
  return select(key, 0u, (x & 0x7fffffffu) > 0x7f800000u);
}
fn agg_f64_key(x: vec2<u32>, flip: u32) -> vec2<u32> {
  let key = select(vec2<u32>(x.x, x.y | 0x80000000u), ~x, (x.y >> 31u) != 0u) ^ vec2<u32>(flip);
  return select(key, vec2<u32>(0u), ((x.y & 0x7fffffffu) | u32(x.x != 0u)) > 0x7ff00000u);
}
fn agg_f32_flags(x: u32) -> u32 {
  if ((x & 0x7f800000u) != 0x7f800000u) { return 0u; }
  return select(select(2u, 4u, (x >> 31u) != 0u), 1u, (x & 0x7fffffu) != 0u);
}
fn agg_f64_flags(x: vec2<u32>) -> u32 {
  if ((x.y & 0x7ff00000u) != 0x7ff00000u) { return 0u; }
  return select(select(2u, 4u, (x.y >> 31u) != 0u), 1u, ((x.y & 0xfffffu) | x.x) != 0u);
}
fn agg_bool_flags(x: bool) -> u32 { return select(2u, 1u, x); }
fn agg_square64(m: vec2<u32>) -> vec4<u32> { return u64_mul_wide(m, m); }`;

const lines = (texts: readonly (string | undefined)[], indent: string): string =>
  texts.filter((text) => text !== undefined && text !== "").join(`\n${indent}`);

/** The texts of all slots of a layout, joined. */
export const emission = (layout: Layout) => {
  const texts = layout.slots.map((slot) => ({ slot, text: textOf(slot) }));
  const offset = (slot: Placed, word: (i: number) => string) => (i: number) => word(slot.at + i);
  return {
    registers: lines([...range(layout.stride).map((i) => `var r${i} = 0u;`), ...texts.map(({ text }) => text.scratch)], "  "),
    fold: lines(
      texts.map(({ text }) => text.fold),
      "    ",
    ),
    settle: lines(
      texts.map(({ text }) => text.settle),
      "  ",
    ),
    raise: (m: Memory, empty: boolean): string =>
      lines(
        texts.map(({ text }) => text.raise?.(m, empty)),
        "    ",
      ),
    add: (m: Memory): string =>
      lines(
        texts.map(({ text }) => text.add(m)),
        "    ",
      ),
    raiseEntry: (m: Memory, word: (i: number) => string, empty: boolean): string =>
      lines(
        texts.map(({ slot, text }) => text.raiseEntry?.(m, offset(slot, word), empty)),
        "    ",
      ),
    addEntry: (m: Memory, word: (i: number) => string): string =>
      lines(
        texts.map(({ slot, text }) => text.addEntry(m, offset(slot, word))),
        "    ",
      ),
    realign: (m: Memory): string =>
      lines(
        texts.map(({ text }) => text.realign?.(m)),
        "    ",
      ),
  };
};
