/**
 * Serialisable twins of expressions that polars cannot serialise. The user's expression keeps its native call; whatever is built on it gets
 * a twin too, and shadow plans use the twins. Costs nothing until the first such expression exists.
 */
import { functionExpr } from "../polars/composing.ts";
import type { DslNode, DslValue } from "../polars/dsl.ts";
import type { PolarsModule } from "../polars/module.ts";
import type { NativeExpr } from "../polars/native.ts";
import { isQuiet, quietly } from "../polars/quiet.ts";
import { copyArguments, type NativeFunction, objectsIn, patchFunction, patchMethods } from "./patching.ts";

type Twin = { readonly function: DslNode; readonly extra?: readonly DslValue[]; readonly literals?: readonly unknown[] };

const string = (name: DslNode): Twin => ({ function: { StringExpr: name } });

/** Methods that polars implements as a closure, and the DSL function with the same meaning. */
const TWINS: Readonly<Record<string, (...args: readonly unknown[]) => Twin>> = {
  strToUppercase: () => string("Uppercase"),
  strToLowercase: () => string("Lowercase"),
  strLengths: () => string("LenChars"),
  strStrip: () => ({ ...string("StripChars"), literals: [null] }),
  strLstrip: () => ({ ...string("StripCharsStart"), literals: [null] }),
  strRstrip: () => ({ ...string("StripCharsEnd"), literals: [null] }),
  strHexEncode: () => string("HexEncode"),
  strBase64Encode: () => string("Base64Encode"),
  strHexDecode: (strict) => string({ HexDecode: strict === true }),
  strBase64Decode: (strict) => string({ Base64Decode: strict === true }),
  strJsonPathMatch: (path) => ({ ...string("JsonPathMatch"), literals: [Array.isArray(path) ? path[0] : path] }),
  toPhysical: () => ({ function: "ToPhysical" }),
  hash: (...seeds) => ({ function: { Hash: seeds.map((seed) => BigInt.asUintN(64, BigInt(String(seed)))) } }),
  reinterpret: (signed) => ({ function: { Reinterpret: [signed === true, null] } }),
  extendConstant: (value, n) => ({ function: "ExtendConstant", literals: [value], extra: [{ Literal: { Dyn: { Int: Number(n) } } }] }),
};

/** Classes whose methods build expressions, and free functions that do. */
const CLASSES = ["JsExpr", "JsWhen", "JsThen", "JsChainedWhen", "JsChainedThen"] as const;
const FUNCTIONS = [
  "when",
  "lit",
  "concatLst",
  "concatStr",
  "asStruct",
  "argSortBy",
  "argWhere",
  "pearsonCorr",
  "spearmanRankCorr",
  "cov",
  "range",
  "intRange",
].concat(["intRanges", "allHorizontal", "anyHorizontal", "minHorizontal", "maxHorizontal", "sumHorizontal"]);

export class ExpressionShadows {
  private readonly module: PolarsModule;
  private readonly twins = new WeakMap<object, object>();
  private spreading = false;

  constructor(module: PolarsModule) {
    this.module = module;
  }

  /** The twin of a native expression that has one, else the value itself. */
  readonly swap = (value: object): object => this.twins.get(value) ?? value;

  /** Patches the methods that build closures. */
  install(): void {
    const { native } = this.module;
    patchMethods(native.JsExpr.prototype, (name, original) => {
      const describe = TWINS[name];
      return describe === undefined ? undefined : this.withTwin(original, describe);
    });
  }

  private withTwin(original: NativeFunction, describe: (...args: readonly unknown[]) => Twin): NativeFunction {
    const shadows = this;
    return function (...args) {
      const result = Reflect.apply(original, this, args);
      if (!isQuiet() && isObjectLike(result) && isObjectLike(this)) shadows.remember(result, this, describe(...args));
      return result;
    };
  }

  private remember(result: object, receiver: object, twin: Twin): void {
    quietly(() => {
      const made = this.makeTwin(this.swap(receiver) as NativeExpr, twin);
      if (made !== undefined) this.twins.set(result, made);
    });
    if (!this.spreading) this.spread();
  }

  /** Undefined when the receiver itself cannot be serialised: then the plan is found unreadable, with polars' own reason. */
  private makeTwin(receiver: NativeExpr, { function: name, literals = [], extra = [] }: Twin): NativeExpr | undefined {
    const { native } = this.module;
    try {
      const inputs = [
        receiver,
        ...literals.map((value) => native.lit(value)),
        ...extra.map((dsl) => native.JsExpr.deserialize(Buffer.from(JSON.stringify(dsl)), "json")),
      ];
      return functionExpr(native, name, inputs);
    } catch {
      return undefined;
    }
  }

  /** From the first twin on, everything built on an expression with a twin gets one as well. */
  private spread(): void {
    this.spreading = true;
    const { native } = this.module;
    const wrap = (original: NativeFunction): NativeFunction => {
      const shadows = this;
      return function (...args) {
        const result = Reflect.apply(original, this, args);
        if (!isQuiet() && isObjectLike(result)) shadows.follow(result, this, args, original);
        return result;
      };
    };
    for (const name of CLASSES) {
      const prototype: unknown = Reflect.get(native, name)?.prototype;
      if (isObjectLike(prototype))
        patchMethods(prototype, (method, original) => (Object.hasOwn(TWINS, method) && name === "JsExpr" ? undefined : wrap(original)));
    }
    for (const name of FUNCTIONS) patchFunction(native, name, wrap);
  }

  private follow(result: object, receiver: unknown, args: readonly unknown[], original: NativeFunction): void {
    const { twins } = this;
    const hasTwin = (value: unknown): value is object => isObjectLike(value) && twins.has(value);
    if (twins.has(result) || !(hasTwin(receiver) || objectsIn(args).some(hasTwin))) return;
    const twin = quietly(() =>
      Reflect.apply(original, isObjectLike(receiver) ? this.swap(receiver) : receiver, copyArguments(args, this.swap)),
    );
    if (isObjectLike(twin)) twins.set(result, twin);
  }
}

function isObjectLike(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
