/** The command list of a device: commands are recorded as they come, and `flush` encodes and submits them to the effect of that order. */

import { DeviceError } from "../errors.ts";
import { BindGroups } from "./bind-groups.ts";
import type { Block, Window } from "./buffers.ts";
import type { Fault } from "./fault.ts";
import type { CompiledKernel } from "./pipeline-cache.ts";
import { PROFILED_DISPATCHES, type ProfiledEncoder, Profiler } from "./profile.ts";
import type { UploadRing } from "./staging.ts";

interface Dispatch {
  readonly op: "dispatch";
  readonly name: string;
  readonly compiled: CompiledKernel;
  readonly windows: readonly Window[];
  readonly params: ArrayLike<number>;
  readonly workgroups: number;
}

interface Copy {
  readonly op: "copy";
  readonly from: GPUBuffer;
  readonly fromByte: number;
  readonly to: GPUBuffer;
  readonly toByte: number;
  readonly bytes: number;
}

interface Clear {
  readonly op: "clear";
  readonly to: GPUBuffer;
  readonly toByte: number;
  readonly bytes: number;
}

type Command = Dispatch | Copy | Clear;

interface Batch {
  readonly commands: readonly Command[];
  /** Upload memory that the commands copy from. */
  readonly sealed: readonly GPUBuffer[];
  /** Blocks to destroy once the commands are submitted. */
  readonly retired: readonly Block[];
}

const UNIFORM = 0x40;
const COPY_DST = 0x8;
const PARAM_ALIGNMENT = 256;
const PARAM_ARENA = 1 << 18;
/** A workgroup count of one dimension. */
const DIMENSION = 65_535;
/** Recorded commands, and bytes of uploads, after which they are submitted without being asked for: the GPU begins while more are recorded. */
const AUTO_COMMANDS = 16;
const AUTO_BYTES = 1 << 26;
export class CommandStream {
  readonly #device: GPUDevice;
  readonly #queue: GPUQueue;
  readonly #fault: Fault;
  readonly #uploads: UploadRing;
  readonly #profiler: Profiler;
  readonly #arena: GPUBuffer;
  readonly #arenaWords = new Uint32Array(PARAM_ARENA / 4);
  readonly #bindGroups: BindGroups;
  #commands: Command[] = [];
  #retired: Block[] = [];
  #uploadBytes = 0;
  /** Batches that wait for their pipelines, oldest first. */
  #waiting = 0;
  #tail: Promise<void> = Promise.resolve();
  #dispatches = 0;
  #submits = 0;
  profiling = false;

  constructor(device: GPUDevice, fault: Fault, uploads: UploadRing, software: boolean) {
    this.#device = device;
    this.#queue = device.queue;
    this.#fault = fault;
    this.#uploads = uploads;
    this.#profiler = new Profiler(device);
    this.#arena = device.createBuffer({ label: "parameters", size: PARAM_ARENA, usage: UNIFORM | COPY_DST });
    this.#bindGroups = new BindGroups(device, this.#arena, software);
  }

  get dispatches(): number {
    return this.#dispatches;
  }

  get submits(): number {
    return this.#submits;
  }

  get profiler(): Profiler {
    return this.#profiler;
  }

  dispatch(name: string, compiled: CompiledKernel, windows: readonly Window[], params: ArrayLike<number>, workgroups: number): void {
    this.#record({ op: "dispatch", name, compiled, windows, params, workgroups });
  }

  copy(from: GPUBuffer, fromByte: number, to: GPUBuffer, toByte: number, bytes: number): void {
    if (bytes > 0) this.#record({ op: "copy", from, fromByte, to, toByte, bytes });
  }

  clear(to: GPUBuffer, toByte: number, bytes: number): void {
    if (bytes > 0) this.#record({ op: "clear", to, toByte, bytes });
  }

  /** Counts bytes that were put into upload memory: much of it is submitted early, so that it can be used again. */
  uploaded(bytes: number): void {
    this.#uploadBytes += bytes;
    if (this.#uploadBytes >= AUTO_BYTES) void this.flush();
  }

  /** Destroys a block that commands recorded until now may use, after their submission. */
  retire(block: Block): void {
    this.#retired.push(block);
  }

  /** Submits what is recorded: at once if its pipelines are there. Never rejects: errors go to the fault. */
  flush(): Promise<void> {
    if (this.#commands.length === 0 && this.#retired.length === 0) return this.#tail;
    const batch: Batch = { commands: this.#commands, sealed: this.#uploads.seal(), retired: this.#retired };
    this.#commands = [];
    this.#retired = [];
    this.#uploadBytes = 0;
    const missing: Promise<void>[] = [];
    for (const command of batch.commands)
      if (command.op === "dispatch" && !isSettled(command.compiled)) missing.push(command.compiled.ready);
    if (this.#waiting === 0 && missing.length === 0) {
      this.#submit(batch);
      return this.#tail;
    }
    this.#waiting += 1;
    const before = this.#tail;
    const run = async (): Promise<void> => {
      await Promise.all(missing);
      await before;
      this.#waiting -= 1;
      this.#submit(batch);
    };
    this.#tail = run();
    return this.#tail;
  }

  /** Drops what is recorded. */
  destroy(): void {
    for (const block of this.#retired) this.#destroy(block);
    this.#commands = [];
    this.#retired = [];
    this.#arena.destroy();
  }

  #record(command: Command): void {
    this.#commands.push(command);
    if (this.#commands.length >= AUTO_COMMANDS) void this.flush();
  }

  #submit(batch: Batch): void {
    if (!this.#fault.fatal) {
      try {
        for (let next = 0; next < batch.commands.length; ) next = this.#encode(batch.commands, next);
      } catch (error) {
        this.#fault.report(error instanceof DeviceError ? error : new DeviceError(`submission: ${String(error)}`));
      }
      this.#uploads.submitted(batch.sealed);
    }
    for (const block of batch.retired) this.#destroy(block);
  }

  #destroy(block: Block): void {
    block.gpu.destroy();
    this.#bindGroups.forget(block);
  }

  /**
   * Submits commands from `first` on, as many as the parameter arena (or the profiler) can take; returns the next one. Copies and fills go before
   * the dispatches that wait for a pass, unless those use the same buffers, so that passes are few.
   */
  #encode(commands: readonly Command[], first: number): number {
    const encoder = this.#device.createCommandEncoder();
    const profiled = this.profiling ? this.#profiler.begin() : null;
    const pass = new Pass(encoder, profiled, this.#bindGroups);
    let arenaUsed = 0;
    let dispatches = 0;
    let at = first;
    for (; at < commands.length; at++) {
      const command = commands[at];
      if (command === undefined) break;
      if (command.op === "copy") {
        if (pass.uses(command.from) || pass.uses(command.to)) pass.encode();
        encoder.copyBufferToBuffer(command.from, command.fromByte, command.to, command.toByte, command.bytes);
        continue;
      }
      if (command.op === "clear") {
        if (pass.uses(command.to)) pass.encode();
        encoder.clearBuffer(command.to, command.toByte, command.bytes);
        continue;
      }
      const { pipeline, failure, paramBytes } = command.compiled;
      if (pipeline === null) {
        if (failure !== null) this.#fault.report(failure);
        continue;
      }
      if (arenaUsed + paramBytes > PARAM_ARENA || (profiled !== null && dispatches === PROFILED_DISPATCHES)) break;
      pass.add(command, arenaUsed);
      if (paramBytes > 0) {
        const { params } = command;
        for (let word = 0; word < paramBytes / 4; word++) this.#arenaWords[arenaUsed / 4 + word] = params[word] ?? 0;
        arenaUsed += Math.ceil(paramBytes / PARAM_ALIGNMENT) * PARAM_ALIGNMENT;
      }
      dispatches += 1;
    }
    pass.encode();
    profiled?.end(encoder);
    if (arenaUsed > 0) this.#queue.writeBuffer(this.#arena, 0, this.#arenaWords, 0, arenaUsed / 4);
    this.#queue.submit([encoder.finish()]);
    profiled?.submitted();
    this.#dispatches += dispatches;
    this.#submits += 1;
    return at;
  }
}

/** Dispatches that wait to be encoded into one compute pass; into one for each of them where they are timed. */
class Pass {
  readonly #encoder: GPUCommandEncoder;
  readonly #profiled: ProfiledEncoder | null;
  readonly #bindGroups: BindGroups;
  readonly #dispatches: Dispatch[] = [];
  /** For each of them, bytes into the parameter arena. */
  readonly #paramOffsets: number[] = [];

  constructor(encoder: GPUCommandEncoder, profiled: ProfiledEncoder | null, bindGroups: BindGroups) {
    this.#encoder = encoder;
    this.#profiled = profiled;
    this.#bindGroups = bindGroups;
  }

  /** Whether a dispatch that waits uses the buffer. */
  uses(buffer: GPUBuffer): boolean {
    for (const { windows } of this.#dispatches) for (const { block } of windows) if (block.gpu === buffer) return true;
    return false;
  }

  /** A dispatch whose pipeline is there. */
  add(dispatch: Dispatch, paramOffset: number): void {
    this.#dispatches.push(dispatch);
    this.#paramOffsets.push(paramOffset);
  }

  /** Encodes what waits. */
  encode(): void {
    const count = this.#dispatches.length;
    if (count === 0) return;
    const profiled = this.#profiled;
    if (profiled === null) this.#encodePass(0, count, {});
    else this.#dispatches.forEach(({ name }, at) => void this.#encodePass(at, at + 1, { timestampWrites: profiled.timestamps(name) }));
    this.#dispatches.length = 0;
    this.#paramOffsets.length = 0;
  }

  #encodePass(from: number, to: number, descriptor: GPUComputePassDescriptor): void {
    const pass = this.#encoder.beginComputePass(descriptor);
    let last: GPUComputePipeline | null = null;
    for (let at = from; at < to; at++) {
      const dispatch = this.#dispatches[at];
      if (dispatch === undefined) continue;
      const { compiled, windows, workgroups } = dispatch;
      const { pipeline } = compiled;
      if (pipeline === null) continue;
      if (pipeline !== last) pass.setPipeline(pipeline);
      last = pipeline;
      pass.setBindGroup(0, this.#bindGroups.get(compiled, windows), compiled.paramBytes > 0 ? [this.#paramOffsets[at] ?? 0] : NO_OFFSETS);
      const rows = Math.ceil(workgroups / DIMENSION);
      pass.dispatchWorkgroups(Math.ceil(workgroups / rows), rows);
    }
    pass.end();
  }
}

const NO_OFFSETS: readonly number[] = [];
const isSettled = (compiled: CompiledKernel): boolean => compiled.pipeline !== null || compiled.failure !== null;
