// The fetched guest's initramfs: busybox, the kernel's modules and the init script.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { boardFile } from "../paths.ts";
import { CPIO_CHARACTER_DEVICE, CPIO_DIRECTORY, CPIO_FILE, CPIO_LINK, cpioArchive, type CpioEntry } from "./cpio.ts";
import type { GuestManifest } from "./manifest.ts";
import type { KernelModule } from "./module.ts";

/** Modules in the order in which init loads them: always, and where the device tree has a node. */
export interface GuestModules {
  always: KernelModule[];
  byNode: Map<string, KernelModule[]>;
}

/** Our own files in it. */
const SCRIPTS = ["init", "keep-shell", "power-key", "udhcpc"];

function script(name: string): Buffer {
  return readFileSync(boardFile("guests", "linux", name));
}

/** Changes when our part of the initramfs does, or what the manifest loads: a guest that was fetched before is made again. */
export function recipeOf(manifest: GuestManifest): string {
  const hash = createHash("sha256").update(JSON.stringify(manifest));
  if ("firmware" in manifest) return hash.digest("hex");
  for (const name of SCRIPTS) hash.update(script(name));
  return hash.digest("hex");
}

/** A newc archive. */
export function initramfsBuild(busybox: Uint8Array, { always, byNode }: GuestModules): Buffer {
  const order = (modules: KernelModule[]): Buffer => Buffer.from(modules.map(({ name }) => `${name}\n`).join(""));
  const modules = new Map([always, ...byNode.values()].flat().map((module) => [module.name, module.data]));
  const folder = (name: string): CpioEntry => ({ name, mode: CPIO_DIRECTORY | 0o755 });
  const file = (name: string, data: Uint8Array, mode = 0o644): CpioEntry => ({ name, mode: CPIO_FILE | mode, data });
  return cpioArchive([
    ...[
      "bin",
      "dev",
      "etc",
      "etc/acpi",
      "etc/acpi/PWRF",
      "modules",
      "modules/if",
      "proc",
      "root",
      "run",
      "sys",
      "tmp",
    ].map(folder),
    // The kernel opens /dev/console for init before init can mount devtmpfs.
    { name: "dev/console", mode: CPIO_CHARACTER_DEVICE | 0o600, device: [5, 1] },
    { name: "dev/null", mode: CPIO_CHARACTER_DEVICE | 0o666, device: [1, 3] },
    file("init", script("init"), 0o755),
    file("etc/keep-shell", script("keep-shell")),
    file("etc/acpi/PWRF/00000080", script("power-key"), 0o755),
    file("etc/udhcpc", script("udhcpc"), 0o755),
    file("bin/busybox", busybox, 0o755),
    { name: "bin/sh", mode: CPIO_LINK | 0o777, data: Buffer.from("busybox") },
    file("etc/passwd", Buffer.from("root::0:0:root:/root:/bin/sh\n")),
    file("etc/group", Buffer.from("root:x:0:\n")),
    file("etc/profile", Buffer.from("PS1='\\w \\$ '\n")),
    ...[...modules].map(([name, data]) => file(`modules/${name}.ko`, data)),
    file("modules/order", order(always)),
    ...[...byNode].map(([node, needed]) => file(`modules/if/${node}`, order(needed))),
  ]);
}
