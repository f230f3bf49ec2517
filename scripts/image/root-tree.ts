// The read-only root of a device: busybox, glibc, Node, the product, guests.

import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { guestFolder, readCachedGuest } from "../../agent/guests/cache.ts";
import { readHandsetFile } from "../../agent/handset/file.ts";
import { boardFile } from "../../agent/paths.ts";
import { root as project } from "../stale.mjs";
import { neededLibraries } from "./elf.ts";
import { ImageBuildError } from "./failure.ts";
import type { Recipe } from "./recipe.ts";

/** What scripts of the device call busybox by. */
const APPLETS =
  "sh acpid basename cat cp date dirname dmesg free grep head hostname ifconfig ip kill ln logger ls mkdir mkswap mount mv ping poweroff ps readlink reboot rm route sed sleep swapoff swapon sync tail top touch udhcpc umount uname usleep vi wc";
/** Of build/: everything that a device runs; the fleet's side and source maps stay away. */
const PRODUCTS =
  /^(pocketvisor|device|agent|handset-worker|io-worker|network-worker|shell-worker|script-worker)\.mjs$|^(?!.*debug).*\.wasm$|^(gate|verify)-program\.js$|^manifest\.json$|^NOTICES\.txt$/;
const PROGRAMS = ["sbin/e2fsck", "sbin/resize2fs", "usr/bin/flock", "usr/bin/partx"];
const HANDSET = "etc/pocketvisor";

export interface RootParts {
  /** Where the packages are unpacked. */
  debian: string;
  node: string;
  /** The handset file; null: the board's own. */
  handset: string | null;
}

/** Makes the tree in the empty folder `tree`. */
export function makeRootTree(tree: string, recipe: Recipe, parts: RootParts): void {
  for (const name of "bin boot data dev etc lib opt proc root run sbin sys tmp usr/bin usr/lib usr/sbin usr/share".split(
    " ",
  )) {
    mkdirSync(join(tree, name), { recursive: true });
  }
  copyIn(tree, "bin/busybox", join(parts.debian, "bin/busybox"), 0o755);
  for (const name of APPLETS.split(" ")) symlinkSync("busybox", join(tree, "bin", name));
  copyIn(tree, "usr/bin/node", join(parts.node, "package/bin/node"), 0o755);
  for (const name of PROGRAMS) copyIn(tree, name, join(parts.debian, name), 0o755);
  copyLibraries(tree, parts);
  copyIn(tree, "sbin/init", boardFile("device", "init"), 0o755);
  copyIn(tree, "etc/udhcpc", boardFile("device", "udhcpc"), 0o755);
  copyIn(tree, "etc/acpi/PWRF/00000080", boardFile("device", "power-key"), 0o755);
  write(tree, "etc/passwd", "root:x:0:0:root:/data/home:/bin/sh\n");
  write(tree, "etc/group", "root:x:0:\n");
  write(tree, "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
  symlinkSync("/run/resolv.conf", join(tree, "etc/resolv.conf"));
  symlinkSync("/proc/mounts", join(tree, "etc/mtab"));
  write(tree, "etc/ssl/certs/ca-certificates.crt", authorities(parts.debian));
  copyProduct(tree, recipe);
  copyHandset(tree, recipe, parts.handset);
  settleModes(tree);
}

function copyIn(tree: string, name: string, from: string, mode: number): void {
  const path = join(tree, name);
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(from, path);
  chmodSync(path, mode);
}

function write(tree: string, name: string, text: string): void {
  mkdirSync(dirname(join(tree, name)), { recursive: true });
  writeFileSync(join(tree, name), text);
}

/** Node and Debian's programs look for their libraries in /lib; the loader's own path is part of every program. */
function copyLibraries(tree: string, parts: RootParts): void {
  const linker = join(parts.debian, "lib/ld-linux-aarch64.so.1");
  if (!existsSync(linker))
    throw new ImageBuildError("IMAGE_LIBRARY", "no package of the recipe has the dynamic loader");
  const node = "usr/bin/node-for-libraries";
  mkdirSync(dirname(join(parts.debian, node)), { recursive: true });
  copyFileSync(join(parts.node, "package/bin/node"), join(parts.debian, node));
  const libraries = neededLibraries(parts.debian, [node, ...PROGRAMS]);
  rmSync(join(parts.debian, node));
  for (const path of libraries) copyIn(tree, join("lib", path.split("/").at(-1)!), join(parts.debian, path), 0o755);
  copyIn(tree, "lib/ld-linux-aarch64.so.1", linker, 0o755);
}

function authorities(debian: string): string {
  const folder = join(debian, "usr/share/ca-certificates/mozilla");
  const names = readdirSync(folder).sort();
  return names.map((name) => readFileSync(join(folder, name), "utf8")).join("");
}

function copyProduct(tree: string, recipe: Recipe): void {
  const own = join(tree, "opt/pocketvisor");
  for (const name of readdirSync(join(project, "build")).filter((each) => PRODUCTS.test(each))) {
    copyIn(own, join("build", name), join(project, "build", name), 0o644);
  }
  // What build/ was made for has the fleet's programs too; the device's manifest names what is here.
  copyIn(own, "package.json", join(project, "package.json"), 0o644);
  copyIn(own, "LICENSE", join(project, "LICENSE"), 0o644);
  const board = JSON.parse(readFileSync(boardFile(recipe.board, "board.json"), "utf8")) as Record<string, unknown>;
  board["sensors"] = { ...(board["sensors"] as object), ...recipe.sensors };
  write(own, `boards/${recipe.board}/board.json`, `${JSON.stringify(board, null, 2)}\n`);
  cpSync(boardFile("guests"), join(own, "boards/guests"), { recursive: true });
}

/** The handset's file, its kernels and images beside it, and the guests that it names. */
function copyHandset(tree: string, recipe: Recipe, path: string | null): void {
  const source = path ?? boardFile("device", "handset.yaml");
  const text = readFileSync(source, "utf8");
  write(tree, `${HANDSET}/handset.yaml`, text.replace(/^board: BOARD$/m, `board: ${recipe.board}`));
  const copied = join(tree, HANDSET, "handset.yaml");
  for (const name of filesNamed(text)) copyIn(tree, join(HANDSET, name), join(dirname(source), name), 0o644);
  const file = readHandsetFile(copied);
  for (const guest of new Set(file.partitions.map((partition) => partition.guest))) {
    if (guest === null) continue;
    const cached = readCachedGuest(guest);
    if (cached === null) {
      const hint = `Fetch it first: npx pocketvisor guest fetch ${guest}`;
      throw new ImageBuildError(
        "IMAGE_GUEST",
        `the handset runs the guest "${guest}", which is not in the cache`,
        hint,
      );
    }
    const folder = `usr/share/pocketvisor/guests/${guest}`;
    for (const part of [cached.kernel, cached.initramfs]) {
      if (part !== null) copyIn(tree, `${folder}/${part.name}`, join(guestFolder(guest), part.name), 0o644);
    }
    // When it was fetched is no part of what it is.
    write(
      tree,
      `${folder}/guest.json`,
      `${JSON.stringify({ ...cached, fetchedAt: "1970-01-01T00:00:00.000Z" }, null, 2)}\n`,
    );
  }
}

/** Files that a handset file names. They are taken along, so they must lie beside it. */
function filesNamed(text: string): string[] {
  const names = [...text.matchAll(/\b(?:kernel|initrd|firmware|dtb):\s*["']?([^\s,"'{}]+)/g)].map((match) => match[1]!);
  for (const name of names) {
    if (/^[A-Za-z0-9._-]{1,100}$/.test(name)) continue;
    const hint = "Copy it beside the handset file, and name it without a folder.";
    throw new ImageBuildError("IMAGE_HANDSET", `the handset file names "${name}", which does not lie beside it`, hint);
  }
  return [...new Set(names)];
}

/** This user's umask is no part of an image. */
function settleModes(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) settleModes(path);
    else if (entry.isFile()) chmodSync(path, (statSync(path).mode & 0o111) !== 0 ? 0o755 : 0o644);
  }
}
