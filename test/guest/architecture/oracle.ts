// The architecture guests on qemu-system-arm -M virt: what they print there is what they must print here.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { QEMU, virtArguments } from "../../support/qemu-virt.js";

export const ARCHITECTURE_GUESTS = ["board", "exceptions", "lpae", "mmu", "timer"] as const;
const QEMU_SECONDS = 60;

export function guestPath(name: string, ending: string): string {
  return fileURLToPath(new URL(`${name}.${ending}`, import.meta.url));
}

/** What `name` printed on the oracle when it was last recorded. */
export function recordedOutput(name: string): string {
  return readFileSync(guestPath(name, "expected"), "utf8");
}

/** What `name` prints on qemu-system-arm now. Throws when it is not there or does not come to its end. */
export function liveOutput(name: string): string {
  const machine = [...virtArguments("cortex-a7", 64, "stdio"), "-kernel", guestPath(name, "bin")];
  const result = spawnSync(QEMU, machine, { encoding: "utf8", timeout: QEMU_SECONDS * 1000, input: "" });
  if (result.error) throw result.error;
  const text = result.stdout.replaceAll("\r", "");
  if (!text.endsWith("end\n")) throw new Error(`${name} did not come to its end on the oracle:\n${text}`);
  return text;
}

export function recordOutput(name: string): void {
  writeFileSync(guestPath(name, "expected"), liveOutput(name));
}
