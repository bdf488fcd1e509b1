/** Errors named by whose fault they are; every other layer throws one of these or what CPU polars threw. */

/** A part of the plan has no GPU form. Leads to a fallback, never reaches the user unless `raiseOnFail` is set. */
export class UnsupportedError extends Error {
  override readonly name = "UnsupportedError";
  readonly reasons: readonly string[];
  constructor(reasons: readonly string[]) {
    super(
      reasons.length === 1
        ? reasons[0]
        : `${reasons.length} parts of the plan cannot run on the GPU:\n${reasons.map((r) => `  - ${r}`).join("\n")}`,
    );
    this.reasons = reasons;
  }
}

/** An option or environment variable is wrong: the message names it and what it accepts. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The user's plan is wrong in a way that CPU polars does not report itself. */
export class InvalidPlanError extends Error {
  override readonly name = "InvalidPlanError";
}

/** The GPU or its driver failed: no adapter, device lost, validation or pipeline error. */
export class DeviceError extends Error {
  override readonly name: string = "DeviceError";
}

/** An allocation on the device did not fit the device or the configured limit. */
export class OutOfDeviceMemoryError extends DeviceError {
  override readonly name = "OutOfDeviceMemoryError";
}

/** A bug of this package: never silent. */
export class InternalError extends Error {
  override readonly name = "InternalError";
}
