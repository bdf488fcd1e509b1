/** Replaces methods of nodejs-polars' native classes; the one place that touches foreign prototypes. */

export type NativeFunction = (this: unknown, ...args: readonly unknown[]) => unknown;

/** Replaces every own method of a prototype that `wrap` returns something for. Getters, setters and the constructor stay. */
export function patchMethods(prototype: object, wrap: (name: string, original: NativeFunction) => NativeFunction | undefined): void {
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (name === "constructor" || !isFunction(descriptor.value)) continue;
    const replacement = wrap(name, descriptor.value);
    if (replacement !== undefined) Object.defineProperty(prototype, name, { ...descriptor, value: replacement });
  }
}

/** Calls `before` with the receiver whenever the property is assigned. */
export function patchSetter(prototype: object, name: string, before: (receiver: unknown) => void): void {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  const original = descriptor?.set;
  if (descriptor === undefined || original === undefined) return;
  Object.defineProperty(prototype, name, {
    ...descriptor,
    set(value: unknown) {
      before(this);
      original.call(this, value);
    },
  });
}

/** Replaces a function that the JavaScript side of nodejs-polars looks up on the exports at every call. */
export function patchFunction(exported: object, name: string, wrap: (original: NativeFunction) => NativeFunction): void {
  const original: unknown = Reflect.get(exported, name);
  if (isFunction(original)) Reflect.set(exported, name, wrap(original));
}

/**
 * Replaces static methods of a native class. They are not writable, so the class itself is exchanged on the exports by a constructor with
 * the same prototype: `instanceof` and construction keep working.
 */
export function patchStatics(
  exported: object,
  className: string,
  wraps: Readonly<Record<string, (original: NativeFunction) => NativeFunction>>,
): void {
  const original: unknown = Reflect.get(exported, className);
  if (!isFunction(original)) return;
  const replacement = function (this: unknown, ...args: readonly unknown[]): unknown {
    return Reflect.construct(original, args, new.target === undefined || new.target === replacement ? original : new.target);
  };
  const descriptors = Object.getOwnPropertyDescriptors(original);
  for (const [name, descriptor] of Object.entries(descriptors)) {
    if (name === "prototype" || name === "arguments" || name === "caller") continue;
    const wrap = wraps[name];
    const value: unknown = isFunction(descriptor.value) ? (wrap ?? same)(bind(descriptor.value, original)) : descriptor.value;
    Object.defineProperty(replacement, name, { ...descriptor, value });
  }
  Object.defineProperty(replacement, "prototype", { value: original.prototype, writable: false });
  Reflect.set(exported, className, replacement);
}

/** Native static methods construct their receiver, which must be the native class itself. */
function bind(method: NativeFunction, receiver: unknown): NativeFunction {
  return (...args) => Reflect.apply(method, receiver, args);
}

const same = (method: NativeFunction): NativeFunction => method;

export function isFunction(value: unknown): value is NativeFunction {
  return typeof value === "function";
}

/** A copy of call arguments with every object that `swap` knows replaced; arrays and plain option objects are copied, so later changes by the caller are not seen. */
export function copyArguments(args: readonly unknown[], swap: (value: object) => unknown): readonly unknown[] {
  return args.map((arg) => copyArgument(arg, swap));
}

function copyArgument(arg: unknown, swap: (value: object) => unknown): unknown {
  if (typeof arg !== "object" || arg === null) return arg;
  if (Array.isArray(arg)) return arg.map((item: unknown) => copyArgument(item, swap));
  if (Object.getPrototypeOf(arg) === Object.prototype) return { ...arg };
  return swap(arg);
}

/** Every native object among call arguments, one list level deep. */
export function objectsIn(args: readonly unknown[]): readonly object[] {
  return args.flat().filter((arg): arg is object => typeof arg === "object" && arg !== null);
}
