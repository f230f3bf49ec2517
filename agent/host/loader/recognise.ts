// Files that people hand to --kernel by mistake: other machines' kernels, and wrappings that must come off first.

import { ImageError } from "../../failure.ts";

interface Mistake {
  offset: number;
  magic: Buffer;
  code: string;
  what: string;
  hint: string;
}

const OTHER_MACHINE = "This machine is 32-bit little-endian ARM (Debian: armhf).";

const MISTAKES: Mistake[] = [
  {
    offset: 0x38,
    magic: Buffer.from("ARM\x64", "latin1"),
    code: "IMAGE_ARCHITECTURE",
    what: "an arm64 Image",
    hint: OTHER_MACHINE,
  },
  {
    offset: 0x38,
    magic: Buffer.from("RSC\x05", "latin1"),
    code: "IMAGE_ARCHITECTURE",
    what: "a RISC-V Image",
    hint: OTHER_MACHINE,
  },
  {
    offset: 0x202,
    magic: Buffer.from("HdrS"),
    code: "IMAGE_ARCHITECTURE",
    what: "an x86 bzImage",
    hint: OTHER_MACHINE,
  },
  {
    offset: 0,
    magic: Buffer.from([0x27, 0x05, 0x19, 0x56]),
    code: "IMAGE_WRAPPED",
    what: "a U-Boot uImage",
    hint: "Unwrap it first: the kernel starts 64 bytes later.",
  },
  {
    offset: 0,
    magic: Buffer.from("ANDROID!"),
    code: "IMAGE_WRAPPED",
    what: "an Android boot image",
    hint: "Unpack kernel and ramdisk first.",
  },
  {
    offset: 0,
    magic: Buffer.from([0x1f, 0x8b]),
    code: "IMAGE_WRAPPED",
    what: "gzip-compressed",
    hint: "Run gunzip on it first.",
  },
  {
    offset: 0,
    magic: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]),
    code: "IMAGE_WRAPPED",
    what: "xz-compressed",
    hint: "Run unxz on it first.",
  },
  {
    offset: 0,
    magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
    code: "IMAGE_WRAPPED",
    what: "zstd-compressed",
    hint: "Run unzstd on it first.",
  },
  {
    offset: 0,
    magic: Buffer.from("!<arch>\n"),
    code: "IMAGE_WRAPPED",
    what: "a Debian package or archive",
    hint: "Unpack it first.",
  },
];

/** Bytes of the file's start that refuseMistakes looks at. */
export const RECOGNISE_BYTES = 0x210;

/** Throws ImageError when the first bytes of a kernel are those of something that this machine cannot enter. */
export function refuseMistakes(header: Buffer): void {
  for (const { offset, magic, code, what, hint } of MISTAKES) {
    if (header.subarray(offset, offset + magic.length).equals(magic))
      throw new ImageError(code, `the kernel is ${what}`, hint);
  }
}
