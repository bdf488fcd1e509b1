/** The command list of a device: commands are recorded as they come, and encoded and submitted in that order by `flush`. */

import { DeviceError } from "../errors.ts";
import type { Block } from "./buffers.ts";
import type { Fault } from "./fault.ts";
import { collectGarbage } from "./garbage.ts";
import type { CompiledKernel } from "./pipeline-cache.ts";
import { PROFILED_DISPATCHES, type ProfiledEncoder, Profiler } from "./profile.ts";
import type { UploadRing } from "./staging.ts";

/** A window of a block, in bytes. */
export interface Window {
  readonly block: Block;
  readonly offset: number;
  readonly size: number;
}

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

interface KeptBindGroup {
  readonly group: GPUBindGroup;
  /** The ids of the blocks that it shows. */
  readonly blocks: readonly number[];
}

const UNIFORM = 0x40;
const COPY_DST = 0x8;
const PARAM_ALIGNMENT = 256;
const PARAM_ARENA = 1 << 18;
/** A workgroup count of one dimension. */
const DIMENSION = 65_535;
/** Recorded commands, and bytes of uploads, after which they are submitted without being asked for. */
const AUTO_COMMANDS = 256;
const AUTO_BYTES = 1 << 26;
const KEPT_BIND_GROUPS = { software: 1024, hardware: 8192 } as const;
/** Bind groups after which a software adapter, which maps memory for each and may make only so many maps, has those that nobody needs collected. */
const COLLECTED_BIND_GROUPS = 3000;

export class CommandStream {
  readonly #device: GPUDevice;
  readonly #software: boolean;
  readonly #fault: Fault;
  readonly #uploads: UploadRing;
  readonly #profiler: Profiler;
  readonly #arena: GPUBuffer;
  readonly #arenaWords = new Uint32Array(PARAM_ARENA / 4);
  readonly #bindGroups = new Map<string, KeptBindGroup>();
  /** Keys of the kept bind groups by the id of a block that they show. */
  readonly #keysOfBlock = new Map<number, Set<string>>();
  #commands: Command[] = [];
  #retired: Block[] = [];
  #uploadBytes = 0;
  /** Batches that wait for their pipelines, oldest first. */
  #waiting = 0;
  /** Bind groups that were made. */
  #made = 0;
  #tail: Promise<void> = Promise.resolve();
  #dispatches = 0;
  #submits = 0;
  profiling = false;

  constructor(device: GPUDevice, fault: Fault, uploads: UploadRing, software: boolean) {
    this.#device = device;
    this.#software = software;
    this.#fault = fault;
    this.#uploads = uploads;
    this.#profiler = new Profiler(device);
    this.#arena = device.createBuffer({ label: "parameters", size: PARAM_ARENA, usage: UNIFORM | COPY_DST });
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
    const missing = batch.commands.flatMap((command) =>
      command.op === "dispatch" && !isSettled(command.compiled) ? [command.compiled.ready] : [],
    );
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
        this.#fault.watch(this.#device, "submission", () => {
          for (let next = 0; next < batch.commands.length; ) next = this.#encode(batch.commands, next);
        });
      } catch (error) {
        this.#fault.report(error instanceof DeviceError ? error : new DeviceError(`submission: ${String(error)}`));
      }
      this.#uploads.submitted(batch.sealed);
    }
    for (const block of batch.retired) this.#destroy(block);
  }

  /** Bind groups would keep what is left of the block for as long as they live. */
  #destroy({ gpu, id }: Block): void {
    gpu.destroy();
    for (const key of this.#keysOfBlock.get(id) ?? []) {
      const kept = this.#bindGroups.get(key);
      this.#bindGroups.delete(key);
      for (const other of kept?.blocks ?? []) if (other !== id) this.#keysOfBlock.get(other)?.delete(key);
    }
    this.#keysOfBlock.delete(id);
  }

  /** Submits commands from `first` on, as many as the parameter arena (or the profiler) can take; returns the next one. */
  #encode(commands: readonly Command[], first: number): number {
    const encoder = this.#device.createCommandEncoder();
    const profiled = this.profiling ? this.#profiler.begin() : null;
    let pass: GPUComputePassEncoder | null = null;
    let arenaUsed = 0;
    let dispatches = 0;
    let at = first;
    for (; at < commands.length; at++) {
      const command = commands[at];
      if (command === undefined) break;
      if (command.op !== "dispatch") {
        pass?.end();
        pass = null;
        if (command.op === "copy") encoder.copyBufferToBuffer(command.from, command.fromByte, command.to, command.toByte, command.bytes);
        else encoder.clearBuffer(command.to, command.toByte, command.bytes);
        continue;
      }
      const { compiled } = command;
      if (compiled.pipeline === null) {
        if (compiled.failure !== null) this.#fault.report(compiled.failure);
        continue;
      }
      if (arenaUsed + compiled.paramBytes > PARAM_ARENA || (profiled !== null && dispatches === PROFILED_DISPATCHES)) break;
      if (profiled !== null) pass?.end();
      if (pass === null || profiled !== null) pass = encoder.beginComputePass(passDescriptor(profiled, command.name));
      pass.setPipeline(compiled.pipeline);
      pass.setBindGroup(0, this.#bindGroup(command), compiled.paramBytes > 0 ? [arenaUsed] : []);
      if (compiled.paramBytes > 0) {
        this.#arenaWords.fill(0, arenaUsed / 4, (arenaUsed + compiled.paramBytes) / 4);
        this.#arenaWords.set(command.params, arenaUsed / 4);
        arenaUsed += Math.ceil(compiled.paramBytes / PARAM_ALIGNMENT) * PARAM_ALIGNMENT;
      }
      const rows = Math.ceil(command.workgroups / DIMENSION);
      pass.dispatchWorkgroups(Math.ceil(command.workgroups / rows), rows);
      dispatches += 1;
    }
    pass?.end();
    profiled?.end(encoder);
    if (arenaUsed > 0) this.#device.queue.writeBuffer(this.#arena, 0, this.#arenaWords, 0, arenaUsed / 4);
    this.#device.queue.submit([encoder.finish()]);
    profiled?.submitted();
    this.#dispatches += dispatches;
    this.#submits += 1;
    return at;
  }

  /** Making one costs more than all else about a dispatch, and the pool hands out the same blocks again and again. */
  #bindGroup(command: Dispatch): GPUBindGroup {
    const { layout, layoutId, paramBytes } = command.compiled;
    let key = `${layoutId}`;
    for (const { block, offset, size } of command.windows) key += ` ${block.id} ${offset} ${size}`;
    const known = this.#bindGroups.get(key);
    if (known !== undefined) return known.group;
    const entries: GPUBindGroupEntry[] = command.windows.map(({ block, offset, size }, binding) => ({
      binding,
      resource: { buffer: block.gpu, offset, size },
    }));
    if (paramBytes > 0) entries.push({ binding: entries.length, resource: { buffer: this.#arena, size: paramBytes } });
    const group = this.#device.createBindGroup({ layout, entries });
    this.#made += 1;
    if (this.#software && this.#made % COLLECTED_BIND_GROUPS === 0) collectGarbage();
    this.#keep(
      key,
      group,
      command.windows.map(({ block }) => block.id),
    );
    return group;
  }

  #keep(key: string, group: GPUBindGroup, blocks: readonly number[]): void {
    if (this.#bindGroups.size >= KEPT_BIND_GROUPS[this.#software ? "software" : "hardware"]) {
      this.#bindGroups.clear();
      this.#keysOfBlock.clear();
    }
    this.#bindGroups.set(key, { group, blocks });
    for (const block of blocks) {
      const keys = this.#keysOfBlock.get(block);
      if (keys === undefined) this.#keysOfBlock.set(block, new Set([key]));
      else keys.add(key);
    }
  }
}

const isSettled = (compiled: CompiledKernel): boolean => compiled.pipeline !== null || compiled.failure !== null;

const passDescriptor = (profiled: ProfiledEncoder | null, name: string): GPUComputePassDescriptor =>
  profiled === null ? {} : { timestampWrites: profiled.timestamps(name) };
