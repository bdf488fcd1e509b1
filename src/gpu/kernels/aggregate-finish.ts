/** Turns the entries of a group accumulator into result columns: one dispatch for each aggregate. */

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

const NULLABLE: ReadonlySet<AggregateKind> = new Set(["min", "max", "mean", "var", "std"]);
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

/** WGSL over one group: its statements set `ok` and `value`; `at(i)` is the first word of the i-th slot of the aggregate. */
interface FinishText {
  /** Everything that decides the text. */
  readonly key: string;
  readonly statements: string;
}

const at = (i: number): string => `entry + P[1].${"xyzw".charAt(i)}`;

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
  ok = n > P[0].w;
  if (ok) {
    ${loads.map((load) => load.statements).join("\n    ")}
    if (agg_wide_negative(&sum)) { agg_wide_negate(&sum); }
    var spread = agg_wide_scale(&squares, n, squares_bottom - 2u * sum_bottom);
    var square = agg_wide_square(&sum);
    agg_wide_subtract(&spread, &square);
    var quotient = AggQuotient(vec2<u32>(0u), 0);
    let unit = squares_unit + 64 * i32(sum_bottom);
    if (!agg_wide_negative(&spread)) { quotient = agg_wide_quotient(&spread, u32_mul_wide(n, n - P[0].w)); }
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

/**
 * One thread for each group.
 *
 *     bindings: state (read): entry of g at g * stride | result (read_write, zeroed where it has bits): [values][validity]
 *     params:   groups, stride, validity offset, ddof | first words of the aggregate's slots in an entry
 */
const finishKernel = (aggregate: Aggregate, text: FinishText, input: Physical, physical: Physical): Kernel => {
  const words = resultWords(physical);
  const type = words === 0 ? "bool" : words === 2 ? "vec2<u32>" : "u32";
  const store = [
    "if (value) { atomicOr(&result[g >> 5u], 1u << (g & 31u)); }",
    "atomicStore(&result[g], value);",
    "atomicStore(&result[2u * g], value.x);\n  atomicStore(&result[2u * g + 1u], value.y);",
  ][words];
  return {
    name: `aggregate-${aggregate.kind.replace("_", "-")}`,
    key: `${input};${text.key}`,
    wgsl: () =>
      link(`
@group(0) @binding(0) var<storage, read> S: array<u32>;
@group(0) @binding(1) var<storage, read_write> result: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 2>;
${text.statements.includes("agg_wide_") ? WIDE : ""}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let g = group_id(wid, nwg) * ${WORKGROUP}u + lid;
  if (g >= P[0].x) { return; }
  let entry = g * P[0].y;
  var ok = true;
  var value: ${type};
  ${text.statements}
  ${store}
  ${NULLABLE.has(aggregate.kind) ? "if (ok) { atomicOr(&result[P[0].z + (g >> 5u)], 1u << (g & 31u)); }" : ""}
}`),
    bindings: ["read", "read_write"],
    params: 8,
    workgroup: WORKGROUP,
  };
};

/** Records the dispatch that makes the result of one aggregate out of the entries at the start of `state`. */
export function finishAggregate(
  device: Device,
  state: DeviceBuffer,
  layout: Layout,
  groups: number,
  aggregate: Aggregate,
  inputs: readonly RowValue[],
): AggregateResult {
  const input = inputs[aggregate.input]?.physical ?? "u32";
  const physical = resultPhysical(aggregate, input);
  const slots = slotsOf(aggregate, inputs).map((slot) => find(layout, slot));
  const values = Math.ceil(Math.ceil(groups * WORDS[storageOfPhysical(physical)]) / 4) * 4;
  const validityOffset = NULLABLE.has(aggregate.kind) ? values : null;
  const bitmap = validityOffset === null ? 0 : Math.ceil(bitmapWords(groups) / 4) * 4;
  const words = Math.max(4, values + bitmap);
  // bits are added to zeros, all else is written
  const hasBits = bitmap > 0 || resultWords(physical) === 0;
  const buffer = hasBits ? device.allocZeroed(words, aggregate.kind) : device.alloc(words, aggregate.kind);
  device.launch({
    kernel: finishKernel(aggregate, textOf(aggregate, slots, input), input, physical),
    bindings: [state, buffer],
    params: [groups, layout.stride, validityOffset ?? 0, aggregate.ddof ?? 1, ...slots.map((slot) => slot.at)],
    workgroups: Math.ceil(groups / WORKGROUP),
  });
  return { physical, buffer, validityOffset };
}
