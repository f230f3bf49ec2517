// The initramfs of a device's first stage: busybox, dmsetup with its libraries, the kernel's modules in loading order.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  CPIO_CHARACTER_DEVICE,
  CPIO_DIRECTORY,
  CPIO_FILE,
  cpioArchive,
  type CpioEntry,
} from "../../agent/guests/cpio.ts";
import type { KernelModule } from "../../agent/guests/module.ts";
import { boardFile } from "../../agent/paths.ts";
import { neededLibraries } from "./elf.ts";

const DMSETUP = "sbin/dmsetup";

/** A newc archive, uncompressed. */
export function earlyArchive(debian: string, modules: KernelModule[]): Buffer {
  const folder = (name: string): CpioEntry => ({ name, mode: CPIO_DIRECTORY | 0o755 });
  const file = (name: string, data: Uint8Array, mode = 0o644): CpioEntry => ({ name, mode: CPIO_FILE | mode, data });
  const from = (name: string, path: string): CpioEntry => file(name, readFileSync(join(debian, path)), 0o755);
  const libraries = neededLibraries(debian, [DMSETUP]).map((path) => from(`lib/${path.split("/").at(-1)!}`, path));
  return cpioArchive([
    ...["bin", "dev", "lib", "modules", "proc", "root", "sys"].map(folder),
    // The kernel opens /dev/console for init before init can mount devtmpfs.
    { name: "dev/console", mode: CPIO_CHARACTER_DEVICE | 0o600, device: [5, 1] },
    file("init", readFileSync(boardFile("device", "stage1")), 0o755),
    from("bin/busybox", "bin/busybox"),
    from("bin/dmsetup", DMSETUP),
    ...libraries.filter(({ name }) => name !== "lib/ld-linux-aarch64.so.1"),
    from("lib/ld-linux-aarch64.so.1", "lib/ld-linux-aarch64.so.1"),
    ...modules.map(({ name, data }) => file(`modules/${name}.ko`, data)),
    file("modules/order", Buffer.from(modules.map(({ name }) => `${name}\n`).join(""))),
  ]);
}
