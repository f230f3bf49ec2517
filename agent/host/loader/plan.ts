// Decides what goes where in a partition's memory before its first instruction, and refuses what does not fit.
//
//   RAM base  …  kernel, BSS  …  initramfs, device tree | top of RAM (or of the 512 MiB that every kernel maps)
//   address 0    firmware, if there is one

import { createHash } from "node:crypto";
import { RAM_BASE, ROM_BASE, WASM_PAGE } from "../../../kernel/abi/layout.ts";
import { ROM_WINDOW_BYTES } from "../../../kernel/machine/memory-map.ts";
import { escapeText } from "../../escape.ts";
import { ImageError } from "../../failure.ts";
import { deviceTree, deviceTreeOverride } from "./device-tree.ts";
import { elfParse, elfRecognise } from "./elf.ts";
import { imageFile, imageRead, type ImageFile } from "./image-file.ts";
import { RECOGNISE_BYTES, refuseMistakes } from "./recognise.ts";
import { zimageLength, zimageRecognise } from "./zimage.ts";

/** Bytes that the host puts at a guest physical address, now and after each reset. */
export interface Segment {
  address: number;
  source:
    | { file: string; offset: number; length: number; sha256: string | null }
    | { bytes: Uint8Array }
    | { zeroes: number };
}

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
  format: "image" | "zimage" | "elf" | "flat" | "firmware";
}

export interface KernelSource {
  path: string;
  sha256: string | null;
  /** Raw Image: where it goes from the start of RAM. Null: recognise the file. */
  offset: number | null;
  /** Bytes after a raw Image that its BSS needs; 0 when not known. */
  bssBytes: number;
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
/** Where flat binaries and zImages go, as QEMU's -kernel does. */
const FLAT_OFFSET = 0x10000;
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

  // Top down: device tree, then the initramfs below it. The tree's length does not depend on the addresses in it.
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
  const treeAt = pageDown(top - tree(0).length);
  const initrdAt = initrd === null ? treeAt : pageDown(treeAt - initrd.bytes);
  const kernelEnd = kernel?.end ?? RAM_BASE;
  if (initrdAt < kernelEnd) {
    const needed = kernelEnd - RAM_BASE + (top - initrdAt);
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
    romBytes: firmware?.romBytes ?? 0,
    format: firmware !== null ? "firmware" : kernel!.format,
  };
}

interface Placed {
  segments: Segment[];
  entry: number;
  end: number;
  romBytes: number;
  format: LoadPlan["format"];
}

function placeKernel(kernel: KernelSource, ramBytes: number): Placed {
  const file = imageFile(kernel.path, "kernel");
  const header = imageRead(file, 0, RECOGNISE_BYTES);
  if (kernel.offset !== null) return placeFlat(file, kernel, kernel.offset, "image", ramBytes);
  if (elfRecognise(header)) return placeElf(file, kernel, ramBytes);
  if (zimageRecognise(header)) {
    zimageLength(header, file.bytes);
    return placeFlat(file, kernel, FLAT_OFFSET, "zimage", ramBytes);
  }
  refuseMistakes(header);
  return placeFlat(file, kernel, FLAT_OFFSET, "flat", ramBytes);
}

function placeFlat(
  file: ImageFile,
  kernel: KernelSource,
  offset: number,
  format: LoadPlan["format"],
  ramBytes: number,
): Placed {
  if (!Number.isInteger(offset) || offset < 0 || offset % 4 !== 0 || offset >= ramBytes) {
    throw new ImageError(
      "IMAGE_OFFSET",
      `the kernel's offset 0x${offset.toString(16)} is not a multiple of 4 inside RAM`,
    );
  }
  const needed = offset + file.bytes + kernel.bssBytes;
  if (needed > ramBytes) throw tooLarge(needed, ramBytes);
  return {
    segments: [
      { address: RAM_BASE + offset, source: { file: file.path, offset: 0, length: file.bytes, sha256: kernel.sha256 } },
    ],
    entry: RAM_BASE + offset,
    end: RAM_BASE + needed,
    romBytes: 0,
    format,
  };
}

function placeElf(file: ImageFile, kernel: KernelSource, ramBytes: number): Placed {
  const { entry, segments } = elfParse(file);
  const whole = kernel.sha256 === null ? null : wholeOf(file, kernel.sha256);
  const result: Segment[] = [];
  let end = RAM_BASE;
  for (const { address, fileOffset, fileBytes, memoryBytes } of segments) {
    if (address < RAM_BASE) {
      throw new ImageError(
        "IMAGE_ADDRESS",
        `an ELF segment goes to 0x${address.toString(16)}, below RAM at 0x${RAM_BASE.toString(16)}`,
      );
    }
    if (address + memoryBytes - RAM_BASE > ramBytes) throw tooLarge(address + memoryBytes - RAM_BASE, ramBytes);
    if (fileBytes > 0) {
      const sha256 = whole === null ? null : sha256Of(whole.subarray(fileOffset, fileOffset + fileBytes));
      result.push({ address, source: { file: file.path, offset: fileOffset, length: fileBytes, sha256 } });
    }
    if (memoryBytes > fileBytes)
      result.push({ address: address + fileBytes, source: { zeroes: memoryBytes - fileBytes } });
    end = Math.max(end, address + memoryBytes);
  }
  return { segments: result, entry, end, romBytes: 0, format: "elf" };
}

/** A file whose parts are loaded and whose whole has a hash. Throws ImageError when it has another. */
function wholeOf(file: ImageFile, sha256: string): Buffer {
  const whole = imageRead(file, 0, file.bytes);
  if (sha256Of(whole) === sha256) return whole;
  throw new ImageError("IMAGE_HASH", `${escapeText(file.path)} does not have its recorded hash`);
}

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function placeFirmware(path: string): Placed {
  const file = imageFile(path, "firmware");
  if (file.bytes > ROM_WINDOW_BYTES) {
    throw new ImageError(
      "IMAGE_TOO_LARGE",
      `the firmware has ${mebibytes(file.bytes)} MiB, its window ${mebibytes(ROM_WINDOW_BYTES)} MiB`,
    );
  }
  return {
    segments: [{ address: ROM_BASE, source: { file: file.path, offset: 0, length: file.bytes, sha256: null } }],
    entry: ROM_BASE,
    end: RAM_BASE,
    romBytes: Math.ceil(file.bytes / WASM_PAGE) * WASM_PAGE,
    format: "firmware",
  };
}

function tooLarge(needed: number, ramBytes: number): ImageError {
  return new ImageError(
    "IMAGE_TOO_LARGE",
    `the kernel needs ${mebibytes(needed)} MiB of RAM, the partition has ${mebibytes(ramBytes)} MiB`,
    "Give it more with --memory.",
  );
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

function pageDown(address: number): number {
  return Math.floor(address / PAGE) * PAGE;
}
