// ELF images: bare-metal programs and uncompressed kernels (System V ABI, chapter 4 and 5; ELF for the Arm architecture).

import { ImageError } from "../../failure.ts";
import { imageRead, type ImageFile } from "./image-file.ts";

export const ELF_HEADER_BYTES = 52;
const CLASS_32 = 1;
const LITTLE_ENDIAN = 1;
const TYPE_EXECUTABLE = 2;
const MACHINE_ARM = 40;
const PROGRAM_HEADER_BYTES = 32;
const PROGRAM_HEADER_COUNT_MAX = 64;
const LOAD = 1;
/** p_flags: the segment is executable. */
const EXECUTE = 1;
/** Names for the mistakes that people make. */
const MACHINES: Record<number, string> = { 3: "x86", 8: "MIPS", 62: "x86-64", 183: "arm64", 243: "RISC-V" };

export interface ElfSegment {
  /** Guest physical address. */
  address: number;
  fileOffset: number;
  fileBytes: number;
  /** At least fileBytes; the rest is zero. */
  memoryBytes: number;
}

export interface Elf {
  /** Guest physical address; bit 0 set: Thumb. */
  entry: number;
  segments: ElfSegment[];
}

/** Whether these first bytes of a file are an ELF file's. */
export function elfRecognise(header: Buffer): boolean {
  return header.length >= 4 && header.readUInt32BE(0) === 0x7f454c46;
}

/** Reads header and program headers. The machine starts with the MMU off, so an entry that is a virtual address is
 *  translated by the executable segment that holds it, as QEMU does. Throws ImageError for other machines and for headers that lie. */
export function elfParse(file: ImageFile): Elf {
  const header = imageRead(file, 0, ELF_HEADER_BYTES);
  if (header.length < ELF_HEADER_BYTES) throw truncated(file);
  const machine = header.readUInt16LE(18);
  if (header[4] !== CLASS_32 || header[5] !== LITTLE_ENDIAN || machine !== MACHINE_ARM) {
    const name = header[5] === LITTLE_ENDIAN ? (MACHINES[machine] ?? `machine ${machine}`) : "a big-endian machine";
    throw new ImageError(
      "IMAGE_ARCHITECTURE",
      `the ELF file is for ${name}`,
      "This machine is 32-bit little-endian ARM.",
    );
  }
  if (header.readUInt16LE(16) !== TYPE_EXECUTABLE) {
    throw new ImageError(
      "IMAGE_NOT_EXECUTABLE",
      "the ELF file is no executable with fixed addresses",
      "Link it (ET_EXEC).",
    );
  }
  const headersAt = header.readUInt32LE(28);
  const headerBytes = header.readUInt16LE(42);
  const count = header.readUInt16LE(44);
  if (headerBytes < PROGRAM_HEADER_BYTES || count === 0 || count > PROGRAM_HEADER_COUNT_MAX) {
    throw new ImageError("IMAGE_DAMAGED", `the ELF file has ${count} program headers of ${headerBytes} bytes`);
  }
  const headers = imageRead(file, headersAt, headerBytes * count);
  if (headers.length < headerBytes * count) throw truncated(file);
  const segments: ElfSegment[] = [];
  const entry = header.readUInt32LE(24);
  let translated: number | null = null;
  for (let at = 0; at < headers.length; at += headerBytes) {
    if (headers.readUInt32LE(at) !== LOAD) continue;
    const segment = {
      address: headers.readUInt32LE(at + 12),
      fileOffset: headers.readUInt32LE(at + 4),
      fileBytes: headers.readUInt32LE(at + 16),
      memoryBytes: headers.readUInt32LE(at + 20),
    };
    if (segment.fileBytes > segment.memoryBytes)
      throw new ImageError("IMAGE_DAMAGED", "an ELF segment is larger than its memory");
    if (segment.fileOffset + segment.fileBytes > file.bytes) throw truncated(file);
    if (segment.memoryBytes > 0) segments.push(segment);
    const into = entry - headers.readUInt32LE(at + 8);
    if (headers.readUInt32LE(at + 24) & EXECUTE && into >= 0 && into < segment.fileBytes)
      translated ??= segment.address + into;
  }
  if (segments.length === 0) throw new ImageError("IMAGE_DAMAGED", "the ELF file loads nothing");
  const inside = segments.some(({ address, memoryBytes }) => entry >= address && entry < address + memoryBytes);
  if (translated === null && !inside)
    throw new ImageError("IMAGE_DAMAGED", `the ELF file's entry 0x${entry.toString(16)} lies in no segment`);
  return { entry: translated ?? entry, segments };
}

function truncated(file: ImageFile): ImageError {
  return new ImageError(
    "IMAGE_TRUNCATED",
    `the ELF file's headers reach beyond its ${file.bytes} bytes`,
    "Copy it again.",
  );
}
