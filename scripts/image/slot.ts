// One slot of an image: kernel, initramfs, root with its hash tree, and what the boot loader says of them.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CPIO_DIRECTORY, CPIO_FILE, cpioArchive } from "../../agent/guests/cpio.ts";
import { moduleClosure } from "../../agent/guests/module.ts";
import { boardFile } from "../../agent/paths.ts";
import { earlyArchive } from "./early.ts";
import { ImageBuildError } from "./failure.ts";
import { derived, type Lock } from "./lock.ts";
import { runProgram } from "./program.ts";
import type { Recipe } from "./recipe.ts";
import { VERITY_BLOCK, verityTree } from "./verity.ts";

/** Level 15 makes a root of Node 8 % smaller, and takes six times as long. */
const ZSTD_LEVEL = "9";

export interface Slot {
  kernel: Buffer;
  initramfs: Buffer;
  /** The squashfs and behind it the hash tree. */
  root: Buffer;
  squashBytes: number;
  rootHash: string;
  /** Words for the kernel's command line, but for the slot's letter. */
  words: string;
  modules: string[];
}

/** Builds the slot from the unpacked packages and the root's tree. */
export function buildSlot(recipe: Recipe, lock: Lock, debian: string, tree: string, scratch: string): Slot {
  const release = readdirSync(join(debian, "lib/modules"))[0];
  if (release === undefined) throw new ImageBuildError("IMAGE_KERNEL", "the kernel's package has no modules");
  const modules = moduleClosure(join(debian, "lib/modules", release), recipe.modules, true);
  const squash = join(scratch, "root.squashfs");
  runProgram(
    "mksquashfs",
    [tree, squash, "-noappend", "-quiet", "-no-progress", "-all-root", "-no-xattrs", "-comp", "zstd"].concat([
      "-Xcompression-level",
      ZSTD_LEVEL,
      "-b",
      "128K",
    ]),
    { SOURCE_DATE_EPOCH: String(lock.epoch) },
  );
  const packed = readFileSync(squash);
  const data = Buffer.concat([packed, Buffer.alloc(-packed.length & (VERITY_BLOCK - 1))]);
  const salt = derived(lock, "verity salt");
  const verity = verityTree(data, salt);
  const root = Buffer.concat([data, verity.tree]);
  if (root.length > recipe.sizes.root) {
    const what = `the root has ${mebibytes(root.length)}, its partition ${mebibytes(recipe.sizes.root)}`;
    throw new ImageBuildError("IMAGE_SIZE", what, "Make sizes.root in image.json larger.");
  }
  return {
    kernel: readFileSync(join(debian, "boot", `vmlinuz-${release}`)),
    initramfs: Buffer.concat([acpiTables(recipe, scratch), compressed(earlyArchive(debian, modules), scratch)]),
    root,
    squashBytes: packed.length,
    rootHash: verity.rootHash,
    words: `pv.blocks=${verity.blockCount} pv.root=${verity.rootHash} pv.salt=${salt.toString("hex")} pv.epoch=${lock.epoch}`,
    modules: modules.map(({ name }) => name),
  };
}

/** Tables that the kernel takes up at its start (Linux Documentation/admin-guide/acpi/initrd_table_override.rst): they come first, in an archive
 *  that is not compressed. */
function acpiTables(recipe: Recipe, scratch: string): Buffer {
  const source = boardFile(recipe.board, "battery.dsl");
  if (!existsSync(source)) return Buffer.alloc(0);
  const prefix = join(scratch, "battery");
  runProgram("iasl", ["-vs", "-p", prefix, source]);
  const folders = ["kernel", "kernel/firmware", "kernel/firmware/acpi"];
  const archive = cpioArchive([
    ...folders.map((name) => ({ name, mode: CPIO_DIRECTORY | 0o755 })),
    { name: "kernel/firmware/acpi/battery.aml", mode: CPIO_FILE | 0o644, data: readFileSync(`${prefix}.aml`) },
  ]);
  return Buffer.concat([archive, Buffer.alloc(-archive.length & 511)]);
}

function compressed(archive: Buffer, scratch: string): Buffer {
  const path = join(scratch, "early.cpio");
  writeFileSync(path, archive);
  runProgram("zstd", ["-q", "-19", "--single-thread", "--no-progress", "-f", path, "-o", `${path}.zst`]);
  return readFileSync(`${path}.zst`);
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
