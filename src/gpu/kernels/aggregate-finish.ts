/** Turns the entries of a group accumulator into result columns: as many aggregates in a dispatch as bindings allow. */

import { InternalError } from "../../errors.ts";
import type { Physical } from "../../ir/dtype.ts";
import { storageOfPhysical, WORDS } from "../../ir/dtype.ts";
import type { DeviceBuffer } from "../buffers.ts";
import { bitmapWords } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import type { RowValue } from "../row-program.ts";
import { link } from "../wgsl/library.ts";
import { type Aggregate, type AggregateKind, find, isWide, type Layout, type Placed, slotsOf } from "./aggregate-slots.ts";
import { binsOf, unitOf } from "./exact-sum.ts";
import { floatOf, INFINITY_BITS, NAN, WIDE } from "./exact-sum-round.ts";

/** One row for each group; the buffer is laid out like a Column's. */
export interface AggregateResult {
  readonly physical: Physical;
  readonly buffer: DeviceBuffer;
  /** First word of the validity bitmap, or null: no row is null. */
  readonly validityOffset: number | null;
}

/** Null without values, or with too few. */
const WITHOUT_VALUES: ReadonlySet<AggregateKind> = new Set(["min", "max", "mean"]);
const WITH_FEW: ReadonlySet<AggregateKind> = new Set(["var", "std"]);
const WORKGROUP = 64;

const resultPhysical = ({ kind }: Aggregate, input: Physical): Physical => {
  switch (kind) {
    case "sum":
      return input === "bool" ? "u32" : input;
    case "min":
    case "max":
      return input;
    case "mean":
    case "var":
    case "std":
      return floatOf(input);
    case "any":
    case "all":
      return "bool";
    default:
      return "u32";
  }
};

/** WGSL over one group: its statements set `ok` and `value`; `at(i)` is the first word of the i-th slot of the aggregate, `ddof` its own. */
interface FinishText {
  /** Everything that decides the text. */
  readonly key: string;
  readonly statements: string;
}

const at = (i: number): string => `entry + slots.${"xyzw".charAt(i)}`;

/** Declares `sum` as a AggWide, and `unit`, the exponent of 2 of its units. */
const loadWide = (slot: Placed, i: number, name: string): FinishText => {
  if (slot.kind === "window") {
    const bins = binsOf(slot.shape);
    return {
      key: `${slot.shape.float}${slot.shape.square ? "^2" : ""}`,
      statements: `var ${name} = agg_wide_window(${at(i)} + 2u, ${bins}u); let ${name}_bottom = S[${at(i)} + 1u]; let ${name}_unit = ${unitOf(slot.shape)};`,
    };
  }
  if (slot.kind !== "integer") throw new InternalError(`a sum out of slot ${slot.kind}`);
  const signed = !slot.square && (slot.physical === "i32" || slot.physical === "i64");
  return {
    key: `${slot.words}${signed ? "s" : "u"}`,
    statements: `var ${name} = agg_wide_integer(${at(i)}, ${slot.words}u, ${signed}); let ${name}_bottom = 0u; let ${name}_unit = 0;`,
  };
};

const kindOf = <K extends Placed["kind"]>(slots: readonly Placed[], kind: K, nth = 0): number => {
  const found = slots.flatMap((slot, i) => (slot.kind === kind ? [i] : []))[nth];
  return found ?? -1;
};

/** A sum or mean: `count` is the divisor. */
const quotientText = (slots: readonly Placed[], float: "f32" | "f64", count: string): FinishText => {
  const sum = Math.max(kindOf(slots, "window"), kindOf(slots, "integer"));
  const slot = slots[sum];
  if (slot === undefined) throw new InternalError("a mean without a sum");
  const flags = kindOf(slots, "flags");
  const load = loadWide(slot, sum, "sum");
  return {
    key: load.key,
    statements: `
  ${load.statements}
  let negative = agg_wide_negative(&sum);
  if (negative) { agg_wide_negate(&sum); }
  let quotient = agg_wide_quotient(&sum, vec2<u32>(${count}, 0u));
  value = agg_quotient_to_${float}(negative, quotient, sum_unit + 32 * i32(sum_bottom));
  ${
    flags < 0
      ? ""
      : `let flags = S[${at(flags)}];
  let sign = select(0u, 0x80000000u, (flags & 4u) != 0u);
  if (flags == 2u || flags == 4u) { value = ${INFINITY_BITS[float]}; } else if (flags != 0u) { value = ${NAN[float]}; }`
  }`,
  };
};

/** (n squares - sum^2) / (n (n - ddof)) in integers, rounded once. */
const varianceText = (slots: readonly Placed[], float: "f32" | "f64", root: boolean): FinishText => {
  const kind = kindOf(slots, "window") >= 0 ? "window" : "integer";
  const [first, second] = [kindOf(slots, kind, 0), kindOf(slots, kind, 1)];
  const [sum, squares] = [slots[first], slots[second]];
  if (sum === undefined || squares === undefined) throw new InternalError("a variance without its sums");
  const flags = kindOf(slots, "flags");
  const loads = [loadWide(sum, first, "sum"), loadWide(squares, second, "squares")];
  return {
    key: loads.map((load) => load.key).join(),
    statements: `
  let n = S[${at(0)}];
  ok = n > ddof;
  if (ok) {
    ${loads.map((load) => load.statements).join("\n    ")}
    if (agg_wide_negative(&sum)) { agg_wide_negate(&sum); }
    var spread = agg_wide_scale(&squares, n, squares_bottom - 2u * sum_bottom);
    var square = agg_wide_square(&sum);
    agg_wide_subtract(&spread, &square);
    var quotient = AggQuotient(vec2<u32>(0u), 0);
    let unit = squares_unit + 64 * i32(sum_bottom);
    if (!agg_wide_negative(&spread)) { quotient = agg_wide_quotient(&spread, u32_mul_wide(n, n - ddof)); }
    ${
      root
        ? `if (any(quotient.m != vec2<u32>(0u))) { quotient = agg_quotient_root(AggQuotient(quotient.m, quotient.x + unit)); }
    value = agg_quotient_to_${float}(false, quotient, 0);`
        : `value = agg_quotient_to_${float}(false, quotient, unit);`
    }
    ${flags < 0 ? "" : `if (S[${at(flags)}] != 0u) { value = ${NAN[float]}; }`}
  }`,
  };
};

const extremeText = (slots: readonly Placed[], physical: Physical, minimum: boolean): FinishText => {
  const key = isWide(physical) ? `vec2<u32>(S[${at(1)} + 2u], S[${at(1)} + 1u])` : `S[${at(1)}]`;
  const ordered = minimum ? `~(${key})` : key;
  const decoded = ((): string => {
    switch (physical) {
      case "bool":
        return `let key = ${ordered};\n  value = (key & 1u) != 0u;`;
      case "i32":
        return `value = (${ordered}) ^ 0x80000000u;`;
      case "i64":
        return `value = (${ordered}) ^ vec2<u32>(0u, 0x80000000u);`;
      case "f32":
        return `let key = ${ordered};
  value = select(select(~key, key ^ 0x80000000u, (key >> 31u) != 0u), ${NAN.f32}, ${key} == 0u);`;
      case "f64":
        return `let key = ${ordered};
  value = select(select(~key, key ^ vec2<u32>(0u, 0x80000000u), (key.y >> 31u) != 0u), ${NAN.f64}, all(${key} == vec2<u32>(0u)));`;
      default:
        return `value = ${ordered};`;
    }
  })();
  return { key: `${slots[1]?.nullable}`, statements: `ok = S[${at(0)}] != 0u;\n  ${decoded}` };
};

const textOf = (aggregate: Aggregate, slots: readonly Placed[], input: Physical): FinishText => {
  const plain = (statements: string): FinishText => ({ key: "", statements });
  switch (aggregate.kind) {
    case "len":
    case "count":
      return plain(`value = S[${at(0)}];`);
    case "null_count":
      return plain(`value = S[${at(0)}] - S[${at(1)}];`);
    case "first_row":
      return plain(`value = ~S[${at(0)}];`);
    case "last_row":
      return plain(`value = S[${at(0)}] - 1u;`);
    case "any":
      return plain(`value = (S[${at(0)}] & 1u) != 0u;`);
    case "all":
      return plain(`value = (S[${at(0)}] & 2u) == 0u;`);
    case "sum":
      if (input === "f32" || input === "f64") return quotientText(slots, input, "1u");
      return plain(isWide(input) ? `value = vec2<u32>(S[${at(0)}], S[${at(0)} + 1u]);` : `value = S[${at(0)}];`);
    case "mean": {
      const quotient = quotientText(slots, floatOf(input), `max(S[${at(0)}], 1u)`);
      return { ...quotient, statements: `ok = S[${at(0)}] != 0u;${quotient.statements}` };
    }
    case "var":
    case "std":
      return varianceText(slots, floatOf(input), aggregate.kind === "std");
    case "min":
    case "max":
      return extremeText(slots, input, aggregate.kind === "min");
  }
};

/** 0 for a bool, whose result is a bitmap. */
const resultWords = (physical: Physical): number => Math.floor(WORDS[storageOfPhysical(physical)]);

/** An aggregate that a kernel finishes. */
interface Finishing {
  readonly aggregate: Aggregate;
  readonly slots: readonly Placed[];
  readonly physical: Physical;
  readonly nullable: boolean;
  readonly text: FinishText;
  /** Everything that decides its WGSL but for where the result goes. */
  readonly key: string;
}

const finishingOf = (layout: Layout, aggregate: Aggregate, inputs: readonly RowValue[], filled: boolean): Finishing => {
  const { kind } = aggregate;
  const value = inputs[aggregate.input];
  const input = value?.physical ?? "u32";
  const slots = slotsOf(aggregate, inputs).map((slot) => find(layout, slot));
  const nullable = WITH_FEW.has(kind) || (WITHOUT_VALUES.has(kind) && !(filled && value?.nullable === false));
  const text = textOf(aggregate, slots, input);
  return {
    aggregate,
    slots,
    physical: resultPhysical(aggregate, input),
    nullable,
    text,
    key: `${kind}${nullable ? "?" : ""}(${input};${text.key})`,
  };
};

/**
 * A workgroup for 64 groups and one aggregate, a thread for each group: two words of every bitmap belong to the workgroup. The text of
 * aggregates that differ only in their slots is there once.
 *
 *     bindings: state (read): entry of g at g * stride | the results (read_write): [values][validity]
 *     params:   groups, stride | of each aggregate: validity offset, ddof, 0, 0 | first words of its slots in an entry
 */
const finishKernel = (finishings: readonly Finishing[]): Kernel => {
  const texts = new Map<string, { readonly finishing: Finishing; readonly results: number[] }>();
  for (const [k, finishing] of finishings.entries()) {
    const same = texts.get(finishing.key);
    if (same === undefined) texts.set(finishing.key, { finishing, results: [k] });
    else same.results.push(k);
  }
  const wgsl = (): string => {
    const cases = [...texts.values()].map(({ finishing, results }) => ({ results, text: finishCase(finishing, results) }));
    return link(`
@group(0) @binding(0) var<storage, read> S: array<u32>;
${finishings.map((_, k) => `@group(0) @binding(${k + 1}) var<storage, read_write> result${k}: array<u32>;`).join("\n")}
@group(0) @binding(${finishings.length + 1}) var<uniform> P: array<vec4<u32>, ${1 + 2 * finishings.length}>;
var<workgroup> bits: array<atomic<u32>, 4>;
${finishings.some(({ text }) => text.statements.includes("agg_wide_")) ? WIDE : ""}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let number = group_id(wid, nwg);
  let which = number % ${finishings.length}u;
  let g = number / ${finishings.length}u * ${WORKGROUP}u + lid;
  let inside = g < P[0].x;
  let entry = g * P[0].y;
  let validity = P[1u + 2u * which].x;
  let ddof = P[1u + 2u * which].y;
  let slots = P[2u + 2u * which];
  let word = (g - lid) / 32u + lid;
  let has_word = lid < 2u && word * 32u < P[0].x;
  ${switchOf("which", cases)}
}`);
  };
  return {
    name: "aggregate-finish",
    key: finishings.map(({ key }) => key).join(),
    wgsl,
    bindings: ["read", ...finishings.map(() => "read_write" as const)],
    params: 4 + 8 * finishings.length,
    workgroup: WORKGROUP,
  };
};

/** The last of the cases is the default. */
const switchOf = (
  selector: string,
  cases: readonly { readonly results: readonly number[]; readonly text: string }[],
): string => `switch (${selector}) {
  ${cases.map(({ results, text }, i) => `${i === cases.length - 1 ? "default" : `case ${results.map((k) => `${k}u`).join(", ")}:`} {\n  ${text}\n  }`).join("\n  ")}
  }`;

/** Finishes one of several aggregates that have the same text. */
const finishCase = ({ physical, nullable, text }: Finishing, results: readonly number[]): string => {
  const words = resultWords(physical);
  const bit = "1u << (lid & 31u)";
  const stores = results.map((k) => {
    const values = [
      `if (has_word) { result${k}[word] = atomicLoad(&bits[lid]); }`,
      `if (inside) { result${k}[g] = value; }`,
      `if (inside) { result${k}[2u * g] = value.x; result${k}[2u * g + 1u] = value.y; }`,
    ][words];
    const valid = nullable ? ` if (has_word) { result${k}[validity + word] = atomicLoad(&bits[2u + lid]); }` : "";
    return { results: [k], text: `${values}${valid}` };
  });
  return `var ok = true;
  var value: ${words === 0 ? "bool" : words === 2 ? "vec2<u32>" : "u32"};
  if (inside) {
    ${text.statements}
    ${words === 0 ? `if (value) { atomicOr(&bits[lid >> 5u], ${bit}); }` : ""}
    ${nullable ? `if (ok) { atomicOr(&bits[2u + (lid >> 5u)], ${bit}); }` : ""}
  }
  workgroupBarrier();
  ${switchOf("which", stores)}`;
};

/**
 * Records what makes the results of aggregates out of the entries at the start of `state`; in the order of the aggregates, owned by the caller.
 * `filled`: every group has rows, so that those of an input without nulls have values.
 */
export function finishAggregates(
  device: Device,
  state: DeviceBuffer,
  layout: Layout,
  groups: number,
  aggregates: readonly Aggregate[],
  inputs: readonly RowValue[],
  filled: boolean,
): readonly AggregateResult[] {
  const finishings = aggregates.map((aggregate) => finishingOf(layout, aggregate, inputs, filled));
  const results = finishings.map(({ aggregate, physical, nullable }): AggregateResult => {
    const values = Math.ceil(Math.ceil(groups * WORDS[storageOfPhysical(physical)]) / 4) * 4;
    const validityOffset = nullable ? values : null;
    const bitmap = validityOffset === null ? 0 : Math.ceil(bitmapWords(groups) / 4) * 4;
    return { physical, buffer: device.alloc(Math.max(4, values + bitmap), aggregate.kind), validityOffset };
  });
  const share = device.limits.storageBuffers - 1;
  for (let at = 0; at < finishings.length; at += share) {
    const part = finishings.slice(at, at + share);
    const own = results.slice(at, at + share);
    const paramsOf = ({ aggregate, slots }: Finishing, k: number): readonly number[] => {
      const firsts = Array.from({ length: 4 }, (_, i) => slots[i]?.at ?? 0);
      return [own[k]?.validityOffset ?? 0, aggregate.ddof ?? 1, 0, 0, ...firsts];
    };
    device.launch({
      kernel: finishKernel(part),
      bindings: [state, ...own.map(({ buffer }) => buffer)],
      params: [groups, layout.stride, 0, 0, ...part.flatMap(paramsOf)],
      workgroups: Math.ceil(groups / WORKGROUP) * part.length,
    });
  }
  return results;
}
