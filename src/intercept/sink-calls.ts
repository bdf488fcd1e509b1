/** Remembers the sinks that users call, so that the same sink can write other rows, or to another place. */
import type { NativeLazyFrame } from "../polars/native.ts";
import { isQuiet, quietly } from "../polars/quiet.ts";
import type { SinkCall } from "../polars/sink.ts";
import { copyArguments, type NativeFunction } from "./patching.ts";

const SINKS: ReadonlySet<string> = new Set(["sinkCsv", "sinkParquet", "sinkIpc", "sinkJson"]);

const withoutFolders = (option: unknown): unknown =>
  typeof option === "object" && option !== null && "mkdir" in option ? { ...option, mkdir: false } : option;

export class SinkCalls {
  private readonly calls = new WeakMap<object, SinkCall>();

  /** The call that made a native lazy frame; null where it was none of a sink. */
  of(frame: object): SinkCall | null {
    return this.calls.get(frame) ?? null;
  }

  /** `frame` is what another frame is. */
  copy(frame: object, other: object): void {
    const call = this.calls.get(other);
    if (call !== undefined) this.calls.set(frame, call);
  }

  /** A method of native lazy frames that remembers its calls, if it is a sink. */
  remembering(name: string, original: NativeFunction): NativeFunction {
    if (!SINKS.has(name)) return original;
    const { calls } = this;
    return function (...args) {
      const [path, ...options] = args;
      // nodejs-polars and its users write into options.
      const copied = copyArguments(options, (value) => value);
      const result = Reflect.apply(original, this, args);
      if (isQuiet() || typeof path !== "string" || typeof result !== "object" || result === null) return result;
      const call = (rows: NativeLazyFrame, to: string, given: readonly unknown[]): NativeLazyFrame =>
        quietly(() => Reflect.apply(original, rows, [to, ...copyArguments(given, (value) => value)]) as NativeLazyFrame);
      const over: SinkCall["over"] = (rows, to) => call(rows, to, copied);
      const staged: SinkCall["staged"] = (rows, to) => call(rows, to, copied.map(withoutFolders));
      calls.set(result, { input: this as NativeLazyFrame, path, over, staged });
      return result;
    };
  }
}
