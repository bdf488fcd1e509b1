/** The record that tracking keeps for each native lazy frame: its zero-row shadow plan, made when first asked for, and its source frames. */
import type { NativeDataFrame } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";

export type Sources = ReadonlyMap<number, NativeDataFrame>;
export const NO_SOURCES: Sources = new Map();

/** Pending steps are made at the latest after so many, which bounds recursion and what a chain of frames keeps alive. */
const MAX_PENDING = 64;

/** The shadow of one native lazy frame, or of one native group-by. */
export class Shadow {
  readonly sources: Sources;
  private make: (() => unknown) | undefined;
  private made: unknown;
  private pending: number;

  /** `make` builds the native shadow object out of the shadows of `inputs`; it runs at most once. */
  constructor(sources: Sources, inputs: readonly Shadow[], make: () => unknown) {
    this.sources = sources;
    this.make = make;
    this.pending = 1 + Math.max(0, ...inputs.map((input) => input.pending));
    if (this.pending > MAX_PENDING) this.native();
  }

  /** The native shadow object. Throws what the native call throws. */
  native(): unknown {
    if (this.make !== undefined) {
      this.made = quietly(this.make);
      this.make = undefined;
      this.pending = 0;
    }
    return this.made;
  }
}

/** Why a native lazy frame has no shadow. */
export interface Untracked {
  readonly untracked: string;
}

export function mergeSources(inputs: readonly Shadow[]): Sources {
  const [first, ...rest] = inputs;
  if (first === undefined) return NO_SOURCES;
  if (rest.every((input) => input.sources === first.sources || input.sources.size === 0)) return first.sources;
  return new Map(inputs.flatMap((input) => [...input.sources]));
}

/** The shadow of a frame that is its own: it holds no source frames. */
export function ownShadow(frame: object): Shadow {
  return new Shadow(NO_SOURCES, [], () => frame);
}

/** The records of native lazy frames and group-bys. */
export interface LazyRecords {
  isLazy(value: unknown): value is object;
  recordOf(frame: object): Shadow | Untracked;
  record(frame: object, shadow: Shadow | Untracked): void;
}
