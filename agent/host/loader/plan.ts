// Decides what goes where in a partition's memory before its first instruction, and refuses what does not fit.
//
//   RAM base  …  kernel, BSS  …  initramfs, device tree | top of RAM (or of the 512 MiB that every kernel maps)
//   address 0    firmware, or what of an ELF file lies below RAM
//
// ELF files and firmware that are made for QEMU's `virt` find the device tree at RAM base without asking: there it is when that place
// is free. Linux is told by r2, and gets it at the top.

import { DEVICE_FLASH, DEVICE_FW_CFG, RAM_BASE } from "../../../kernel/abi/layout.ts";
import { ImageError } from "../../failure.ts";
import { deviceTree, deviceTreeOverride } from "./device-tree.ts";
import { imageFile, imageRead } from "./image-file.ts";
import { NO_FIRMWARE, type FirmwareConfig } from "./firmware.ts";
import { fwCfgFiles } from "./fw-cfg.ts";
import {
  isLinux,
  mebibytes,
  placeBank1,
  placeFirmware,
  placeKernel,
  type ImageFormat,
  type ImageSource,
  type KernelSource,
  type Placed,
  type Segment,
} from "./place.ts";

export type { ImageSource, KernelSource, Segment } from "./place.ts";

export interface LoadPlan {
  segments: Segment[];
  /** Bit 0 set: Thumb. */
  entry: number;
  r0: number;
  r1: number;
  r2: number;
  /** What stands behind flash and fw_cfg, and virtio's transport. */
  firmware: FirmwareConfig;
  /** DEVICE_* bits: those that were asked for, and what comes with the image. */
  devices: number;
  /** The file that the second bank of flash is kept in. */
  flashFile: string | null;
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
  firmware: ImageSource | null;
  /** The file that the second bank of flash is kept in; made when it is first written. */
  flash?: string | null;
  /** virtio's transport; null: as the image expects it. */
  virtio?: "modern" | "legacy" | null;
  initrd: ImageSource | null;
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

/** What firmware gets of the second bank when nothing is in it: EDK2 keeps its variables in three blocks of 256 KiB. */
const SETTINGS_BYTES = 0xc0000;

/** Plans the load. Reads headers only. Throws ImageError. */
export function loadPlan(options: PlanOptions): LoadPlan {
  const kernel = options.kernel === null ? null : placeKernel(options.kernel, options.ramBytes);
  if (options.firmware !== null) return planFirmware(options, placeFirmware(options.firmware), kernel);
  if (kernel === null)
    throw new ImageError(
      "IMAGE_NONE",
      "there is neither a kernel nor firmware to start",
      "Name a guest, --kernel FILE or --firmware FILE.",
    );
  const placed = placeWhole(options, kernel);
  if (kernel.format !== "elf") return planOf(options, kernel, placed, { ...NO_FIRMWARE, romBytes: kernel.romBytes });
  const bank1 = placeBank1(options.flash ?? null, 0);
  const fwCfg = fwCfgFiles({ ramBytes: options.ramBytes, kernel: null, initrd: null, commandLine: null });
  placed.segments.push(...bank1.segments, ...fwCfg.segments);
  return planOf(options, kernel, placed, {
    romBytes: kernel.romBytes,
    bank1Bytes: bank1.bytes,
    fwCfgBytes: fwCfg.bytes,
    virtio: isLinux(kernel) ? "modern" : "legacy",
  });
}

/** Firmware asks for the kernel, the initramfs and the command line itself, through fw_cfg. */
function planFirmware(options: PlanOptions, firmware: Placed, kernel: Placed | null): LoadPlan {
  const { initrd, commandLine, ramBytes } = options;
  const bank1 = placeBank1(options.flash ?? null, SETTINGS_BYTES);
  const fwCfg = fwCfgFiles({
    ramBytes,
    commandLine,
    kernel:
      kernel === null ? null : { file: imageFile(options.kernel!.path, "kernel"), sha256: options.kernel!.sha256 },
    initrd: initrd === null ? null : { file: imageFile(initrd.path, "initramfs"), sha256: initrd.sha256 },
  });
  const placed = placeWhole({ ...options, initrd: null }, firmware);
  placed.segments.push(...bank1.segments, ...fwCfg.segments);
  return planOf(options, firmware, placed, {
    romBytes: firmware.romBytes,
    bank1Bytes: bank1.bytes,
    fwCfgBytes: fwCfg.bytes,
    virtio: "legacy",
  });
}

interface Whole {
  segments: Segment[];
  tree: Buffer;
  treeAt: number;
}

/** DEVICE_* bits of a machine that boots what is placed: what QEMU's `virt` has beside the devices that every partition has. */
function devicesOf({ devices }: PlanOptions, { format }: Placed): number {
  return format === "elf" || format === "firmware" ? devices | DEVICE_FLASH | DEVICE_FW_CFG : devices;
}

/** Finds places for the initramfs and the device tree. */
function placeWhole(options: PlanOptions, placed: Placed): Whole {
  // The tree's length does not depend on the addresses in it.
  const initrd = options.initrd === null ? null : imageFile(options.initrd.path, "initramfs");
  const tree = (start: number): Buffer => {
    const treeOptions = {
      ramBytes: options.ramBytes,
      devices: devicesOf(options, placed),
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
  const bootsAlone = placed.format === "elf" || placed.format === "firmware";
  const treeAtBase = bootsAlone && placed.start - RAM_BASE >= treeBytes;
  const treeAt = treeAtBase ? RAM_BASE : pageDown(top - treeBytes);
  const initrdTop = treeAtBase ? top : treeAt;
  const initrdAt = initrd === null ? initrdTop : pageDown(initrdTop - initrd.bytes);
  const low = Math.max(placed.end, treeAtBase ? RAM_BASE + treeBytes : RAM_BASE);
  if (initrdAt < low) {
    const needed = low - RAM_BASE + (top - initrdAt);
    throw new ImageError(
      "IMAGE_TOO_LARGE",
      `kernel, initramfs and device tree need ${mebibytes(needed)} MiB, the partition has ${mebibytes(options.ramBytes)} MiB`,
      `Give it more: --memory ${Math.ceil(needed / 2 ** 20) + 8}M`,
    );
  }
  const segments = [...placed.segments];
  if (initrd !== null) {
    const source = { file: initrd.path, offset: 0, length: initrd.bytes, sha256: options.initrd!.sha256 };
    segments.push({ address: initrdAt, source });
  }
  const blob = tree(initrdAt);
  segments.push({ address: treeAt, source: { bytes: blob } });
  return { segments, tree: blob, treeAt };
}

function planOf(options: PlanOptions, placed: Placed, whole: Whole, firmware: FirmwareConfig): LoadPlan {
  const { segments, tree, treeAt } = whole;
  return {
    segments,
    entry: placed.entry,
    r0: 0,
    // No machine number: the device tree tells (Linux Documentation/arch/arm/booting).
    r1: 0xffffffff,
    r2: treeAt,
    firmware: { ...firmware, virtio: options.virtio ?? firmware.virtio },
    devices: devicesOf(options, placed),
    flashFile: firmware.bank1Bytes > 0 ? (options.flash ?? null) : null,
    deviceTree: tree,
    rngSeedAt: treeAt + tree.indexOf(options.rngSeed),
    format: placed.format,
  };
}

function pageDown(address: number): number {
  return Math.floor(address / PAGE) * PAGE;
}
