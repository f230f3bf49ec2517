// What goes where, and the images that are refused (Linux Documentation/arch/arm/booting; ELF for the Arm architecture).

import { writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FW_CFG_FILES } from "../../../../../agent/host/loader/firmware.js";
import { loadPlan, type LoadPlan, type PlanOptions } from "../../../../../agent/host/loader/plan.js";
import { ImageError } from "../../../../../agent/failure.js";
import { assertFails } from "../../../../support/failure.js";
import { Generator } from "../../../../support/generator.js";
import { temporaryFile, temporaryFolder } from "../../../../support/temporary.js";

const RAM = 0x40000000;
const MIB = 1 << 20;

function options(kernel: Uint8Array | string, more: Partial<PlanOptions> = {}): PlanOptions {
  const path = typeof kernel === "string" ? kernel : temporaryFile(kernel);
  return {
    ramBytes: 32 * MIB,
    devices: 0,
    kernel: { path, sha256: null, offset: null, bssBytes: 0 },
    firmware: null,
    initrd: null,
    commandLine: null,
    deviceTree: null,
    rngSeed: Buffer.alloc(64, 1),
    ...more,
  };
}

interface ElfParts {
  machine?: number;
  type?: number;
  entry?: number;
  address?: number;
  /** Where the segment is linked to run; its own address by default. */
  virtual?: number;
  /** p_flags: executable (1), writable (2), readable (4). */
  flags?: number;
  memoryBytes?: number;
  fileBytes?: number;
  headerCount?: number;
}

function elf(parts: ElfParts = {}): Buffer {
  const address = parts.address ?? RAM + 0x8000;
  const file = Buffer.alloc(0x100);
  file.writeUInt32BE(0x7f454c46, 0);
  file[4] = file[5] = file[6] = 1;
  file.writeUInt16LE(parts.type ?? 2, 16);
  file.writeUInt16LE(parts.machine ?? 40, 18);
  file.writeUInt32LE(parts.entry ?? address, 24);
  file.writeUInt32LE(52, 28);
  file.writeUInt16LE(32, 42);
  file.writeUInt16LE(parts.headerCount ?? 1, 44);
  const fileBytes = parts.fileBytes ?? 0x80;
  const memoryBytes = parts.memoryBytes ?? fileBytes;
  [1, 0x80, parts.virtual ?? address, address, fileBytes, memoryBytes, parts.flags ?? 5].forEach((word, n) =>
    file.writeUInt32LE(word, 52 + n * 4),
  );
  return file;
}

function zimage(length: number): Buffer {
  const file = Buffer.alloc(0x400);
  file.writeUInt32LE(0x016f2818, 0x24);
  file.writeUInt32LE(length, 0x2c);
  file.writeUInt32LE(0x04030201, 0x30);
  return file;
}

const plan = suite("plan");

plan("a raw Image goes to its offset, the initramfs below the device tree at the top of RAM", () => {
  const initrd = { path: temporaryFile(Buffer.alloc(5000)), sha256: null };
  const base = options(Buffer.alloc(0x1000));
  base.kernel!.offset = 0x208000;
  const result = loadPlan({ ...base, initrd });
  const [kernel, archive, tree] = result.segments;
  assert.is(kernel!.address, RAM + 0x208000);
  assert.is(result.entry, RAM + 0x208000);
  assert.equal([result.r0, result.r1, result.r2], [0, 0xffffffff, tree!.address]);
  assert.ok(archive!.address + 5000 <= tree!.address && archive!.address % 4096 === 0 && tree!.address % 4096 === 0);
  assert.ok(tree!.address + result.deviceTree.length <= RAM + 32 * MIB);
  assert.equal(result.deviceTree.subarray(result.rngSeedAt - tree!.address).subarray(0, 64), Buffer.alloc(64, 1));
});

plan("with much RAM, initramfs and device tree stay in the low 512 MiB", () => {
  const result = loadPlan(options(Buffer.alloc(4), { ramBytes: 1024 * MIB }));
  assert.ok(result.r2 < RAM + 512 * MIB);
});

plan("zImage and flat binaries go to RAM base + 0x10000, ELF segments where they say, with zeroes after them", () => {
  assert.equal(
    [loadPlan(options(zimage(0x400))).format, loadPlan(options(zimage(0x400))).entry],
    ["zimage", RAM + 0x10000],
  );
  assert.equal(
    [loadPlan(options(Buffer.alloc(8))).format, loadPlan(options(Buffer.alloc(8))).entry],
    ["flat", RAM + 0x10000],
  );
  const result = loadPlan(options(elf({ memoryBytes: 0x90, entry: RAM + 0x8001 })));
  assert.is(result.entry, RAM + 0x8001);
  assert.equal(result.segments[1], { address: RAM + 0x8080, source: { zeroes: 0x10 } });
});

plan("an ELF entry that is a virtual address is translated by the executable segment that holds it", () => {
  const linked = { address: RAM + 0x100000, virtual: 0x80100000, entry: 0x80100011 };
  assert.is(loadPlan(options(elf(linked))).entry, RAM + 0x100011);
  // The last byte of the file counts, the one after it does not (QEMU's load_elf compares with p_filesz).
  assert.is(loadPlan(options(elf({ ...linked, entry: 0x8010007f }))).entry, RAM + 0x10007f);
  assertFails("IMAGE_DAMAGED", () => loadPlan(options(elf({ ...linked, memoryBytes: 0x90, entry: 0x80100080 }))));
  assertFails("IMAGE_DAMAGED", () => loadPlan(options(elf({ ...linked, flags: 6 }))));
  // A physical address needs no translation.
  assert.is(loadPlan(options(elf({ ...linked, entry: RAM + 0x100004 }))).entry, RAM + 0x100004);
});

plan("an ELF segment below RAM goes to the flash window", () => {
  const result = loadPlan(options(elf({ address: 0x1_0000, memoryBytes: 0x1_0001, entry: 0x1_0020 })));
  assert.equal([result.entry, result.firmware.romBytes, result.segments[0]!.address], [0x1_0020, 0x3_0000, 0x1_0000]);
  assertFails("IMAGE_TOO_LARGE", () =>
    loadPlan(options(elf({ address: 0x3ff_ffff, fileBytes: 2, entry: 0x3ff_ffff }))),
  );
  assertFails("IMAGE_ADDRESS", () => loadPlan(options(elf({ address: 0x900_0000, entry: 0x900_0000 }))));
});

plan("ELF files and firmware find the device tree at RAM base, as on QEMU's virt, where it is free", () => {
  const treeAt = (kernel: Buffer): number => {
    const { segments, deviceTree, r2 } = loadPlan(options(kernel));
    const tree = segments.find(({ source }) => "bytes" in source && source.bytes === deviceTree);
    assert.is(tree!.address, r2);
    return r2;
  };
  assert.is(treeAt(elf({ address: RAM + 0x1_0000 })), RAM);
  assert.is(loadPlan(options(elf({ address: RAM + 0x1_0000 }))).r2, RAM);
  assert.is(treeAt(elf({ address: 0x1000 })), RAM, "all of it in flash");
  assert.ok(treeAt(elf({ address: RAM })) > RAM + 31 * MIB, "taken: at the top");
  assert.ok(treeAt(Buffer.alloc(8)) > RAM + 31 * MIB, "a flat binary looks into r2");
  const firmware = { kernel: null, firmware: { path: temporaryFile(Buffer.alloc(16)), sha256: null } };
  assert.is(loadPlan({ ...options(Buffer.alloc(4)), ...firmware }).r2, RAM);
});

plan(
  "an ELF kernel that is pinned by its hash: each part that is loaded has its own, and another file is refused",
  () => {
    const file = elf({ memoryBytes: 0x90 });
    const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    const plain = options(file);
    const pinned = loadPlan({ ...plain, kernel: { ...plain.kernel!, sha256: sha256(file) } });
    const { source } = pinned.segments[0]!;
    assert.is("sha256" in source && source.sha256, sha256(file.subarray(0x80, 0x100)));
    assertFails("IMAGE_HASH", () =>
      loadPlan({ ...plain, kernel: { ...plain.kernel!, sha256: sha256(Buffer.alloc(1)) } }),
    );
  },
);

plan("firmware goes to address 0 and is entered there", () => {
  const result = loadPlan({
    ...options(Buffer.alloc(4)),
    kernel: null,
    firmware: { path: temporaryFile(Buffer.alloc(70_000, 1)), sha256: null },
  });
  assert.equal([result.entry, result.firmware.romBytes, result.segments[0]!.address], [0, 128 << 10, 0]);
});

plan("firmware that is pinned by its hash: of the file whole, padding and all; another file is refused", () => {
  const padded = Buffer.concat([Buffer.alloc(70_000, 1), Buffer.alloc(200_000, 0xff)]);
  const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
  const load = (hash: string): LoadPlan =>
    loadPlan({
      ...options(Buffer.alloc(4)),
      kernel: null,
      firmware: { path: temporaryFile(padded), sha256: hash },
    });
  const { source } = load(sha256(padded)).segments[0]!;
  assert.is("sha256" in source && source.sha256, sha256(padded.subarray(0, 128 << 10)));
  assertFails("IMAGE_HASH", () => load(sha256(padded.subarray(1))));
});

plan("files that are no file, are empty, or are for another machine are refused with a reason", () => {
  const refused = (kernel: Uint8Array | string, code: string): void =>
    void assertFails(code, () => loadPlan(options(kernel)));
  const magic = (bytes: string | number[], at: number): Buffer => {
    const file = Buffer.alloc(0x300);
    Buffer.from(bytes as string, "latin1").copy(file, at);
    return file;
  };
  refused("/nonexistent/kernel", "IMAGE_UNREADABLE");
  refused(temporaryFolder(), "IMAGE_NOT_A_FILE");
  refused(Buffer.alloc(0), "IMAGE_EMPTY");
  refused(magic("ARM\x64", 0x38), "IMAGE_ARCHITECTURE");
  refused(magic("HdrS", 0x202), "IMAGE_ARCHITECTURE");
  refused(elf({ machine: 183 }), "IMAGE_ARCHITECTURE");
  refused(elf({ machine: 62 }), "IMAGE_ARCHITECTURE");
  refused(magic("\x1f\x8b", 0), "IMAGE_WRAPPED");
  refused(magic("ANDROID!", 0), "IMAGE_WRAPPED");
  refused(elf({ type: 3 }), "IMAGE_NOT_EXECUTABLE");
});

plan("truncated images and lengths that lie are refused", () => {
  const refused = (kernel: Uint8Array, code: string): void => void assertFails(code, () => loadPlan(options(kernel)));
  refused(zimage(0x401), "IMAGE_TRUNCATED");
  refused(zimage(0x10), "IMAGE_TRUNCATED");
  refused(elf({ fileBytes: 0x81 }), "IMAGE_TRUNCATED");
  refused(elf().subarray(0, 51), "IMAGE_TRUNCATED");
  refused(elf({ headerCount: 60 }), "IMAGE_TRUNCATED");
  refused(elf({ headerCount: 65535 }), "IMAGE_DAMAGED");
  refused(elf({ memoryBytes: 0x10 }), "IMAGE_DAMAGED");
  refused(elf({ entry: RAM }), "IMAGE_DAMAGED");
  refused(elf({ address: 0x3000_0000 }), "IMAGE_ADDRESS");
});

plan("what does not fit into RAM is refused: kernel, BSS, segments, and all together", () => {
  const big = options(Buffer.alloc(MIB), { ramBytes: MIB });
  assertFails("IMAGE_TOO_LARGE", () => loadPlan(big));
  const bss = options(Buffer.alloc(16));
  bss.kernel = { ...bss.kernel!, offset: 0x8000, bssBytes: 32 * MIB };
  assertFails("IMAGE_TOO_LARGE", () => loadPlan(bss));
  assertFails("IMAGE_TOO_LARGE", () => loadPlan(options(elf({ memoryBytes: 0xf0000000 }))));
  const initrd = { path: temporaryFile(Buffer.alloc(MIB)), sha256: null };
  const both = options(Buffer.alloc(1000 << 10), { ramBytes: 2 * MIB, initrd });
  assertFails("IMAGE_TOO_LARGE", () => loadPlan(both));
  const huge = { path: temporaryFile(Buffer.alloc(3 * MIB)), sha256: null };
  assertFails("IMAGE_TOO_LARGE", () => loadPlan(options(Buffer.alloc(4), { ramBytes: 2 * MIB, initrd: huge })));
});

plan("a kernel's offset must lie inside RAM, on a word", () => {
  for (const offset of [2, 32 * MIB, -4]) {
    const bad = options(Buffer.alloc(8));
    bad.kernel!.offset = offset;
    assertFails("IMAGE_OFFSET", () => loadPlan(bad));
  }
});

plan(
  "5,000 ELF files with random headers are planned or refused, and every plan stays inside RAM, flash and fw_cfg",
  () => {
    const generator = new Generator(2);
    const path = temporaryFile(elf());
    const { ramBytes } = options(path);
    for (let round = 0; round < 5_000; round++) {
      const file = elf();
      for (let count = 1 + generator.below(3); count > 0; count--)
        file[4 + generator.below(100)] = generator.below(256);
      writeFileSync(path, file);
      try {
        const planned = loadPlan(options(path));
        for (const { address, source } of planned.segments) {
          const length = "bytes" in source ? source.bytes.length : "zeroes" in source ? source.zeroes : source.length;
          const inRam = address >= RAM && address + length <= RAM + ramBytes;
          const inFwCfg = address >= FW_CFG_FILES && address + length <= FW_CFG_FILES + planned.firmware.fwCfgBytes;
          assert.ok(inRam || inFwCfg || address + length <= 64 * MIB);
        }
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
      }
    }
  },
);

plan.run();
