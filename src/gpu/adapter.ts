/** Finds a GPU through Dawn and asks it for a WebGPU device with the limits and features that the kernels use. */

import { create } from "webgpu";
import { DeviceError } from "../errors.ts";

export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** True for a CPU implementation: lavapipe, SwiftShader, WARP. */
  readonly software: boolean;
}

/** What one launch may use. Bytes unless said otherwise. */
export interface DeviceLimits {
  /** Storage buffers of one kernel. */
  readonly storageBuffers: number;
  /** Largest window of a buffer that a kernel can see; a multiple of 256. */
  readonly bindingBytes: number;
  /** Largest buffer. */
  readonly bufferBytes: number;
  /** Workgroup memory of one kernel. */
  readonly workgroupBytes: number;
  /** Invocations of one workgroup. */
  readonly invocations: number;
}

export interface DeviceFeatures {
  /** `enable subgroups;` is allowed in WGSL. */
  readonly subgroups: boolean;
  /** GPU time can be measured. */
  readonly timestamps: boolean;
}

export interface OpenedDevice {
  readonly gpu: GPUDevice;
  readonly adapter: AdapterInfo;
  readonly limits: DeviceLimits;
  readonly features: DeviceFeatures;
}

/** `any`: hardware before software. Anything but these three words is part of an adapter's name, in any case. */
export type AdapterChoice = "any" | "hardware" | "software" | (string & {});

const FLAGS: readonly string[] = [
  "enable-dawn-features=allow_unsafe_apis",
  "disable-dawn-features=lazy_clear_resource_on_first_use,timestamp_quantization",
];

/** One Dawn instance for each adapter filter, never dropped: Dawn crashes when the instance of a live device is collected. */
const INSTANCES = new Map<string, GPU>();

const instance = (adapterName: string | null): GPU => {
  const key = adapterName ?? "";
  const known = INSTANCES.get(key);
  if (known !== undefined) return known;
  const made = create(adapterName === null ? [...FLAGS] : [...FLAGS, `adapter=${adapterName}`]);
  INSTANCES.set(key, made);
  return made;
};

const describe = (adapter: GPUAdapter): AdapterInfo => {
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const software = isFallbackAdapter || architecture === "software" || /llvmpipe|swiftshader|basic render driver/i.test(description);
  return { vendor, architecture, description, software };
};

const findAdapter = async (choice: AdapterChoice): Promise<GPUAdapter> => {
  const named = choice !== "any" && choice !== "hardware" && choice !== "software";
  const request = (forceFallbackAdapter: boolean): Promise<GPUAdapter | null> =>
    instance(named ? choice : null)
      .requestAdapter({ powerPreference: "high-performance", forceFallbackAdapter })
      .catch((error: unknown) => {
        throw new DeviceError(`no GPU adapter "${choice}": ${error instanceof Error ? error.message : String(error)}`);
      });
  // Dawn knows software drivers such as lavapipe as fallbacks only once it has found them as adapters.
  const candidate = (choice === "software" ? await request(true) : null) ?? (await request(false));
  if (candidate === null) throw new DeviceError(`no GPU adapter "${choice}" (is a Vulkan, Metal or D3D12 driver installed?)`);
  const found = describe(candidate);
  if ((choice === "hardware" && found.software) || (choice === "software" && !found.software))
    throw new DeviceError(`no ${choice} GPU adapter: only "${found.description}" was found`);
  return candidate;
};

const RAISED = [
  "maxStorageBuffersPerShaderStage",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

/** @throws DeviceError when there is no such adapter or it refuses the device. */
export const openDevice = async (choice: AdapterChoice, limits: "adapter" | "default", maxBindingBytes: number): Promise<OpenedDevice> => {
  const adapter = await findAdapter(choice);
  const requiredLimits: Record<string, number> = {};
  if (limits === "adapter") for (const name of RAISED) requiredLimits[name] = adapter.limits[name];
  const features = { subgroups: adapter.features.has("subgroups"), timestamps: adapter.features.has("timestamp-query") };
  const requiredFeatures: GPUFeatureName[] = [];
  if (features.subgroups) requiredFeatures.push("subgroups");
  if (features.timestamps) requiredFeatures.push("timestamp-query");
  const info = describe(adapter);
  const gpu = await adapter.requestDevice({ requiredLimits, requiredFeatures }).catch((error: unknown) => {
    throw new DeviceError(`${info.description}: no device: ${error instanceof Error ? error.message : String(error)}`);
  });
  return {
    gpu,
    adapter: info,
    limits: {
      storageBuffers: gpu.limits.maxStorageBuffersPerShaderStage,
      bindingBytes: Math.floor(Math.min(gpu.limits.maxStorageBufferBindingSize, maxBindingBytes) / 256) * 256,
      bufferBytes: Math.floor(gpu.limits.maxBufferSize / 256) * 256,
      workgroupBytes: gpu.limits.maxComputeWorkgroupStorageSize,
      invocations: gpu.limits.maxComputeInvocationsPerWorkgroup,
    },
    features,
  };
};
