// Linux's compressed ARM image: its header, its table, and the XZ payload inside.
// Layout: arch/arm/boot/compressed/head.S and vmlinux.lds.S of Linux; the .xz file format 1.1.0.

import { ImageError } from "../../failure.ts";

/** Bytes of the fixed header that recognise a zImage. */
export const ZIMAGE_HEADER_BYTES = 0x40;
const MAGIC_AT = 0x24;
const START_AT = 0x28;
const END_AT = 0x2c;
const ENDIAN_AT = 0x30;
const EXTENSION_MAGIC_AT = 0x34;
const TABLE_AT = 0x38;
const MAGIC = 0x016f2818;
const EXTENSION_MAGIC = 0x45454545;
const LITTLE_ENDIAN = 0x04030201;
/** The table's entry: tag, then offset of the payload's size word, bytes of BSS, TEXT_OFFSET. */
const TABLE_TAG = 0x5a534c4b;
const TABLE_WORDS_MAX = 64;

const XZ_HEADER_BYTES = 12;
const XZ_FOOTER_BYTES = 12;
const XZ_MAGIC = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
/** No kernel of ours is larger; a payload that claims more is refused before anything is unpacked. */
const PAYLOAD_BYTES_MAX = 256 << 20;

export interface Zimage {
  /** Bytes of the image, as its header says. */
  length: number;
  /** What the table tells about the payload; null when there is no table. */
  payload: ZimagePayload | null;
}

export interface ZimagePayload {
  /** Offset after the payload: where the word with the unpacked size stands. */
  end: number;
  /** Bytes of the unpacked Image, without BSS. */
  imageBytes: number;
  bssBytes: number;
  /** Where the Image goes, from the start of RAM. */
  textOffset: number;
}

/** Whether these first bytes of a file are a zImage's. */
export function zimageRecognise(header: Buffer): boolean {
  return header.length >= ZIMAGE_HEADER_BYTES && header.readUInt32LE(MAGIC_AT) === MAGIC;
}

/** Reads header and table of a whole file. Throws ImageError for a truncated or inconsistent one. */
export function zimageParse(file: Buffer): Zimage {
  const length = zimageLength(file, file.length);
  return { length, payload: zimagePayload(file, length) };
}

/** The image's length by its header, the file's first ZIMAGE_HEADER_BYTES bytes. Throws ImageError when it is not
 *  little-endian, or longer than the file. */
export function zimageLength(file: Buffer, fileBytes: number): number {
  if (!zimageRecognise(file)) throw new ImageError("IMAGE_NOT_ZIMAGE", "the file is no zImage");
  if (file.readUInt32LE(ENDIAN_AT) !== LITTLE_ENDIAN) {
    throw new ImageError(
      "IMAGE_ARCHITECTURE",
      "the zImage is for a big-endian machine",
      "This machine is little-endian ARMv7.",
    );
  }
  const length = file.readUInt32LE(END_AT) - file.readUInt32LE(START_AT);
  if (length < ZIMAGE_HEADER_BYTES || length > fileBytes) {
    throw new ImageError(
      "IMAGE_TRUNCATED",
      `the zImage's header says ${length} bytes, the file has ${fileBytes}`,
      "Copy or fetch it again.",
    );
  }
  return length;
}

function zimagePayload(file: Buffer, length: number): ZimagePayload | null {
  if (file.readUInt32LE(EXTENSION_MAGIC_AT) !== EXTENSION_MAGIC) return null;
  let at = file.readUInt32LE(TABLE_AT);
  const limit = Math.min(length, file.length) - 4;
  for (let left = TABLE_WORDS_MAX; left > 0 && at <= limit; left--) {
    const words = file.readUInt32LE(at);
    if (words === 0) return null;
    if (words >= 4 && at + words * 4 <= limit && file.readUInt32LE(at + 4) === TABLE_TAG) {
      const end = file.readUInt32LE(at + 8);
      if (end > limit) throw new ImageError("IMAGE_TRUNCATED", "the zImage's payload lies outside of the file");
      return {
        end,
        imageBytes: file.readUInt32LE(end),
        bssBytes: file.readUInt32LE(at + 12),
        textOffset: words >= 5 ? file.readUInt32LE(at + 16) : 0x8000,
      };
    }
    at += words * 4;
  }
  return null;
}

/** The .xz stream that ends at the payload's end, found from its footer and index backwards (.xz 2.1.2, 4): magic numbers
 *  inside the decompressor would mislead a search. Null when the payload is compressed otherwise. */
export function zimageXzStream(file: Buffer, payload: ZimagePayload): Buffer | null {
  const footer = payload.end - XZ_FOOTER_BYTES;
  if (footer < XZ_HEADER_BYTES || file.toString("latin1", footer + 10, footer + 12) !== "YZ") return null;
  if (payload.imageBytes > PAYLOAD_BYTES_MAX) {
    throw new ImageError("IMAGE_TOO_LARGE", `the zImage claims to unpack to ${payload.imageBytes} bytes`);
  }
  const indexBytes = (file.readUInt32LE(footer + 4) + 1) * 4;
  let at = footer - indexBytes;
  if (at < XZ_HEADER_BYTES || file[at] !== 0) throw new ImageError("IMAGE_DAMAGED", "the zImage's XZ index is damaged");
  at++;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; at < footer; scale *= 128) {
      const byte = file[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80 && Number.isSafeInteger(value)) return value;
      if (scale > 2 ** 49) break;
    }
    throw new ImageError("IMAGE_DAMAGED", "the zImage's XZ index is damaged");
  };
  let blocks = 0;
  let unpacked = 0;
  for (let records = number(); records > 0; records--) {
    blocks += Math.ceil(number() / 4) * 4;
    unpacked += number();
  }
  const start = footer - indexBytes - blocks - XZ_HEADER_BYTES;
  const damaged = start < 0 || unpacked !== payload.imageBytes || !file.subarray(start, start + 6).equals(XZ_MAGIC);
  if (damaged) throw new ImageError("IMAGE_DAMAGED", "the zImage's XZ stream does not match its index");
  return file.subarray(start, payload.end);
}
