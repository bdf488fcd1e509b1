/** What a group accumulator keeps for each group: the slots that its aggregates need, shared where they can be, and their layout. */

import { InternalError } from "../../errors.ts";
import type { Physical } from "../../ir/dtype.ts";
import type { RowValue } from "../row-program.ts";
import { binsOf, type WindowShape } from "./exact-sum.ts";

export type AggregateKind =
  | "len"
  | "count"
  | "null_count"
  | "sum"
  | "min"
  | "max"
  | "mean"
  | "var"
  | "std"
  | "first_row"
  | "last_row"
  | "any"
  | "all";

export interface Aggregate {
  readonly kind: AggregateKind;
  /** Output of the row program; -1 for len. first_row and last_row with an input are about its rows that are not null, with -1 about all. */
  readonly input: number;
  /** Only for var and std; default 1. */
  readonly ddof?: number;
}

/**
 * State of a group, in words; all of it starts as 0.
 *
 *     rows     [n]                    rows that take part
 *     valid    [n]                    of those, the ones whose input is not null
 *     flags    [bits]                 floats: 1 saw NaN, 2 saw +inf, 4 saw -inf; bool: 1 saw true, 2 saw false
 *     extreme  [key] or [pending high][high][low]   the largest order-preserving key (for a minimum: of the complements); 0 is NaN for floats
 *     row      [key]                  last: largest row + 1, first: largest complement of a row
 *     integer  [w0]..[wn-1]           two's complement sum of the values or of their squares
 *     window   [pending bottom][bottom][bin 0: low, high]..   see exact-sum.ts
 *
 * Pending words are raised first; `realign` then makes the slot fit them (dropping what they outdo) before values are added.
 */
export type Slot =
  | { readonly kind: "rows" }
  | { readonly kind: "valid"; readonly input: number }
  | { readonly kind: "flags"; readonly input: number; readonly physical: "f32" | "f64" | "bool" }
  | { readonly kind: "extreme"; readonly input: number; readonly physical: Physical; readonly minimum: boolean }
  | { readonly kind: "row"; readonly last: boolean; readonly input?: number }
  | {
      readonly kind: "integer";
      readonly input: number;
      readonly physical: IntegerPhysical;
      readonly square: boolean;
      readonly words: number;
    }
  | { readonly kind: "window"; readonly input: number; readonly shape: WindowShape };

export type IntegerPhysical = "bool" | "i32" | "u32" | "i64" | "u64";

export type Placed<S extends Slot = Slot> = S & { readonly at: number; readonly nullable: boolean };

/** The slots of one accumulator. `stride`: words of a group's entry; an entry is contiguous. */
export interface Layout {
  readonly slots: readonly Placed[];
  readonly stride: number;
  /** Whether any slot has a pending word. */
  readonly pending: boolean;
  /** Outputs of the row program that the slots read, ascending. */
  readonly inputs: readonly number[];
  /** Everything that decides the slots, as text. */
  readonly key: string;
}

export const isWide = (physical: Physical): boolean => physical === "i64" || physical === "u64" || physical === "f64";

export const wordsOf = (slot: Slot): number => {
  switch (slot.kind) {
    case "extreme":
      return isWide(slot.physical) ? 3 : 1;
    case "integer":
      return slot.words;
    case "window":
      return 2 + 2 * binsOf(slot.shape);
    default:
      return 1;
  }
};

export const hasPending = (slot: Slot): boolean => slot.kind === "window" || (slot.kind === "extreme" && isWide(slot.physical));

const inputOf = (aggregate: Aggregate, inputs: readonly RowValue[]): RowValue => {
  const input = inputs[aggregate.input];
  if (input === undefined)
    throw new InternalError(`aggregate ${aggregate.kind} of output ${aggregate.input}, the program has ${inputs.length}`);
  return input;
};

/** Non-null values of an input: every row's, where it cannot be null. */
const validSlot = (input: number, value: RowValue): Slot => (value.nullable ? { kind: "valid", input } : { kind: "rows" });

/** Words that hold n < 2^32 values, or squares, of the type without wrapping. */
const exactWords = (physical: IntegerPhysical, square: boolean): number =>
  physical === "i64" || physical === "u64" ? (square ? 5 : 3) : square ? 3 : 2;

const sumSlot = (input: number, { physical }: RowValue, square: boolean, wrapping: boolean): Slot => {
  switch (physical) {
    case "f32":
    case "f64":
      return { kind: "window", input, shape: { float: physical, square } };
    case "code":
      throw new InternalError("a sum of codes");
    default:
      return { kind: "integer", input, physical, square, words: wrapping ? (isWide(physical) ? 2 : 1) : exactWords(physical, square) };
  }
};

/** What a float sum needs besides. */
const flagSlots = (input: number, { physical }: RowValue): readonly Slot[] =>
  physical === "f32" || physical === "f64" ? [{ kind: "flags", input, physical }] : [];

/** The slots that one aggregate reads when it is finished. @throws InternalError for an input of the wrong type. */
export function slotsOf(aggregate: Aggregate, inputs: readonly RowValue[]): readonly Slot[] {
  const { kind, input } = aggregate;
  if (kind === "len") return [{ kind: "rows" }];
  if (kind === "first_row" || kind === "last_row") return [{ kind: "row", last: kind === "last_row", ...(input < 0 ? {} : { input }) }];
  const value = inputOf(aggregate, inputs);
  const valid = validSlot(input, value);
  switch (kind) {
    case "count":
      return [valid];
    case "null_count":
      return [{ kind: "rows" }, valid];
    case "sum":
      return [sumSlot(input, value, false, true), ...flagSlots(input, value)];
    case "mean":
      return [valid, sumSlot(input, value, false, false), ...flagSlots(input, value)];
    case "var":
    case "std":
      return [valid, sumSlot(input, value, false, false), sumSlot(input, value, true, false), ...flagSlots(input, value)];
    case "min":
    case "max":
      return [valid, { kind: "extreme", input, physical: value.physical, minimum: kind === "min" }];
    case "any":
    case "all":
      if (value.physical !== "bool") throw new InternalError(`${kind} of ${value.physical}`);
      return [{ kind: "flags", input, physical: "bool" }];
  }
}

/** The output of the row program that a slot reads. */
export const readBy = (slot: Slot): number | undefined => ("input" in slot ? slot.input : undefined);

/** Slots with the same identity are kept once; integer sums at the width of the widest. */
const identity = (slot: Slot): string => {
  switch (slot.kind) {
    case "rows":
      return "rows";
    case "row":
      return `${slot.last ? "last" : "first"}(${slot.input ?? ""})`;
    case "extreme":
      return `${slot.minimum ? "min" : "max"}(${slot.input})`;
    case "integer":
      return `${slot.square ? "integer-square" : "integer"}(${slot.input})`;
    case "window":
      return `${slot.shape.square ? "window-square" : "window"}(${slot.input})`;
    default:
      return `${slot.kind}(${slot.input})`;
  }
};

/** Places the slots of all aggregates. */
export function layoutOf(aggregates: readonly Aggregate[], inputs: readonly RowValue[]): Layout {
  const unique = new Map<string, Slot>();
  for (const slot of aggregates.flatMap((aggregate) => slotsOf(aggregate, inputs))) {
    const id = identity(slot);
    const known = unique.get(id);
    if (known === undefined || wordsOf(slot) > wordsOf(known)) unique.set(id, slot);
  }
  let stride = 0;
  const slots = [...unique.values()].map((slot): Placed => {
    const at = stride;
    stride += wordsOf(slot);
    return { ...slot, at, nullable: inputs[readBy(slot) ?? -1]?.nullable === true };
  });
  const read = new Set(slots.map(readBy).filter((k) => k !== undefined));
  return {
    slots,
    stride,
    pending: slots.some(hasPending),
    inputs: [...read].sort((a, b) => a - b),
    key: slots
      .map(
        (slot) =>
          `${identity(slot)}${"physical" in slot ? slot.physical : ""}${"shape" in slot ? slot.shape.float : ""}${slot.nullable ? "?" : ""}:${wordsOf(slot)}`,
      )
      .join(","),
  };
}

/** The placed slot that corresponds to `slot`. */
export function find(layout: Layout, slot: Slot): Placed {
  const id = identity(slot);
  const placed = layout.slots.find((candidate) => identity(candidate) === id);
  if (placed === undefined) throw new InternalError(`the layout has no slot ${id}`);
  return placed;
}
