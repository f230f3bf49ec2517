// Decides what goes where in a partition's memory before its first instruction, and refuses what does not fit.
//
//   RAM base  …  kernel, BSS  …  initramfs, device tree | top of RAM (or of the 512 MiB that every kernel maps)
//   address 0    firmware, or what of an ELF file lies below RAM
//
// ELF files and firmware that are made for QEMU's `virt` find the device tree at RAM base without asking: there it is when that place
// is free. Linux is told by r2, and gets it at the top.

import { RAM_BASE } from "../../../kernel/abi/layout.ts";
import { ImageError } from "../../failure.ts";
import { deviceTree, deviceTreeOverride } from "./device-tree.ts";
import { imageFile, imageRead } from "./image-file.ts";
import { mebibytes, placeFirmware, placeKernel, type ImageFormat, type KernelSource, type Segment } from "./place.ts";

export type { KernelSource, Segment } from "./place.ts";

export interface LoadPlan {
  segments: Segment[];
  /** Bit 0 set: Thumb. */
  entry: number;
  r0: number;
  r1: number;
  r2: number;
  /** Firmware window in use, a multiple of 64 KiB. */
  romBytes: number;
  /** The blob at r2. */
  deviceTree: Uint8Array;
  /** Guest physical address of the seed in it: a guest that resets itself gets a fresh one. */
  rngSeedAt: number;
  /** How the kernel was recognised, for messages. */
  format: ImageFormat;
}

export interface PlanOptions {
  ramBytes: number;
  devices: number;
  kernel: KernelSource | null;
  firmware: string | null;
  initrd: { path: string; sha256: string | null } | null;
  commandLine: string | null;
  /** Path of a tree of the user's. */
  deviceTree: string | null;
  /** RNG_SEED_BYTES random bytes. */
  rngSeed: Uint8Array;
}

export const RNG_SEED_BYTES = 64;
/** Initramfs and device tree must lie where every kernel has a mapping from the start. */
const LOW_MEMORY_BYTES = 512 << 20;
const PAGE = 4096;
const DEVICE_TREE_FILE_MAX = 1 << 20;

/** Plans the load. Reads headers only. Throws ImageError. */
export function loadPlan(options: PlanOptions): LoadPlan {
  const kernel = options.kernel === null ? null : placeKernel(options.kernel, options.ramBytes);
  const firmware = options.firmware === null ? null : placeFirmware(options.firmware);
  const placed = kernel ?? firmware;
  if (placed === null)
    throw new ImageError(
      "IMAGE_NONE",
      "there is neither a kernel nor firmware to start",
      "Name a guest, --kernel FILE or --firmware FILE.",
    );

  // The tree's length does not depend on the addresses in it.
  const initrd = options.initrd === null ? null : imageFile(options.initrd.path, "initramfs");
  const tree = (start: number): Buffer => {
    const treeOptions = {
      ramBytes: options.ramBytes,
      devices: options.devices,
      commandLine: options.commandLine,
      initrd: initrd === null ? null : { start, end: start + initrd.bytes },
      rngSeed: options.rngSeed,
    };
    if (options.deviceTree === null) return deviceTree(treeOptions);
    const file = imageFile(options.deviceTree, "device tree");
    return deviceTreeOverride(imageRead(file, 0, DEVICE_TREE_FILE_MAX + 1), treeOptions);
  };
  const top = RAM_BASE + Math.min(options.ramBytes, LOW_MEMORY_BYTES);
  const treeBytes = tree(0).length;
  const kernelStart = kernel === null ? Infinity : kernel.start;
  const kernelEnd = kernel === null ? RAM_BASE : kernel.end;
  const bootsAlone = placed.format === "elf" || firmware !== null;
  const treeAtBase = bootsAlone && kernelStart - RAM_BASE >= treeBytes;
  const treeAt = treeAtBase ? RAM_BASE : pageDown(top - treeBytes);
  const initrdTop = treeAtBase ? top : treeAt;
  const initrdAt = initrd === null ? initrdTop : pageDown(initrdTop - initrd.bytes);
  const low = Math.max(kernelEnd, treeAtBase ? RAM_BASE + treeBytes : RAM_BASE);
  if (initrdAt < low) {
    const needed = low - RAM_BASE + (top - initrdAt);
    throw new ImageError(
      "IMAGE_TOO_LARGE",
      `kernel, initramfs and device tree need ${mebibytes(needed)} MiB, the partition has ${mebibytes(options.ramBytes)} MiB`,
      `Give it more: --memory ${Math.ceil(needed / 2 ** 20) + 8}M`,
    );
  }
  const segments = [...(firmware?.segments ?? []), ...(kernel?.segments ?? [])];
  if (initrd !== null) {
    const source = { file: initrd.path, offset: 0, length: initrd.bytes, sha256: options.initrd!.sha256 };
    segments.push({ address: initrdAt, source });
  }
  const blob = tree(initrdAt);
  segments.push({ address: treeAt, source: { bytes: blob } });
  return {
    segments,
    entry: firmware?.entry ?? placed.entry,
    r0: 0,
    // No machine number: the device tree tells (Linux Documentation/arch/arm/booting).
    r1: 0xffffffff,
    r2: treeAt,
    deviceTree: blob,
    rngSeedAt: treeAt + blob.indexOf(options.rngSeed),
    romBytes: Math.max(firmware?.romBytes ?? 0, kernel?.romBytes ?? 0),
    format: firmware !== null ? "firmware" : kernel!.format,
  };
}

function pageDown(address: number): number {
  return Math.floor(address / PAGE) * PAGE;
}
