/**
 * Follows every native lazy frame of one copy of nodejs-polars and keeps, beside it, its plan over zero-row frames and the frames that it
 * reads. The user's own calls stay as they are; a record costs a few microseconds and dies with the frame.
 */
import type { PolarsModule } from "../polars/module.ts";
import type { NativeDataFrame, NativeLazyFrame } from "../polars/native.ts";
import { type Sketch, sourceTag, type TrackedPlan } from "../polars/plan-reading.ts";
import { isQuiet } from "../polars/quiet.ts";
import type { SinkCall } from "../polars/sink.ts";
import { ExpressionShadows } from "./expression-shadows.ts";
import { copyArguments, type NativeFunction, objectsIn, patchFunction, patchMethods, patchSetter, patchStatics } from "./patching.ts";
import { type LazyRecords, mergeSources, ownShadow, Shadow, shapeOf, type Untracked } from "./shadow.ts";
import { SinkCalls } from "./sink-calls.ts";
import { SqlTracking } from "./sql-tracking.ts";

/** Methods that change a frame in place: its next `lazy()` is another source. */
const MUTATORS: ReadonlySet<string> = new Set([
  "dropInPlace",
  "extend",
  "hstackMut",
  "insertAtIdx",
  "replace",
  "replaceAtIdx",
  "sortInPlace",
  "vstackMut",
]);
const SCANS = ["scanCsv", "scanParquet", "scanIpc", "scanJson"] as const;
/** A deserialised plan may carry its data; above this it is not read again. */
const MAX_DESERIALIZED_BYTES = 16 * 2 ** 20;
const MADE_EARLIER: Untracked = { untracked: "the lazy frame was made before polars-webgpu was loaded: import polars-webgpu first" };
/** Where the process keeps the number of its latest source. */
const LATEST_SOURCE = Symbol.for("polars-webgpu.source");

/** A number that no other frame of the process has: an engine tells the frames of all copies of nodejs-polars apart by it. */
function nextSource(): number {
  const latest: unknown = Reflect.get(globalThis, LATEST_SOURCE);
  const next = typeof latest === "number" ? latest + 1 : 1;
  Reflect.set(globalThis, LATEST_SOURCE, next);
  return next;
}

export class Tracking implements LazyRecords {
  private readonly module: PolarsModule;
  private readonly expressions: ExpressionShadows;
  private readonly shadows = new WeakMap<object, Shadow | Untracked>();
  private readonly leaves = new WeakMap<object, Shadow>();
  private readonly sinks = new SinkCalls();

  constructor(module: PolarsModule) {
    this.module = module;
    this.expressions = new ExpressionShadows(module);
  }

  /** What can be said of a native lazy frame without asking polars; null where nothing is known of it. */
  sketchOf(frame: NativeLazyFrame): Sketch | null {
    const shadow = this.recordOf(frame);
    if (!(shadow instanceof Shadow)) return null;
    let rows = 0;
    for (const source of shadow.sources.values()) rows += source.height;
    return { shape: shadow.shape, reads: shadow.reads, rows };
  }

  /** What is known of a native lazy frame of `module`. Making the shadow happens here, so its cost falls on those who ask. */
  planOf(frame: NativeLazyFrame, module = this.module): TrackedPlan | Untracked {
    const shadow = this.recordOf(frame);
    if (!(shadow instanceof Shadow)) return shadow;
    try {
      const native = shadow.native();
      if (native instanceof module.native.JsLazyFrame) return { module, shadow: native as NativeLazyFrame, sources: shadow.sources };
      return { untracked: `polars did not plan the query over empty frames: ${native instanceof Error ? native.message : String(native)}` };
    } catch (error) {
      return { untracked: `polars did not plan the query over empty frames: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  /** The sink that a native lazy frame is; null for anything else. */
  sinkOf(frame: object): SinkCall | null {
    return this.sinks.of(frame);
  }

  /** Patches the native classes. Once for each native module. */
  install(): void {
    const { native } = this.module;
    this.expressions.install();
    this.installFrames();
    for (const prototype of [native.JsLazyFrame.prototype, native.JsLazyGroupBy.prototype]) {
      patchMethods(prototype, (name, original) => this.derived(name, this.sinks.remembering(name, original)));
    }
    patchFunction(native, "concatLf", (original) => this.derived("concatLf", original));
    for (const name of SCANS) patchFunction(native, name, (original) => this.selfShadowed(name, original));
    patchStatics(native, "JsLazyFrame", {
      deserialize: (original) => this.deserialized(original),
      cloneExternal: (original) => this.cloned(original),
    });
    new SqlTracking(this.module, this).install();
  }

  recordOf(frame: object): Shadow | Untracked {
    return this.shadows.get(frame) ?? MADE_EARLIER;
  }

  record(frame: object, shadow: Shadow | Untracked): void {
    this.shadows.set(frame, shadow);
  }

  isLazy(value: unknown): value is object {
    const { JsLazyFrame, JsLazyGroupBy } = this.module.native;
    return value instanceof JsLazyFrame || value instanceof JsLazyGroupBy;
  }

  private installFrames(): void {
    const tracking = this;
    const { prototype } = this.module.native.JsDataFrame;
    const forget = (frame: unknown): void => {
      if (typeof frame === "object" && frame !== null) tracking.leaves.delete(frame);
    };
    patchMethods(prototype, (name, original) => {
      if (name === "lazy") {
        return function (...args) {
          const result = Reflect.apply(original, this, args);
          if (!isQuiet() && tracking.isLazy(result)) tracking.record(result, tracking.leaf(this as NativeDataFrame));
          return result;
        };
      }
      if (!MUTATORS.has(name)) return undefined;
      return function (...args) {
        forget(this);
        return Reflect.apply(original, this, args);
      };
    });
    patchSetter(prototype, "columns", forget);
  }

  /** The same source as long as the frame is not changed in place. The snapshot shares the columns and is immune to such changes. */
  private leaf(frame: NativeDataFrame): Shadow {
    const known = this.leaves.get(frame);
    if (known !== undefined) return known;
    const id = nextSource();
    const snapshot = frame.clone();
    const leaf = new Shadow(
      new Map([[id, snapshot]]),
      shapeOf("frame", [], [Math.round(Math.log2(1 + frame.height)), frame.width]),
      [],
      () => snapshot.slice(0, 0).lazy().slice(sourceTag(id), 0),
    );
    this.leaves.set(frame, leaf);
    return leaf;
  }

  /** A call whose lazy result comes from its lazy receiver and arguments. */
  private derived(name: string, original: NativeFunction): NativeFunction {
    const tracking = this;
    return function (...args) {
      const result = Reflect.apply(original, this, args);
      if (!isQuiet() && tracking.isLazy(result)) tracking.record(result, tracking.replay(name, this, args, original));
      return result;
    };
  }

  private replay(name: string, receiver: unknown, args: readonly unknown[], original: NativeFunction): Shadow | Untracked {
    const inputs: Shadow[] = [];
    for (const input of [receiver, ...objectsIn(args)]) {
      if (!this.isLazy(input)) continue;
      const record = this.recordOf(input);
      if (!(record instanceof Shadow)) return record;
      inputs.push(record);
    }
    const self = this.isLazy(receiver) ? this.recordOf(receiver) : receiver;
    const copied = copyArguments(args, (value) => this.shadows.get(value) ?? this.expressions.swap(value));
    const make = () => Reflect.apply(original, native(self), copyArguments(copied, native));
    return new Shadow(mergeSources(inputs), shapeOf(name, inputs, args), inputs, make);
  }

  /** A plan without frames in memory serves as its own shadow. */
  private selfShadowed(name: string, original: NativeFunction): NativeFunction {
    return (...args) => {
      const result = original(...args);
      if (!isQuiet() && this.isLazy(result)) this.record(result, ownShadow(result, name, args));
      return result;
    };
  }

  private deserialized(original: NativeFunction): NativeFunction {
    return (...args) => {
      const result = original(...args);
      if (isQuiet() || !this.isLazy(result)) return result;
      const bytes = args[0] instanceof Uint8Array ? args[0].byteLength : 0;
      const tooLarge = { untracked: `the lazy frame was deserialised together with its data (${(bytes / 2 ** 20).toFixed(0)} MiB)` };
      this.record(result, bytes <= MAX_DESERIALIZED_BYTES ? ownShadow(result, "deserialize", [bytes]) : tooLarge);
      return result;
    };
  }

  private cloned(original: NativeFunction): NativeFunction {
    return (...args) => {
      const result = original(...args);
      const [source] = args;
      if (isQuiet() || !this.isLazy(result) || !this.isLazy(source)) return result;
      this.record(result, this.recordOf(source));
      this.sinks.copy(result, source);
      return result;
    };
  }
}

function native(value: unknown): unknown {
  return value instanceof Shadow ? value.native() : value;
}
