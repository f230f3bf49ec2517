// From a recipe and a lock to a disk image and its manifest, without root and without mounting anything.

import { createHash } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gptWrite, SECTOR, TYPE_ESP, TYPE_LINUX, type GptPartition } from "../../agent/device/gpt.ts";
import { entryName, loaderConfig, loaderEntry } from "../../agent/update/boot-entries.ts";
import { aptUnpack } from "../../agent/guests/apt.ts";
import { packageVersion } from "../../agent/paths.ts";
import { makeEsp, type EspFile } from "./esp.ts";
import { derived, derivedUuid, lockedPackage, type Lock } from "./lock.ts";
import { measure, type Measurement } from "./measurement.ts";
import { NODE_PACKAGE, PackageStore } from "./packages.ts";
import { runProgram } from "./program.ts";
import type { Recipe } from "./recipe.ts";
import { makeRootTree } from "./root-tree.ts";
import { buildSlot, type Slot } from "./slot.ts";

const MIB = 1 << 20;

export interface BuiltImage {
  file: string;
  board: string;
  version: string;
  bytes: number;
  sha256: string;
  rootHash: string;
  sizes: { kernel: number; initramfs: number; root: number; tree: number; esp: number; data: number };
  measurement: Measurement;
  untried: boolean;
}

export interface BuildOptions {
  out: string;
  handset: string | null;
  progress: (line: string) => void;
}

/** Builds the image file, and beside it FILE.json, which names its hash. Throws ImageBuildError. */
export async function buildImage(recipe: Recipe, lock: Lock, options: BuildOptions): Promise<BuiltImage> {
  const { out, progress } = options;
  const scratch = mkdtempSync(join(tmpdir(), "pocketvisor-image-"));
  try {
    const { debian, node } = await unpack(recipe, lock, scratch, progress);
    progress("assembling the root");
    const tree = join(scratch, "tree");
    mkdirSync(tree);
    makeRootTree(tree, recipe, { debian, node, handset: options.handset });
    progress("packing the root, and hashing every block of it");
    const slot = buildSlot(recipe, lock, debian, tree, scratch);
    progress("writing the disk");
    mkdirSync(dirname(out), { recursive: true });
    const partial = `${out}.partial`;
    try {
      writeDisk(partial, recipe, lock, slot, debian, scratch);
      const sha256 = createHash("sha256").update(readFileSync(partial)).digest("hex");
      const built = describe(out, recipe, slot, sha256, tree, readFileSync(partial).length);
      writeFileSync(`${out}.json`, `${JSON.stringify({ format: 1, ...built, file: undefined }, null, 2)}\n`);
      renameSync(partial, out);
      return built;
    } finally {
      rmSync(partial, { force: true });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function unpack(
  recipe: Recipe,
  lock: Lock,
  scratch: string,
  progress: (line: string) => void,
): Promise<{ debian: string; node: string }> {
  const store = new PackageStore(progress);
  const debian = join(scratch, "debian");
  for (const name of recipe.packages) lockedPackage(lock.debian, name);
  for (const wanted of lock.debian) await aptUnpack(await store.debian(recipe, wanted), debian);
  const node = join(scratch, "node");
  mkdirSync(node);
  const tarball = store.npm(lockedPackage(lock.npm, NODE_PACKAGE));
  runProgram("tar", ["-xzf", tarball, "-C", node, "package/bin/node"]);
  return { debian, node };
}

/** Boot partition, both roots, data, and the table around them. Slot B is empty until the first update. */
function writeDisk(path: string, recipe: Recipe, lock: Lock, slot: Slot, debian: string, scratch: string): void {
  const { sizes } = recipe;
  const esp = join(scratch, "esp.img");
  const serial = derived(lock, "esp serial").readUInt32LE(0);
  makeEsp(esp, sizes.esp, serial, lock.epoch, bootFiles(recipe, slot, debian), scratch);
  const data = join(scratch, "data.img");
  makeData(data, sizes.data, lock);
  const named = (name: string, type: string, bytes: number): { name: string; type: string; bytes: number } => ({
    name,
    type,
    bytes,
  });
  const layout = [
    named("esp", TYPE_ESP, sizes.esp),
    named("root-a", TYPE_LINUX, sizes.root),
    named("root-b", TYPE_LINUX, sizes.root),
    named("data", TYPE_LINUX, sizes.data),
  ];
  let at = MIB;
  const partitions = layout.map(({ name, type, bytes }): GptPartition => {
    const first = at / SECTOR;
    at += bytes;
    return { name, type, id: derivedUuid(lock, `partition ${name}`), first, last: at / SECTOR - 1 };
  });
  const total = at + MIB;
  const table = gptWrite({ diskId: derivedUuid(lock, "disk"), partitions }, total / SECTOR);
  writeFileSync(path, "");
  truncateSync(path, total);
  const file = openSync(path, "r+");
  try {
    const put = (bytes: Buffer, sector: number): void => writeSparse(file, bytes, sector * SECTOR);
    put(table.first.bytes, table.first.sector);
    put(readFileSync(esp), partitions[0]!.first);
    put(slot.root, partitions[1]!.first);
    put(readFileSync(data), partitions[3]!.first);
    put(table.second.bytes, table.second.sector);
  } finally {
    closeSync(file);
  }
}

/** Blocks of zeroes stay holes. */
function writeSparse(file: number, bytes: Buffer, at: number): void {
  const step = 64 << 10;
  const zeroes = Buffer.alloc(step);
  for (let done = 0; done < bytes.length; done += step) {
    const piece = bytes.subarray(done, done + step);
    if (!piece.equals(zeroes.subarray(0, piece.length))) writeSync(file, piece, 0, piece.length, at + done);
  }
}

function bootFiles(recipe: Recipe, slot: Slot, debian: string): EspFile[] {
  const loader = readFileSync(join(debian, "usr/lib/systemd/boot/efi/systemd-bootaa64.efi"));
  const entry = loaderEntry("a", packageVersion(), `${recipe.commandLine} ${slot.words}`);
  return [
    { name: "EFI/BOOT/BOOTAA64.EFI", data: loader },
    { name: "loader/loader.conf", data: Buffer.from(loaderConfig("a")) },
    { name: `loader/entries/${entryName("a", null)}`, data: Buffer.from(entry) },
    { name: "pocketvisor/a/linux", data: slot.kernel },
    { name: "pocketvisor/a/initrd", data: slot.initramfs },
  ];
}

function makeData(path: string, bytes: number, lock: Lock): void {
  writeFileSync(path, "");
  truncateSync(path, bytes);
  const seed = derivedUuid(lock, "directory hashes");
  const options = `hash_seed=${seed},lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0,nodiscard`;
  runProgram(
    "mke2fs",
    ["-q", "-F", "-t", "ext4", "-L", "data", "-m", "1", "-U", derivedUuid(lock, "data"), "-E", options, path],
    {
      E2FSPROGS_FAKE_TIME: String(lock.epoch),
    },
  );
}

function describe(file: string, recipe: Recipe, slot: Slot, sha256: string, tree: string, bytes: number): BuiltImage {
  return {
    file,
    board: recipe.board,
    version: packageVersion(),
    bytes,
    sha256,
    rootHash: slot.rootHash,
    sizes: {
      kernel: slot.kernel.length,
      initramfs: slot.initramfs.length,
      root: slot.squashBytes,
      tree: slot.root.length - slot.squashBytes,
      esp: recipe.sizes.esp,
      data: recipe.sizes.data,
    },
    measurement: measure(tree),
    untried: recipe.untried,
  };
}
