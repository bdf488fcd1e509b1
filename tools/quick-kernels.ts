/** A software adapter spends most of a test on optimising kernels that run once: lavapipe does without that here, unless told otherwise. */
export function compileQuickly(): void {
  process.env.GALLIVM_PERF ??= "nopt";
}
