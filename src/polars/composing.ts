/** Builds native expressions and plans out of DSL values that JSON alone cannot carry: non-finite floats, deep nesting, ready-made parts. */
import { InternalError } from "../errors.ts";
import { type DslExpr, type DslNode, type DslObject, type DslValue, isList, isObject, tagOf } from "./dsl.ts";
import { dslText } from "./dsl-text.ts";
import type { DeserializableClass, NativeExpr, NativeLazyFrame, NativePolars } from "./native.ts";

/*
 * serde refuses JSON deeper than 128 levels and has no NaN. polars' other format has neither limit, and it writes a value's parts one after
 * the other without lengths around them. So such a part is left out of the JSON as a stand-in with a reserved name, and in the bytes of the
 * whole the part's own bytes take the place of the stand-in's bytes.
 */

/** A subtree this high is cut off; what is left above it stays below serde's limit. */
const CUT_LEVELS = 60;
/** Variants that no other kind of node shares a name with: where a tree may be cut. */
const EXPRESSIONS: ReadonlySet<string> = new Set(["BinaryExpr", "Ternary", "Function", "Cast", "Alias", "Agg", "Over"]);
const PLANS: ReadonlySet<string> = new Set(["HStack", "Select", "GroupBy", "Join", "MapFunction", "Union", "HConcat", "Distinct"]);

/** The native expression of a DSL expression. Throws what polars throws for a malformed one. */
export function exprFromDsl(native: NativePolars, expr: DslExpr): NativeExpr {
  return new Composer(native).compose(native.JsExpr, expr);
}

/**
 * The native lazy frame of a DSL plan; `leaves` stand where the plan says `{ Source: id }`, and are copied into it with whatever data they
 * hold. Throws as `exprFromDsl` does.
 */
export function planFromDsl(
  native: NativePolars,
  plan: DslValue,
  leaves: ReadonlyMap<number, NativeLazyFrame> = new Map(),
): NativeLazyFrame {
  return new Composer(native, leaves).compose(native.JsLazyFrame, plan);
}

/** The function `name` of native expressions, exact whatever literals they hold. Throws when one of them cannot be serialised. */
export function functionExpr(native: NativePolars, name: DslNode, inputs: readonly NativeExpr[]): NativeExpr {
  const composer = new Composer(native);
  return composer.compose(native.JsExpr, {
    Function: { input: inputs.map((input) => composer.standInFor(input.serialize("bincode"))), function: name },
  });
}

type Part = { readonly standIn: Buffer; readonly bytes: Buffer };
type Cut = { readonly value: DslValue; readonly levels: number };

class Composer {
  private readonly native: NativePolars;
  private readonly leaves: ReadonlyMap<number, NativeLazyFrame>;
  private readonly parts: Part[] = [];
  private readonly placed = new Map<number, DslNode>();

  constructor(native: NativePolars, leaves: ReadonlyMap<number, NativeLazyFrame> = new Map()) {
    this.native = native;
    this.leaves = leaves;
  }

  compose<T extends NativeExpr | NativeLazyFrame>(target: DeserializableClass<T>, value: DslValue): T {
    const { value: shallow } = this.cut(value);
    const whole = target.deserialize(Buffer.from(dslText(shallow)), "json");
    return this.parts.length === 0 ? whole : target.deserialize(this.spliced(whole.serialize("bincode")), "bincode");
  }

  /** A column that stands for the expression with these bytes. */
  standInFor(bytes: Buffer): DslNode {
    const standIn: DslNode = { Column: `\u0001part ${this.parts.length}\u0001` };
    this.parts.push({ standIn: this.native.JsExpr.deserialize(Buffer.from(dslText(standIn)), "json").serialize("bincode"), bytes });
    return standIn;
  }

  private planStandInFor(bytes: Buffer): DslNode {
    const id = `00000000-0000-4000-8000-${this.parts.length.toString(16).padStart(12, "0")}`;
    const standIn: DslNode = { Cache: { input: EMPTY_PLAN, id } };
    this.parts.push({ standIn: this.native.JsLazyFrame.deserialize(Buffer.from(dslText(standIn)), "json").serialize("bincode"), bytes });
    return standIn;
  }

  private leaf(id: number): DslNode {
    const frame = this.leaves.get(id);
    if (frame === undefined) throw new InternalError(`the plan has no input ${id}`);
    const standIn = this.placed.get(id) ?? this.planStandInFor(frame.serialize("bincode"));
    this.placed.set(id, standIn);
    return standIn;
  }

  private cut(value: DslValue): Cut {
    if (isList(value)) {
      const items = value.map((item) => this.cut(item));
      return { value: items.map((item) => item.value), levels: 1 + Math.max(0, ...items.map((item) => item.levels)) };
    }
    if (!isObject(value)) return { value, levels: 0 };
    if (typeof value.Source === "number") return { value: this.leaf(value.Source), levels: 5 };
    const float = this.nonFinite(value);
    if (float !== undefined) return { value: this.standInFor(float), levels: 1 };
    const rebuilt: { [key: string]: DslValue } = {};
    let levels = 0;
    for (const [key, item] of Object.entries(value)) {
      const inner = key === "fields" ? { value: item, levels: 3 } : this.cut(item);
      levels = Math.max(levels, inner.levels);
      rebuilt[key] = inner.value;
    }
    return levels < CUT_LEVELS ? { value: rebuilt, levels: levels + 1 } : this.cutHere(rebuilt, levels + 1);
  }

  private cutHere(value: DslObject, levels: number): Cut {
    const name = tagOf(value)?.[0] ?? "";
    if (EXPRESSIONS.has(name)) return { value: this.standInFor(this.bytesOf(this.native.JsExpr, value)), levels: 1 };
    if (PLANS.has(name)) return { value: this.planStandInFor(this.bytesOf(this.native.JsLazyFrame, value)), levels: 5 };
    return { value, levels };
  }

  private bytesOf<T extends NativeExpr | NativeLazyFrame>(target: DeserializableClass<T>, value: DslObject): Buffer {
    return this.spliced(target.deserialize(Buffer.from(dslText(value)), "json").serialize("bincode"));
  }

  /** The bytes of a float literal that JSON cannot carry: those of another float, whose own bytes come last. */
  private nonFinite(value: DslObject): Buffer | undefined {
    const [name, payload] = tagOf(value) ?? [];
    const [kind, scalar] = name === "Literal" ? (tagOf(payload) ?? []) : [];
    const [width, float] = kind === "Scalar" || kind === "Dyn" ? (tagOf(scalar) ?? []) : [];
    if (kind === undefined || width === undefined || typeof float !== "number" || Number.isFinite(float)) return undefined;
    const finite = this.native.JsExpr.deserialize(Buffer.from(dslText({ Literal: { [kind]: { [width]: 1.5 } } })), "json").serialize(
      "bincode",
    );
    const bytes = Buffer.from(finite);
    if (width === "Float32") bytes.writeFloatLE(float, bytes.length - 4);
    else if (width === "Float64" || width === "Float") bytes.writeDoubleLE(float, bytes.length - 8);
    else throw new InternalError(`a ${width} literal is ${float}`);
    return bytes;
  }

  /** The bytes of a whole with every stand-in in it replaced. Parts are complete: they hold no stand-ins of their own. */
  private spliced(whole: Buffer): Buffer {
    const found = this.parts.flatMap(({ standIn, bytes }) =>
      positions(whole, standIn).map((at) => ({ at, length: standIn.length, bytes })),
    );
    const pieces: Buffer[] = [];
    let from = 0;
    for (const { at, length, bytes } of found.sort((a, b) => a.at - b.at)) {
      pieces.push(whole.subarray(from, at), bytes);
      from = at + length;
    }
    return Buffer.concat([...pieces, whole.subarray(from)]);
  }
}

function positions(whole: Buffer, part: Buffer): readonly number[] {
  const result: number[] = [];
  for (let at = whole.indexOf(part); at >= 0; at = whole.indexOf(part, at + part.length)) result.push(at);
  return result;
}

const EMPTY_PLAN: DslNode = {
  Union: {
    inputs: [],
    args: {
      parallel: true,
      rechunk: false,
      to_supertypes: false,
      diagonal: false,
      strict: false,
      from_partitioned_ds: false,
      maintain_order: true,
    },
  },
};

/** Whether JSON carries the value as it is: no non-finite float, and not too deep. */
export function isPlainJson(value: DslValue, levels = CUT_LEVELS): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return true;
  if (levels === 0) return false;
  const items = isList(value) ? value : Object.values(value);
  return items.every((item) => isPlainJson(item, levels - 1));
}
