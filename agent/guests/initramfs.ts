// The fetched guest's initramfs: busybox, the kernel's modules and the init script.

import { readFileSync } from "node:fs";
import { boardFile } from "../paths.ts";
import { CPIO_CHARACTER_DEVICE, CPIO_DIRECTORY, CPIO_FILE, CPIO_LINK, cpioArchive, type CpioEntry } from "./cpio.ts";
import type { KernelModule } from "./module.ts";

/** A newc archive. `modules` stand in the order in which init loads them. */
export function initramfsBuild(busybox: Uint8Array, modules: KernelModule[]): Buffer {
  const folder = (name: string): CpioEntry => ({ name, mode: CPIO_DIRECTORY | 0o755 });
  const file = (name: string, data: Uint8Array, mode = 0o644): CpioEntry => ({ name, mode: CPIO_FILE | mode, data });
  return cpioArchive([
    ...["bin", "dev", "etc", "modules", "proc", "root", "run", "sys", "tmp"].map(folder),
    // The kernel opens /dev/console for init before init can mount devtmpfs.
    { name: "dev/console", mode: CPIO_CHARACTER_DEVICE | 0o600, device: [5, 1] },
    { name: "dev/null", mode: CPIO_CHARACTER_DEVICE | 0o666, device: [1, 3] },
    file("init", readFileSync(boardFile("guests", "linux", "init")), 0o755),
    file("bin/busybox", busybox, 0o755),
    { name: "bin/sh", mode: CPIO_LINK | 0o777, data: Buffer.from("busybox") },
    file("etc/passwd", Buffer.from("root::0:0:root:/root:/bin/sh\n")),
    file("etc/group", Buffer.from("root:x:0:\n")),
    file("etc/profile", Buffer.from("PS1='\\w \\$ '\n")),
    ...modules.map((module) => file(`modules/${module.name}.ko`, module.data)),
    file("modules/order", Buffer.from(modules.map((module) => `${module.name}\n`).join(""))),
  ]);
}
