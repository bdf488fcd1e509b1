/** Loaded for its effect: waiting for the GPU leaves the cores to a software adapter. */

/** Dawn asks for its events by one setImmediate after another for as long as anything is pending, which takes a whole core. */
const PAUSE_MS = 0.3;

const immediately = globalThis.setImmediate;
const never = new Int32Array(new SharedArrayBuffer(4));
const patiently = <T extends unknown[]>(callback: (...args: T) => void, ...args: T): NodeJS.Immediate =>
  immediately(() => {
    Atomics.wait(never, 0, 0, PAUSE_MS);
    callback(...args);
  });
globalThis.setImmediate = Object.assign(patiently, { __promisify__: immediately.__promisify__ });
