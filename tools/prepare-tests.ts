/** For Node: objects of nodejs-polars are big and die young; the default space makes the collector copy most of them. */
export const youngSpace = "--max-semi-space-size=128";

/** What the tests ask of the machine, unless told otherwise by the environment. */
export function prepareTests(): void {
  // A software adapter spends most of a test on compiling kernels that run once: lavapipe does without optimising them, and faster for
  // narrow vectors.
  process.env.GALLIVM_PERF ??= "nopt";
  process.env.LP_NATIVE_VECTOR_WIDTH ??= "128";
  // The oracle: with many threads CPU polars 0.55.2 lets rows match whose keys are null, in joins by several columns.
  process.env.POLARS_MAX_THREADS ??= "2";
  // What is tested is the GPU, however small the frames are; tests of the placement ask for `auto`.
  process.env.POLARS_WEBGPU__PLACEMENT ??= "gpu";
}
