/** The record that tracking keeps for each native lazy frame: its zero-row shadow plan, made when first asked for, and its source frames. */
import type { NativeDataFrame } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";

export type Sources = ReadonlyMap<number, NativeDataFrame>;
export const NO_SOURCES: Sources = new Map();

/** Plans of the same calls over the same files and frames of about the same size have the same number; others nearly always another one. */
export type Shape = number;

/** FNV-1a, over the words of what a call was given. */
const PRIME = 0x0100_0193;
const mixed = (shape: Shape, word: number): Shape => Math.imul(shape ^ word, PRIME) >>> 0;

function mixedText(shape: Shape, text: string): Shape {
  let result = shape;
  for (let i = 0; i < text.length; i++) result = mixed(result, text.charCodeAt(i));
  return result;
}

/** The shape of a call: its name, the frames it takes, and what it is given of texts and numbers; expressions count, but are not looked into. */
export function shapeOf(name: string, inputs: readonly Shadow[], args: readonly unknown[] = []): Shape {
  let shape = mixedText(0x811c_9dc5, name);
  for (const input of inputs) shape = mixed(shape, input.shape);
  for (const arg of args) shape = mixedArgument(shape, arg);
  return shape;
}

function mixedArgument(shape: Shape, arg: unknown): Shape {
  if (Array.isArray(arg)) return arg.reduce<Shape>(mixedArgument, mixed(shape, arg.length));
  return typeof arg === "object" || typeof arg === "function" ? mixed(shape, 1) : mixedText(mixed(shape, 2), String(arg));
}

/** Pending steps are made at the latest after so many, which bounds recursion and what a chain of frames keeps alive. */
const MAX_PENDING = 64;

/** The shadow of one native lazy frame, or of one native group-by. */
export class Shadow {
  readonly sources: Sources;
  readonly shape: Shape;
  /** Whether the plan reads what is no frame in memory. */
  readonly reads: boolean;
  private make: (() => unknown) | undefined;
  private made: unknown;
  private pending: number;

  /** `make` builds the native shadow object out of the shadows of `inputs`; it runs at most once. */
  constructor(sources: Sources, shape: Shape, inputs: readonly Shadow[], make: () => unknown, reads = inputs.some((input) => input.reads)) {
    this.sources = sources;
    this.shape = shape;
    this.reads = reads;
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

/** The shadow of a frame that is its own: it holds no source frames. `args`: what it was made of. */
export function ownShadow(frame: object, name: string, args: readonly unknown[]): Shadow {
  return new Shadow(NO_SOURCES, shapeOf(name, [], args), [], () => frame, true);
}

/** The records of native lazy frames and group-bys. */
export interface LazyRecords {
  isLazy(value: unknown): value is object;
  recordOf(frame: object): Shadow | Untracked;
  record(frame: object, shadow: Shadow | Untracked): void;
}
