/** WGSL of what aggregation does with one slot: fold a row into registers, raise and add rows or whole entries in memory, realign. */

import { type IntegerPhysical, isWide, type Placed, readBy } from "./aggregate-slots.ts";
import { binsOf, chunksOf, windowName } from "./exact-sum.ts";

/** Where an entry lives: `S` is the state in device memory, `W` workgroup memory; both are arrays of atomic words. */
export type Memory = "S" | "W";

/**
 * Text over one slot. In scope: for rows `v0 v1 ..` (the program's outputs), `number` (global row number); for memory `at` (first word of
 * the entry) and `raised` (set when a pending word of an entry that is not empty was raised); registers are `r0 r1 ..`, one for each word of an entry.
 */
export interface SlotText {
  /** Declares registers that are not words of the entry. */
  readonly scratch?: string;
  /** Adds the row to the registers. */
  readonly fold: string;
  /** Makes the registers an entry, after the last row. */
  readonly settle?: string;
  /** Raises the pending words of the entry by the row; where `empty`, nothing was added to the entry yet, and it fits them at once. */
  readonly raise?: (memory: Memory, empty: boolean) => string;
  /** Adds the row to the entry, whose pending words have been raised and realigned. */
  readonly add: (memory: Memory) => string;
  /** The same two for a whole other entry, whose word i is `word(i)`. */
  readonly raiseEntry?: (memory: Memory, word: (i: number) => string, empty: boolean) => string;
  readonly addEntry: (memory: Memory, word: (i: number) => string) => string;
  /** Makes the entry fit its pending words; `nwg` is in scope. */
  readonly realign?: (memory: Memory) => string;
}

export const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

/** `body` for rows whose input is not null. */
const guarded = (slot: Placed, body: string): string => (slot.nullable ? `if (v${readBy(slot)}.ok) { ${body} }` : `{ ${body} }`);

const counterText = (slot: Placed): SlotText => ({
  fold: guarded(slot, `r${slot.at}++;`),
  add: (m) => guarded(slot, `atomicAdd(&${m}[at + ${slot.at}u], 1u);`),
  addEntry: (m, word) => `if (${word(0)} != 0u) { atomicAdd(&${m}[at + ${slot.at}u], ${word(0)}); }`,
});

const flagsText = (slot: Placed & { readonly kind: "flags" }): SlotText => {
  const flags = `agg_${slot.physical}_flags(v${slot.input}.v)`;
  const or = (m: Memory, value: string): string =>
    `{ let f = ${value}; if ((f & ~atomicLoad(&${m}[at + ${slot.at}u])) != 0u) { atomicOr(&${m}[at + ${slot.at}u], f); } }`;
  return {
    fold: guarded(slot, `r${slot.at} |= ${flags};`),
    add: (m) => guarded(slot, slot.physical === "bool" ? or(m, flags) : `if (${flags} != 0u) ${or(m, flags)}`),
    addEntry: (m, word) => or(m, word(0)),
  };
};

/** A slot of one word that keeps the largest key. */
const largestText = (slot: Placed, key: string): SlotText => {
  const max = (m: Memory, value: string): string =>
    `{ let k = ${value}; if (k > atomicLoad(&${m}[at + ${slot.at}u])) { atomicMax(&${m}[at + ${slot.at}u], k); } }`;
  return {
    fold: guarded(slot, `r${slot.at} = max(r${slot.at}, ${key});`),
    add: (m) => guarded(slot, max(m, key)),
    addEntry: (m, word) => max(m, word(0)),
  };
};

const extremeKey = (slot: Placed & { readonly kind: "extreme" }): string => {
  const v = `v${slot.input}.v`;
  const flip = slot.minimum ? "0xffffffffu" : "0u";
  const flipped = (key: string): string => (slot.minimum ? `~(${key})` : `(${key})`);
  switch (slot.physical) {
    case "f32":
    case "f64":
      return `agg_${slot.physical}_key(${v}, ${flip})`;
    case "i32":
      return flipped(`bitcast<u32>(${v}) ^ 0x80000000u`);
    case "bool":
      return flipped(`u32(${v})`);
    case "i64":
      return flipped(`${v} ^ vec2<u32>(0u, 0x80000000u)`);
    default:
      return flipped(v);
  }
};

/** A slot [pending high][high][low] that keeps the largest 64-bit key: the low word counts only beside the winning high word. */
const largestWideText = (slot: Placed, key: string): SlotText => {
  const [pending, high, low] = [slot.at, slot.at + 1, slot.at + 2];
  const raise = (m: Memory, value: string, empty: boolean): string => {
    const fit = empty ? `atomicMax(&${m}[at + ${high}u], h);` : "raised = true;";
    return `{ let h = ${value}; if (h > atomicLoad(&${m}[at + ${pending}u])) { atomicMax(&${m}[at + ${pending}u], h); ${fit} } }`;
  };
  const add = (m: Memory, h: string, l: string): string =>
    `if (${h} == atomicLoad(&${m}[at + ${high}u]) && ${l} > atomicLoad(&${m}[at + ${low}u])) { atomicMax(&${m}[at + ${low}u], ${l}); }`;
  return {
    fold: guarded(slot, `let k = ${key}; if (k.y > r${high} || (k.y == r${high} && k.x > r${low})) { r${high} = k.y; r${low} = k.x; }`),
    raise: (m, empty) => guarded(slot, raise(m, `${key}.y`, empty)),
    add: (m) => guarded(slot, `let k = ${key}; ${add(m, "k.y", "k.x")}`),
    raiseEntry: (m, word, empty) => raise(m, word(1), empty),
    addEntry: (m, word) => `{ let h = ${word(1)}; let l = ${word(2)}; ${add(m, "h", "l")} }`,
    realign: (m) => `if (atomicLoad(&${m}[at + ${pending}u]) > atomicLoad(&${m}[at + ${high}u])) {
      atomicStore(&${m}[at + ${high}u], atomicLoad(&${m}[at + ${pending}u]));
      atomicStore(&${m}[at + ${low}u], 0u);
    }`,
  };
};

/** Lines that declare c0, c1 .. as the two's complement words of a value or of its square. */
const integerWords = (v: string, physical: IntegerPhysical, square: boolean, words: number): string => {
  const declare = (known: readonly string[], rest: string): string =>
    range(words)
      .map((i) => `let c${i} = ${known[i] ?? rest};`)
      .join(" ");
  if (square)
    switch (physical) {
      case "i64":
        return `let m = select(${v}, u64_neg(${v}), (${v}.y >> 31u) != 0u); let q = agg_square64(m); ${declare(["q.x", "q.y", "q.z", "q.w"], "0u")}`;
      case "u64":
        return `let q = agg_square64(${v}); ${declare(["q.x", "q.y", "q.z", "q.w"], "0u")}`;
      case "i32":
        return `let m = bitcast<u32>(abs(${v})); let q = u32_mul_wide(m, m); ${declare(["q.x", "q.y"], "0u")}`;
      default:
        return `let m = u32(${v}); let q = u32_mul_wide(m, m); ${declare(["q.x", "q.y"], "0u")}`;
    }
  switch (physical) {
    case "i64":
      return declare([`${v}.x`, `${v}.y`], `0u - (${v}.y >> 31u)`);
    case "u64":
      return declare([`${v}.x`, `${v}.y`], "0u");
    case "i32":
      return declare([`bitcast<u32>(${v})`], `bitcast<u32>(${v} >> 31u)`);
    default:
      return declare([`u32(${v})`], "0u");
  }
};

const integerText = (slot: Placed & { readonly kind: "integer" }): SlotText => {
  const words = integerWords(`v${slot.input}.v`, slot.physical, slot.square, slot.words);
  const inRegisters = range(slot.words).map((i) => {
    const r = `r${slot.at + i}`;
    return `{ let t = c${i} + carry; carry = u32(t < carry); ${r} += t; carry += u32(${r} < t); }`;
  });
  const inMemory = (m: Memory): string =>
    range(slot.words)
      .map(
        (i) =>
          `{ let t = c${i} + carry; carry = u32(t < carry); if (t != 0u) { carry += u32(atomicAdd(&${m}[at + ${slot.at + i}u], t) + t < t); } }`,
      )
      .join("\n    ");
  return {
    fold: guarded(slot, `${words} var carry = 0u; ${inRegisters.join(" ")}`),
    add: (m) => guarded(slot, `${words} var carry = 0u;\n    ${inMemory(m)}`),
    addEntry: (m, word) =>
      `{ ${range(slot.words)
        .map((i) => `let c${i} = ${word(i)};`)
        .join(" ")} var carry = 0u;\n    ${inMemory(m)} }`,
  };
};

/**
 * Registers: adding a negative value adds the complements of its words, sign-extended, to every bin; the ones that are missing for the
 * two's complement are counted in `negatives` and added to every bin at the end.
 */
const windowText = (slot: Placed & { readonly kind: "window" }): SlotText => {
  const bins = binsOf(slot.shape);
  const chunks = chunksOf(slot.shape);
  const name = windowName(slot.shape);
  const [pending, bottom, first] = [slot.at, slot.at + 1, slot.at + 2];
  const signed = !slot.shape.square;
  const negatives = `negatives${slot.at}`;
  const low = (k: number): string => `r${first + 2 * k}`;
  const high = (k: number): string => `r${first + 2 * k + 1}`;
  const emptyBin = signed ? [`0u - ${negatives}`, `0u - u32(${negatives} != 0u)`] : ["0u", "0u"];
  const shift = range(bins)
    .map((k) =>
      k < bins - 1 ? `${low(k)} = ${low(k + 1)}; ${high(k)} = ${high(k + 1)};` : `${low(k)} = ${emptyBin[0]}; ${high(k)} = ${emptyBin[1]};`,
    )
    .join(" ");
  const intoBin = (k: number): string => {
    const chosen = range(chunks).reduce((rest, i) => `select(${rest}, x${i}, t == ${k - i})`, signed ? "c.sign" : "0u");
    return `{ let y = ${chosen}; ${low(k)} += y; ${high(k)} += ${signed ? "c.sign + " : ""}u32(${low(k)} < y); }`;
  };
  const finite = (body: string): string => guarded(slot, `let x = v${slot.input}.v; if (${name}_finite(x)) { ${body} }`);
  const raise = (m: Memory, value: string, empty: boolean): string => {
    const fit = empty ? `atomicMax(&${m}[at + ${bottom}u], b);` : "raised = true;";
    return `let b = ${value}; if (b > atomicLoad(&${m}[at + ${pending}u])) { atomicMax(&${m}[at + ${pending}u], b); ${fit} }`;
  };
  return {
    ...(signed ? { scratch: `var ${negatives} = 0u;` } : {}),
    fold: finite(`
      let b = ${name}_bottom(x);
      if (b > r${bottom}) {
        for (var i = min(b - r${bottom}, ${bins}u); i > 0u; i--) { ${shift} }
        r${bottom} = b;
      }
      let c = ${name}_place(x);
      let t = i32(c.bin) - i32(r${bottom});
      ${range(chunks)
        .map((i) => `let x${i} = c.c${i}${signed ? " ^ c.sign" : ""};`)
        .join(" ")}
      ${range(bins).map(intoBin).join("\n      ")}
      ${signed ? `${negatives} += c.sign & 1u;` : ""}
    `),
    settle: signed
      ? range(bins)
          .map((k) => `${low(k)} += ${negatives}; ${high(k)} += u32(${low(k)} < ${negatives});`)
          .join("\n  ")
      : "",
    raise: (m, empty) => finite(raise(m, `${name}_bottom(x)`, empty)),
    add: (m) =>
      finite(`
      let c = ${name}_place(x);
      let t = i32(c.bin) - i32(atomicLoad(&${m}[at + ${bottom}u]));
      ${range(chunks)
        .map((i) => `${m}_chunk(at + ${first}u, t${i > 0 ? ` + ${i}` : ""}, ${bins}, c.c${i}, c.sign);`)
        .join("\n      ")}
    `),
    raiseEntry: (m, word, empty) => `{ ${raise(m, word(1), empty)} }`,
    addEntry: (m, word) => `{ let down = i32(atomicLoad(&${m}[at + ${bottom}u])) - i32(${word(1)});
      ${range(bins)
        .map((k) => `if (down <= ${k}) { ${m}_add64(at + ${first + 2 * k}u - 2u * u32(down), ${word(2 + 2 * k)}, ${word(3 + 2 * k)}); }`)
        .join("\n      ")} }`,
    realign: (m) => `${m}_shift(at + ${pending}u, rolled(${bins}u, nwg));`,
  };
};

/** The text of any slot. */
export const textOf = (slot: Placed): SlotText => {
  switch (slot.kind) {
    case "rows":
    case "valid":
      return counterText(slot);
    case "flags":
      return flagsText(slot);
    case "row":
      return largestText(slot, slot.last ? "number + 1u" : "~number");
    case "extreme":
      return isWide(slot.physical) ? largestWideText(slot, extremeKey(slot)) : largestText(slot, extremeKey(slot));
    case "integer":
      return integerText(slot);
    case "window":
      return windowText(slot);
  }
};
