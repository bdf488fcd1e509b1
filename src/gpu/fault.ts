/** What went wrong on a device: WebGPU reports errors later and elsewhere, this keeps them until somebody waits for results. */

import { DeviceError, OutOfDeviceMemoryError } from "../errors.ts";

/**
 * The first error of a device. It stays until `clear`, because whatever was in flight may have wrong contents: every reader
 * must learn of it, not just the first one. A lost or destroyed device stays lost.
 */
export class Fault {
  #error: DeviceError | null = null;
  #fatal = false;
  /** Resolves when the error scopes of all allocations so far have reported. */
  #reported: Promise<unknown> = Promise.resolve();

  /** The device is gone: lost or destroyed. */
  get fatal(): boolean {
    return this.#fatal;
  }

  /** An error waits to be thrown. */
  get pending(): boolean {
    return this.#error !== null;
  }

  report(error: DeviceError, fatal = false): void {
    if (this.#fatal) return;
    if (fatal || this.#error === null) this.#error = error;
    this.#fatal = fatal;
  }

  /** What no error scope caught: errors of commands come so, before the call returns that encodes or submits them. */
  reportUncaptured(error: GPUError): void {
    const isMemory = error.constructor.name === "GPUOutOfMemoryError";
    this.report(isMemory ? new OutOfDeviceMemoryError(error.message) : new DeviceError(error.message));
  }

  /** Forgets an error that is not fatal. */
  clear(): void {
    if (!this.#fatal) this.#error = null;
  }

  /** @throws DeviceError when the device is gone. */
  throwIfFatal(): void {
    if (this.#fatal && this.#error !== null) throw this.#error;
  }

  /** Waits for the reports of all allocations so far. @throws DeviceError the error that is kept. */
  async check(): Promise<void> {
    await this.#reported;
    if (this.#error !== null) throw this.#error;
  }

  /**
   * Makes a buffer. That there is no memory for it is reported later, when `failed` is called, or thrown if it is to be mapped.
   * @throws OutOfDeviceMemoryError
   */
  allocate(device: GPUDevice, descriptor: GPUBufferDescriptor, failed: () => void): GPUBuffer {
    const what = `buffer "${descriptor.label}" of ${descriptor.size} bytes`;
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("validation");
    let made: GPUBuffer | null = null;
    try {
      made = device.createBuffer(descriptor);
      return made;
    } catch (error) {
      throw new OutOfDeviceMemoryError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      const invalid = device.popErrorScope();
      const exhausted = device.popErrorScope();
      const report = Promise.all([exhausted, invalid]).then(
        ([memory, validation]) => {
          if (memory !== null) this.report(new OutOfDeviceMemoryError(`${what}: ${memory.message}`));
          else if (validation !== null) this.report(new DeviceError(`${what}: ${validation.message}`));
          if (made !== null && (memory !== null || validation !== null)) failed();
        },
        () => undefined,
      );
      const before = this.#reported;
      this.#reported = report.then(() => before);
    }
  }
}
