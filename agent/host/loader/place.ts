// Where a kernel or firmware goes, by what it is: raw Image, zImage, ELF, flat binary, or firmware in flash.

import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { RAM_BASE, ROM_BASE, WASM_PAGE } from "../../../kernel/abi/layout.ts";
import { BANK1, BANK_BYTES, ROM_WINDOW_BYTES } from "../../../kernel/machine/memory-map.ts";
import { escapeText } from "../../escape.ts";
import { ImageError } from "../../failure.ts";
import { elfParse, elfRecognise, type ElfSegment } from "./elf.ts";
import { imageFile, imageRead, imageUsedBytes, type ImageFile } from "./image-file.ts";
import { RECOGNISE_BYTES, refuseMistakes } from "./recognise.ts";
import { zimageLength, zimageRecognise } from "./zimage.ts";

/** Bytes that the host puts at a guest physical address, now and after each reset. */
export interface Segment {
  address: number;
  source:
    | { file: string; offset: number; length: number; sha256: string | null }
    | { bytes: Uint8Array }
    | { zeroes: number };
  /** It lies in flash: a reset leaves there what the guest has made of it. */
  once?: boolean;
}

/** A file of which a guest is made; with a hash, nothing else is loaded. */
export interface ImageSource {
  path: string;
  sha256: string | null;
}

export interface KernelSource extends ImageSource {
  /** Raw Image: where it goes from the start of RAM. Null: recognise the file. */
  offset: number | null;
  /** Bytes after a raw Image that its BSS needs; 0 when not known. */
  bssBytes: number;
}

export type ImageFormat = "image" | "zimage" | "elf" | "flat" | "firmware";

export interface Placed {
  segments: Segment[];
  /** Guest physical address; bit 0 set: Thumb. */
  entry: number;
  /** First byte of RAM in use, Infinity when none is, and the end, exclusive. */
  start: number;
  end: number;
  /** Firmware window in use, a multiple of 64 KiB. */
  romBytes: number;
  format: ImageFormat;
}

/** Where flat binaries and zImages go, as QEMU's -kernel does. */
const FLAT_OFFSET = 0x10000;

/** Places a kernel. Reads headers only. Throws ImageError. */
export function placeKernel(kernel: KernelSource, ramBytes: number): Placed {
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

/** An image of flash without its padding. Throws ImageError. */
export function firmwareImage(path: string): Buffer {
  const { file, length } = firmwareFile(path);
  return imageRead(file, 0, length);
}

/** Firmware lies in flash at address 0, and is entered there. Throws ImageError. */
export function placeFirmware(firmware: ImageSource): Placed {
  const { file, length: usedBytes } = firmwareFile(firmware.path);
  const length = Math.max(usedBytes, 1);
  const whole = firmware.sha256 === null ? null : wholeOf(file, firmware.sha256);
  const sha256 = whole === null ? null : sha256Of(whole.subarray(0, length));
  return {
    segments: [{ address: ROM_BASE, source: { file: file.path, offset: 0, length, sha256 }, once: true }],
    entry: ROM_BASE,
    start: Infinity,
    end: RAM_BASE,
    romBytes: wasmPagesUp(length),
    format: "firmware",
  };
}

function firmwareFile(path: string): { file: ImageFile; length: number } {
  const file = imageFile(path, "firmware");
  if (file.bytes > ROM_WINDOW_BYTES) throw romTooLarge("the firmware", file.bytes);
  return { file, length: imageUsedBytes(file, WASM_PAGE) };
}

function placeFlat(
  file: ImageFile,
  kernel: KernelSource,
  offset: number,
  format: ImageFormat,
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
    start: RAM_BASE + offset,
    end: RAM_BASE + needed,
    romBytes: 0,
    format,
  };
}

function placeElf(file: ImageFile, kernel: KernelSource, ramBytes: number): Placed {
  const { entry, segments } = elfParse(file);
  const whole = kernel.sha256 === null ? null : wholeOf(file, kernel.sha256);
  const placed: Placed = { segments: [], entry, start: Infinity, end: RAM_BASE, romBytes: 0, format: "elf" };
  for (const segment of segments) {
    reserve(placed, segment, ramBytes);
    const { address, fileOffset, fileBytes, memoryBytes } = segment;
    const flash = address < RAM_BASE ? { once: true } : {};
    if (fileBytes > 0) {
      const sha256 = whole === null ? null : sha256Of(whole.subarray(fileOffset, fileOffset + fileBytes));
      placed.segments.push({
        address,
        source: { file: file.path, offset: fileOffset, length: fileBytes, sha256 },
        ...flash,
      });
    }
    if (memoryBytes > fileBytes)
      placed.segments.push({ address: address + fileBytes, source: { zeroes: memoryBytes - fileBytes }, ...flash });
  }
  return placed;
}

/** Takes what a segment occupies into account: RAM, or the flash window below it. Throws ImageError when it is neither. */
function reserve(placed: Placed, { address, memoryBytes }: ElfSegment, ramBytes: number): void {
  const end = address + memoryBytes;
  if (address >= RAM_BASE) {
    if (end - RAM_BASE > ramBytes) throw tooLarge(end - RAM_BASE, ramBytes);
    placed.start = Math.min(placed.start, address);
    placed.end = Math.max(placed.end, end);
    return;
  }
  if (address >= ROM_BASE + ROM_WINDOW_BYTES) {
    throw new ImageError(
      "IMAGE_ADDRESS",
      `an ELF segment goes to 0x${address.toString(16)}, which is neither flash (below 0x${ROM_WINDOW_BYTES.toString(16)}) nor RAM (from 0x${RAM_BASE.toString(16)})`,
      "Link it for QEMU's virt machine.",
    );
  }
  if (end > ROM_BASE + ROM_WINDOW_BYTES) throw romTooLarge("an ELF segment", end - ROM_BASE);
  placed.romBytes = Math.max(placed.romBytes, wasmPagesUp(end - ROM_BASE));
}

/** A file whose parts are loaded and whose whole has a hash. Throws ImageError when it has another. */
function wholeOf(file: ImageFile, sha256: string): Buffer {
  const whole = imageRead(file, 0, file.bytes);
  if (sha256Of(whole) === sha256) return whole;
  throw hashWrong(file.path);
}

/** What is in a file is not what its hash was taken of. */
export function hashWrong(path: string): ImageError {
  return new ImageError(
    "IMAGE_HASH",
    `${escapeText(path)} does not have its recorded hash`,
    "Run: pocketvisor guest fetch NAME --force",
  );
}

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The second bank of flash: what firmware keeps its settings in. `path` names the file that it is kept in, if it is kept; it need not be there
 *  yet. Throws ImageError. */
export function placeBank1(path: string | null, leastBytes: number): { segments: Segment[]; bytes: number } {
  if (path === null || !existsSync(path)) return { segments: [], bytes: leastBytes };
  const { size } = statSync(path);
  if (size === 0) return { segments: [], bytes: leastBytes };
  const file = imageFile(path, "flash");
  if (file.bytes > BANK_BYTES) throw romTooLarge("the flash file", file.bytes);
  const length = imageUsedBytes(file, WASM_PAGE);
  const source = { file: path, offset: 0, length, sha256: null };
  return {
    segments: length === 0 ? [] : [{ address: BANK1, source, once: true }],
    bytes: Math.max(leastBytes, wasmPagesUp(length)),
  };
}

/** Whether an ELF file is a Linux kernel: it has the banner that /proc/version shows. */
export function isLinux({ segments, format }: Placed): boolean {
  if (format !== "elf") return format === "image" || format === "zimage";
  return segments.some(({ source }) => {
    if (!("file" in source)) return false;
    const { file, offset, length } = source;
    const image = imageFile(file, "kernel");
    for (let at = 0; at < length; at += SCAN_BYTES - BANNER.length) {
      if (imageRead(image, offset + at, Math.min(SCAN_BYTES, length - at)).includes(BANNER)) return true;
    }
    return false;
  });
}

const BANNER = "Linux version ";
const SCAN_BYTES = 1 << 20;

function wasmPagesUp(bytes: number): number {
  return Math.ceil(bytes / WASM_PAGE) * WASM_PAGE;
}

function romTooLarge(what: string, bytes: number): ImageError {
  return new ImageError(
    "IMAGE_TOO_LARGE",
    `${what} needs ${mebibytes(bytes)} MiB of flash, which has ${mebibytes(ROM_WINDOW_BYTES)} MiB`,
  );
}

function tooLarge(needed: number, ramBytes: number): ImageError {
  return new ImageError(
    "IMAGE_TOO_LARGE",
    `the kernel needs ${mebibytes(needed)} MiB of RAM, the partition has ${mebibytes(ramBytes)} MiB`,
    "Give it more with --memory.",
  );
}

/** For messages. */
export function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
